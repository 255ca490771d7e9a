"""Participants of a session over real WebSockets."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any
from weakref import WeakSet

from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession

from cobrowse.hub import Hub
from cobrowse.records import END, Frame, Part, decode, packed

from .shop import ORIGIN, Message, hello

TASKS = ("cobrowse-websocket-reader", "cobrowse-websocket-writer")
_seen: WeakSet[asyncio.Task[Any]] = WeakSet()


class Closed(AssertionError):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code}: {reason}")
        self.code = code
        self.reason = reason


class Link:
    """One WebSocket, and what has come by it. Signs of life are left out."""

    def __init__(self, socket: WebSocketTestSession) -> None:
        self.socket = socket
        self.items: list[Any] = []
        self.tasks = socket.portal.call(self._own_tasks)

    async def _own_tasks(self) -> set[asyncio.Task[Any]]:
        """The newest reader and writer."""
        tasks = [task for task in asyncio.all_tasks() if task.get_name() in TASKS and task not in _seen]
        _seen.update(tasks)
        return set(tasks)

    async def _receive(self) -> Any:
        """What comes next, unless the connection is dropped, or nothing comes for long: then the test fails."""
        receiving = asyncio.ensure_future(self.socket._send_rx.receive())
        await asyncio.wait({receiving, *self.tasks}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        for _ in range(20):
            await asyncio.sleep(0)
        if not receiving.done():
            receiving.cancel()
            gone = [repr(task.exception()) for task in self.tasks if task.done() and not task.cancelled()]
            raise AssertionError(f"nothing came; what carries the connection has ended: {gone}")
        return receiving.result()

    async def _gone(self) -> None:
        await asyncio.wait(self.tasks)
        for _ in range(20):
            await asyncio.sleep(0)

    def close(self) -> None:
        self.socket.close()
        self.socket.portal.call(self._gone)

    def send(self, *messages: Any) -> None:
        encoded = [part if isinstance(part, bytes) else packed(part) for part in messages]
        self.socket.send_bytes(b"".join(encoded))

    def next(self) -> Any:
        while not self.items:
            message = self.socket.portal.call(self._receive)
            if message["type"] == "websocket.close":
                raise Closed(message["code"], message["reason"])
            received = decode(message["bytes"])
            self.items += [item for item in received if not (isinstance(item, dict) and item["type"] == "ping")]
        return self.items.pop(0)

    def expect(self, *types: str) -> Message:
        """The next messages have these types; the last of them."""
        message: Any = None
        for type in types:
            message = self.next()
            assert isinstance(message, dict)
            assert message["type"] == type
        return message  # type: ignore[no-any-return]

    def until(self, type: str) -> Message:
        while True:
            message = self.next()
            if isinstance(message, dict) and message["type"] == type:
                return message

    def closed(self) -> Closed:
        """Reads to the end."""
        while True:
            try:
                self.next()
            except Closed as closed:
                return closed


class Stage:
    """A session under way: a broadcaster, and a guest that was let in and is live."""

    def __init__(self, client: TestClient, app: Starlette, stack: ExitStack) -> None:
        self.client = client
        self.stack = stack
        self.hub: Hub = app.state.hub
        self.broadcaster = self.open(ORIGIN)
        self.broadcaster.send(hello("broadcaster"))
        self.session = self.broadcaster.expect("welcome")["session"]
        self.guest = self.open(None)
        self.guest.send(hello("viewer", session=self.session, name="Ann"))
        self.viewer = self.guest.expect("welcome")
        requested = self.broadcaster.until("requested")
        assert requested["viewer"] == self.viewer["viewer"]
        self.broadcaster.send({"type": "admit", "viewer": requested["viewer"], "capabilities": ["pointer", "chat"]})
        self.guest.until("admitted")
        self.guest.send({"type": "subscribe", "id": 1, "position": None})
        self.guest.until("reset")
        self.broadcaster.until("demand")
        self.broadcaster.send(Part(1, -1, 0, 0, 1, b"state").record)
        assert self.guest.next() == Part(1, -1, 0, 0, 1, b"state")
        self.seq = -1

    def open(self, origin: str | None) -> Link:
        headers = {"origin": origin or "http://testserver"}
        link = Link(self.stack.enter_context(self.client.websocket_connect("/ws", headers=headers)))
        self.stack.callback(link.close)
        return link

    def goes_on(self) -> None:
        """The broadcaster's next frame reaches the guest, and the guest's chat the broadcaster."""
        self.seq += 1
        self.broadcaster.send(Frame(1, self.seq, END, b"go on").record)
        while not isinstance(item := self.guest.next(), Frame):
            assert isinstance(item, dict)
        assert item == Frame(1, self.seq, END, b"go on")
        line = {"kind": "chat", "id": f"c{self.seq}", "text": "hello"}
        self.guest.send({"type": "input", "n": self.seq, "base": self.seq, "input": line})
        assert self.broadcaster.until("input")["input"] == line
