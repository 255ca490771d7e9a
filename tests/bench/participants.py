"""Participants of a session without a browser, over plain sockets: who broadcasts, and who watches."""

from __future__ import annotations

from typing import Any, Final

from cobrowse.records import END, decode, packed

from .sockets import PlainSocket, hello

ORIGIN: Final = "http://localhost"
SUBSCRIBE: Final = packed({"type": "subscribe", "id": 1, "position": None})
CHECKPOINT: Final = b"a checkpoint"
PONG: Final = packed({"type": "pong", "at": 0.0})


class Participant:
    """A connection over which messages of the protocol are said and read. The server's pings are answered."""

    def __init__(self, url: str) -> None:
        self.socket = PlainSocket(url, "/ws", ORIGIN)
        self._items: list[Any] = []

    def say(self, *messages: dict[str, Any] | bytes) -> None:
        self.socket.say(b"".join(one if isinstance(one, bytes) else packed(one) for one in messages))

    def until(self, type: str) -> dict[str, Any]:
        """The next control message of that type; what comes before is dropped."""
        while True:
            item = self.next()
            if isinstance(item, dict) and item["type"] == type:
                return item

    def next(self) -> Any:
        while not self._items:
            self._items = list(decode(self.socket.message()))
        item = self._items.pop(0)
        if isinstance(item, dict) and item["type"] == "ping":
            self.socket.say(PONG)
        return item


class Broadcaster(Participant):
    """Begins a session, lets everybody in, and writes frames that nobody decodes."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.say(hello("broadcaster"))
        welcome = self.until("welcome")
        self.session: str = welcome["session"]
        self.token: str = welcome["token"]
        self.epoch: int = welcome["epoch"]
        self.seq = 0

    def admit(self, viewer: str | None = None) -> dict[str, Any]:
        """Let in that viewer, or the next that asks; who it is, as a broadcaster that comes back tells it."""
        # One that was let in is told of once more when it connects anew.
        while (asking := self.until("requested"))["viewer"] != (viewer or asking["viewer"]):
            pass
        self.say({"type": "admit", "viewer": asking["viewer"], "capabilities": ["view"]})
        return {"id": asking["viewer"], "name": asking["name"], "role": asking["role"], "capabilities": ["view"]}

    def checkpoint(self, data: bytes = CHECKPOINT) -> None:
        """What joiners start from, before the first frame; once the server asks for it."""
        while not (demand := self.until("demand"))["checkpoint"]:
            pass
        assert demand["frames"]
        self.say(packed([2, self.epoch, self.seq - 1, 1, 0, 1, data]))

    def frame(self, data: bytes) -> bytes:
        """The next frame, encoded."""
        record = packed([1, self.epoch, self.seq, END, data])
        self.seq += 1
        return record


def watching(url: str, session: str) -> PlainSocket:
    """A viewer that has said what it wants, and has read nothing yet."""
    socket = PlainSocket(url, "/ws", ORIGIN)
    socket.say(hello("viewer", session=session) + SUBSCRIBE)
    return socket
