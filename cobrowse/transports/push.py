"""uvicorn's WebSocket, which can also be written to at once, without a task: what fan-out to many is made of.

A send by ASGI wakes a task, walks through every layer, and makes the WebSocket frame anew for each viewer: three times
what the kernel takes for it. `cobrowse serve` gives this class to uvicorn; under another server, where the extension is
missing from the scope, the transport sends by ASGI. It leans on parts of uvicorn's class that are not public (0.54).
"""

from __future__ import annotations

from typing import Any, Final
from weakref import ref

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

PUSH: Final = "cobrowse.push"
"""The extension of the scope; its value has a weak reference to the protocol under `protocol`."""
BINARY: Final = b"\x82"
"""The first byte of an unfragmented binary message (RFC 6455, section 5.2)."""


CLOSE_WITHIN_S: Final = 2.0
"""How long the other end's close frame is waited for."""


class PushProtocol(WebSocketsSansIOProtocol):
    """One WebSocket of uvicorn's."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.close_timeout = CLOSE_WITHIN_S

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        self.scope["extensions"][PUSH] = {"protocol": ref(self)}  # not itself: the scope is its own, a cycle

    @property
    def takes(self) -> bool:
        """Whether it is open, and what was written before has gone down far enough to write more."""
        open_ = self.handshake_complete and not self.close_sent and not self.transport.is_closing()
        return open_ and self.writable.is_set()

    def push(self, message: bytes) -> None:
        """Write a binary message; only while it `takes`."""
        self.transport.writelines((head(len(message)), message))


def head(size: int) -> bytes:
    """What stands before a binary message of the server's of that size (RFC 6455, section 5.2)."""
    if size < 126:
        return BINARY + size.to_bytes(1, "big")
    if size < 65_536:
        return BINARY + b"\x7e" + size.to_bytes(2, "big")
    return BINARY + b"\x7f" + size.to_bytes(8, "big")
