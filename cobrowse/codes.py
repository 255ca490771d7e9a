"""Codes that are read out and typed: which session an agent is to join."""

from __future__ import annotations

import secrets
from collections.abc import Container
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Letters and digits that are not taken for one another."""
LENGTH: Final = 6


def new_code(taken: Container[str]) -> str:
    """A code that is not `taken`."""
    while True:
        code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        if code not in taken:
            return code


def typed(text: str) -> str:
    """The code that was meant, however it was typed."""
    return "".join(text.upper().split()).replace("-", "")
