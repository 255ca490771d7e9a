"""The package's errors.

    CobrowseError
    ├── Rejected          a remote party's fault: its connection closes with `code` and the text as reason
    │   └── Busy          it asks for too much, or too soon: the text says when to come back
    ├── SettingsError     the operator's fault: a setting that cannot be used
    └── LeakTestError     `cobrowse leaktest` could not be run to its end

`records.InvalidMessage` (a ValueError) is what decoding raises; the hub turns it into `CloseCode.INVALID`.
"""

from __future__ import annotations

import math

from .close_codes import CloseCode


class CobrowseError(Exception):
    """Any error of this package."""


class Rejected(CobrowseError):
    """A remote party asked for what it may not have; the text tells it why."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Busy(Rejected):
    """Too much is asked for now; `after_s` says when to come back."""

    def __init__(self, what: str, wait_ms: float) -> None:
        self.after_s = max(1, math.ceil(wait_ms / 1_000))
        super().__init__(CloseCode.BUSY, f"{what}; come back in {self.after_s} s")


class SettingsError(CobrowseError):
    """A setting that cannot be used; the text names it, its value and the remedy."""


class LeakTestError(CobrowseError):
    """The leak test could not be run to its end, so nothing is known; the text says why."""
