"""The WebSocket transport: one reader and one writer task a connection.

What has gathered goes out as one message, by the writer, or at once where the server lets us (`push.py`). A send that
does not finish in time frees the connection: a stalled reader would hold it for ever, as closing waits for a flush that
never comes.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import count
from typing import Final

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..close_codes import CloseCode
from ..codec import encode
from ..connection import Connection
from ..hub import Hub
from ..messages import Closed
from .check import WORD, Garbled, opened, sealed
from .push import PUSH, PushProtocol

logger = logging.getLogger(__name__)

SEND_WITHIN_S: Final = 5.0


class WebSocketTransport:
    """The ASGI endpoint of `/ws`."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        origin, host = websocket.headers.get("origin"), websocket.headers.get("host", "")
        if not self.hub.entrance.welcomes(origin, host):
            await websocket.close()  # before it was accepted: that is a 403
            return
        await websocket.accept()
        address = websocket.client.host if websocket.client else ""
        connection = self.hub.connect(origin, address)
        checked = WORD in websocket.query_params
        writing = Writer(websocket, connection, checked)
        writer = asyncio.create_task(writing.run(), name="cobrowse-websocket-writer")
        reader = asyncio.create_task(self._read(websocket, connection, checked), name="cobrowse-websocket-reader")
        try:
            await asyncio.wait((writer, reader), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.hub.lost(connection)
            writer.cancel()
            reader.cancel()
            for error in await asyncio.gather(writer, reader, return_exceptions=True):
                if isinstance(error, Exception):
                    logger.error("a WebSocket has failed", exc_info=error)
            connection.push = None  # the writer's, which has the connection: a cycle

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


class Writer:
    """Empties a connection into its WebSocket."""

    def __init__(self, websocket: WebSocket, connection: Connection, checked: bool) -> None:
        self._websocket = websocket
        self._connection = connection
        self._checked = checked
        self._numbers = count()
        self._since: float | None = None  # when the send that is not done yet began, on the loop's clock
        pushing = websocket.scope.get("extensions", {}).get(PUSH)
        if pushing is not None:
            self._protocol: PushProtocol = pushing["protocol"]()
            connection.push = self._push

    async def run(self) -> None:
        """Send what waits whenever there is something, until the connection closes. Cancelled when a send stalls."""
        connection = self._connection
        self._look(asyncio.current_task())
        try:
            while True:
                await connection.ready.wait()
                connection.ready.clear()
                while message := connection.take():
                    await self._send(message)
                if connection.closing is not None:
                    await self._close(*connection.closing)
                    return
        except (WebSocketDisconnect, RuntimeError):
            pass  # RuntimeError: the socket was closed by the other side between two sends
        finally:
            self._timer.cancel()

    def _look(self, task: asyncio.Task[None] | None) -> None:
        """Cancel the task when its send stalls. One timer now and then costs less than a deadline for each send."""
        loop = asyncio.get_running_loop()
        left = SEND_WITHIN_S if self._since is None else self._since + SEND_WITHIN_S - loop.time()
        if left > 0:
            self._timer = loop.call_later(left, self._look, task)
        elif task is not None:
            task.cancel()

    def _push(self) -> bool:
        if self._since is not None:
            return False  # what `run` is sending comes first
        while self._protocol.takes:
            message = self._connection.take()
            if not message:
                return self._connection.closing is None
            self._protocol.push(self._sealed(message))
        return False

    async def _send(self, message: bytes) -> None:
        self._since = asyncio.get_running_loop().time()
        await self._websocket.send_bytes(self._sealed(message))
        self._since = None

    async def _close(self, code: CloseCode, reason: str) -> None:
        if self._checked:  # a close frame is not
            await self._send(encode(Closed(code=code, reason=reason)))
        self._since = asyncio.get_running_loop().time()
        # A close frame has room for 123 bytes of reason (RFC 6455, section 5.5).
        await self._websocket.close(code, reason.encode()[:123].decode(errors="ignore"))

    def _sealed(self, message: bytes) -> bytes:
        return sealed(message, next(self._numbers)) if self._checked else message
