"""Codes that are read out and typed: which session an agent is to join. Pure; `now` in ms.

A code is longer the more there are, so that guessing as fast as it is allowed to finds one of them with a chance of at
most `CHANCE` in ten minutes.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from .limits import GUESSES_PER_MINUTE

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Letters and digits that are not taken for one another."""
LENGTH: Final = 6
"""The least that a code has."""
LASTS_MS: Final = 20 * 60_000
"""How long a code can be used for the first time; a used one stays with its session."""
CHANCE: Final = 1e-3
GUESSES: Final = 10 * GUESSES_PER_MINUTE
"""What is allowed in ten minutes, on each site."""


def most(length: int) -> int:
    """How many codes of that length there may be.

    By the union bound n codes are found by g guesses with a chance of at most g·n / 31^length. Half of what that allows
    is given out: sessions of before a restart come back with the codes they had.
    """
    return int(CHANCE / 2 * len(ALPHABET) ** length / GUESSES)


def length(live: int) -> int:
    """The length of the next code, when there are `live` ones."""
    fits = LENGTH
    while live >= most(fits):
        fits += 1
    return fits


def typed(text: str) -> str:
    """The code that was meant, however it was typed."""
    return "".join(text.upper().split()).replace("-", "")


@dataclass
class Code:
    """A session's code."""

    session: str
    since: float
    used: bool = False

    def lasts(self, now: float) -> bool:
        return self.used or now - self.since < LASTS_MS


class Codes:
    """The codes of the sessions that there are."""

    def __init__(self) -> None:
        self._codes: dict[str, Code] = {}
        self._of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def give(self, session: str, now: float, before: str | None = None) -> str:
        """The session's code: the one it has while that lasts, else a new one.

        A session that comes back to a server which has forgotten it keeps the one of `before`, unless another has it.
        """
        held = self._of.get(session)
        if held is not None and self._codes[held].lasts(now):
            return held
        self.forget(session)
        free = held is None and before is not None and before not in self._codes
        code = before if free and before is not None else self._new()
        self._codes[code] = Code(session, now)
        self._of[session] = code
        return code

    def find(self, text: str, now: float) -> str | None:
        """The session with that code, if it lasts."""
        code = self._codes.get(typed(text))
        return code.session if code is not None and code.lasts(now) else None

    def use(self, session: str) -> None:
        """The session's code was used: it stays."""
        self._codes[self._of[session]].used = True

    def forget(self, session: str) -> None:
        """The session is over."""
        code = self._of.pop(session, None)
        if code is not None:
            del self._codes[code]

    def clear(self) -> None:
        self._codes.clear()
        self._of.clear()

    def _new(self) -> str:
        while True:
            code = "".join(secrets.choice(ALPHABET) for _ in range(length(len(self._codes))))
            if code not in self._codes:
                return code
