"""The least that a relay on Starlette can be with natural batching: one outbox a viewer, sent as one message.

Run as `python -m tests.bench.bare_relay`; prints its port. What is published on `/publish` goes to all of `/view`.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

MAX_MESSAGE: Final = 65_536


class Outbox:
    """What waits for one viewer."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        self.ready = asyncio.Event()


viewers: set[Outbox] = set()


async def view(websocket: WebSocket) -> None:
    await websocket.accept()
    outbox = Outbox()
    viewers.add(outbox)
    most = MAX_MESSAGE // 1_024
    with suppress(WebSocketDisconnect):
        while True:
            await outbox.ready.wait()
            outbox.ready.clear()
            while outbox.waiting:
                message = b"".join(outbox.waiting[:most])
                del outbox.waiting[:most]
                await websocket.send_bytes(message)
    viewers.discard(outbox)


async def publish(websocket: WebSocket) -> None:
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            frame = await websocket.receive_bytes()
            for outbox in viewers:
                outbox.waiting.append(frame)
                outbox.ready.set()


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1_024)
    print(listener.getsockname()[1], flush=True)
    app = Starlette(routes=[WebSocketRoute("/view", view), WebSocketRoute("/publish", publish)])
    config = uvicorn.Config(
        app, ws="websockets-sansio", ws_per_message_deflate=False, ws_ping_interval=None, log_level="warning"
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
