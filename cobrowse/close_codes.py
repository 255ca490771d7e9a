"""Why a connection ends, as one enum; `docs/protocol.md` says what each means."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """Why a connection ended. 4000-4099: come back; 4100-4199: do not, the reason says what to mend."""

    RESTARTING = 4000
    BUSY = 4001
    SLOW = 4002
    SILENT = 4003
    GARBLED = 4004
    INVALID = 4100
    UNAUTHORIZED = 4101
    ORIGIN_NOT_ALLOWED = 4102
    UNKNOWN_SESSION = 4103
    UNKNOWN_SITE = 4104
    VERSION_MISMATCH = 4105
    TOO_LARGE = 4106
    NOT_PERMITTED = 4107
    REFUSED = 4108
    REMOVED = 4109
    ENDED = 4110
    REPLACED = 4111
    NO_HELLO = 4112
