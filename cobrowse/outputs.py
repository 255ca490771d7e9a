"""What the pure core asks for: frozen values that `hub.py` carries out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from .close_codes import CloseCode

BROADCASTER: Final = ""
"""The broadcaster's participant id; viewers have random ones."""


@dataclass(frozen=True)
class Send:
    """Send a control message to a participant, if it is connected."""

    to: str
    message: BaseModel


@dataclass(frozen=True)
class Forward:
    """Send a volatile record to a participant; it may be dropped, and a later one of the same `key` replaces it."""

    to: str
    key: tuple[str, str]
    record: bytes


@dataclass(frozen=True)
class Wake:
    """There may be something to `pull` for a viewer; None: for all that read by the relay."""

    viewer: str | None = None


@dataclass(frozen=True)
class Drop:
    """Close a participant's connection."""

    to: str
    code: CloseCode
    reason: str


Output = Send | Forward | Wake | Drop
