"""The WebSocket transport: one reader and one writer task a connection.

The writer sends whatever has gathered as one message. A send that does not finish in time frees the connection:
a stalled reader would hold it for ever, as closing waits for a flush that never comes.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Final

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ..close_codes import CloseCode
from ..codec import encode
from ..connection import Connection
from ..hub import Hub
from ..messages import Closed
from .check import WORD, Garbled, opened, sealed

SEND_WITHIN_S: Final = 5.0


class WebSocketTransport:
    """The ASGI endpoint of `/ws`."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        address = websocket.client.host if websocket.client else ""
        connection = self.hub.connect(websocket.headers.get("origin"), address)
        checked = WORD in websocket.query_params
        writer = asyncio.create_task(self._write(websocket, connection, checked), name="cobrowse-websocket-writer")
        reader = asyncio.create_task(self._read(websocket, connection, checked), name="cobrowse-websocket-reader")
        try:
            await asyncio.wait((writer, reader), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.hub.lost(connection)
            writer.cancel()
            reader.cancel()
            await asyncio.gather(writer, reader, return_exceptions=True)

    async def _read(self, websocket: WebSocket, connection: Connection, checked: bool) -> None:
        for n in count():
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("bytes")
            try:
                if data is None:
                    code = CloseCode.GARBLED if checked else CloseCode.INVALID
                    connection.close(code, "messages are binary MessagePack; this one was text")
                else:
                    self.hub.receive(connection, opened(data, n) if checked else data)
            except Garbled as error:
                connection.close(CloseCode.GARBLED, str(error))
            if connection.closing is not None:  # the writer closes; nothing more is read
                await asyncio.sleep(SEND_WITHIN_S)
                return

    async def _write(self, websocket: WebSocket, connection: Connection, checked: bool) -> None:
        numbers = count()
        try:
            while True:
                await connection.ready.wait()
                connection.ready.clear()
                while message := connection.take():
                    async with asyncio.timeout(SEND_WITHIN_S):
                        await websocket.send_bytes(sealed(message, next(numbers)) if checked else message)
                if connection.closing is not None:
                    code, reason = connection.closing
                    async with asyncio.timeout(SEND_WITHIN_S):
                        if checked:  # a close frame is not
                            last = encode(Closed(code=code, reason=reason))
                            await websocket.send_bytes(sealed(last, next(numbers)))
                        # A close frame has room for 123 bytes of reason (RFC 6455, section 5.5).
                        await websocket.close(code, reason.encode()[:123].decode(errors="ignore"))
                    return
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            # RuntimeError: the socket was closed by the other side between two sends.
            if websocket.application_state is not WebSocketState.DISCONNECTED:
                return
