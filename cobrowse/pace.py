"""How fast a viewer may send: more is not passed on, so that no viewer fills the way to the visitor. Pure.

Its twin, with the same figures, is `client/src/broadcaster/pace.ts`.
"""

from __future__ import annotations

from typing import Final

A_SECOND: Final = 100
AT_ONCE: Final = 200


class Pace:
    """A bucket of `AT_ONCE` that `A_SECOND` a second fill; `now` in ms."""

    def __init__(self) -> None:
        self._left = float(AT_ONCE)
        self._at: float | None = None

    def allows(self, now: float) -> bool:
        """Count one; False when it is too fast."""
        self._left = min(AT_ONCE, self._left + (now - (self._at or now)) * A_SECOND / 1_000)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
