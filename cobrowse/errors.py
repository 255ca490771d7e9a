"""The package's errors.

    CobrowseError
    ├── Rejected          a remote party's fault: its connection closes with `code` and the text as reason
    └── SettingsError     the operator's fault: a setting that cannot be used

`records.InvalidMessage` (a ValueError) is what decoding raises; the hub turns it into `CloseCode.INVALID`.
"""

from __future__ import annotations

from .close_codes import CloseCode


class CobrowseError(Exception):
    """Any error of this package."""


class Rejected(CobrowseError):
    """A remote party asked for what it may not have; the text tells it why."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class SettingsError(CobrowseError):
    """A setting that cannot be used; the text names it, its value and the remedy."""
