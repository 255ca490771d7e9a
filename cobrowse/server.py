"""uvicorn, as `cobrowse serve` runs it: it says goodbye before it stops, and waits for nobody's request for ever."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .hub import Hub
from .records import MAX_MESSAGE
from .transports.push import PushProtocol

REQUEST_WITHIN_S: Final = 5.0
"""From opening, or from its first byte, until a request's headers are there. uvicorn has no such limit."""


class Protocol(HttpToolsProtocol):
    """HTTP, of which a request that does not come makes an end."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def on_message_begin(self) -> None:
        self._expect()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._came()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # It has this protocol: a cycle that nobody breaks once the WebSocket's has taken over.
        self.parser = None  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self._came()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_WITHIN_S, self.transport.close)

    def _came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """uvicorn, which closes sockets before the lifespan ends: everybody is told to come back before that."""

    def __init__(self, hub: Hub, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws=PushProtocol,
            ws_max_size=2 * MAX_MESSAGE,  # over MAX_MESSAGE we close ourselves, with a reason
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            access_log=False,
            proxy_headers=False,  # the app looks at them, whatever serves it
            server_header=False,
            log_level="warning",
            timeout_graceful_shutdown=5,
        )
        super().__init__(config)
        self.hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()  # who comes now is the next process's
        await self.hub.stop()
        for connection in list(self.server_state.connections):
            # Who has not taken what is on its way by now is not waited for: closing would flush that first.
            if connection.transport.get_write_buffer_size():
                connection.transport.abort()
        await super().shutdown(sockets)
