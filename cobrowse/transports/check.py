"""Two bytes at the end of a message that show whether it has come as it was sent, and as which. Pure.

For roads without TLS, where something on the way may change, lose or repeat bytes: TCP's own check is weak, and ends at
every proxy. Its twin is `client/src/link/check.ts`. Text: `docs/protocol.md`, "Checked messages".
"""

from __future__ import annotations

from binascii import crc_hqx
from typing import Final

CHECK_SIZE: Final = 2
WORD: Final = "check"
"""In the query of an address, it asks that the messages of this connection be checked."""


class Garbled(ValueError):
    """Bytes that are not what was sent, or not in its turn."""


def _check(message: bytes, n: int) -> bytes:
    return (crc_hqx(message, ~n & 0xFFFF) ^ 0xFFFF).to_bytes(CHECK_SIZE, "big")


def sealed(message: bytes, n: int) -> bytes:
    """Message `n` of a direction, with its check."""
    return message + _check(message, n)


def opened(whole: bytes, n: int) -> bytes:
    """The message in what has come as the `n`th; raises Garbled when that is not what was sent as the `n`th."""
    message = whole[:-CHECK_SIZE]
    if len(whole) < CHECK_SIZE or whole[-CHECK_SIZE:] != _check(message, n):
        raise Garbled(f"message {n}, of {len(whole)} bytes, was changed on the way")
    return message
