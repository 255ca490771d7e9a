"""A hub whose connections nothing carries, and whose clock stands still: what is sent is asked for."""

from __future__ import annotations

from typing import Any

from cobrowse.connection import Connection
from cobrowse.hub import Hub
from cobrowse.records import MAX_MESSAGE, decode, packed
from cobrowse.session import Session
from cobrowse.waking import Waking

from .shop import ORIGIN, hello


class Now:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.ms = 10_000.0

    def __call__(self) -> float:
        return self.ms


class Asleep(Waking):
    def add(self, session: Session, viewer: str | None) -> None:
        pass


class QuietHub(Hub):
    """Without the task that keeps time, and without a loop to wake anybody: the test does."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.waking = Asleep(self.connection_of)

    def start(self) -> None:
        pass


def say(hub: Hub, connection: Connection, *messages: Any) -> None:
    for message in messages:
        hub.receive(connection, message if isinstance(message, bytes) else packed(message))


def heard(connection: Connection) -> list[Any]:
    items: list[Any] = []
    while message := connection.take():
        size = len(message)
        assert size <= MAX_MESSAGE
        items += decode(message)
    return items


def begin(hub: Hub) -> tuple[Connection, Connection, str]:
    """A broadcaster, and a guest that has been let in and subscribes."""
    broadcaster = hub.connect(ORIGIN, "")
    say(hub, broadcaster, hello("broadcaster"))
    session = heard(broadcaster)[0]["session"]
    guest = hub.connect(None, "")
    say(hub, guest, hello("viewer", session=session))
    id = heard(guest)[0]["viewer"]
    say(hub, broadcaster, {"type": "admit", "viewer": id, "capabilities": ["chat", "pointer"]})
    say(hub, guest, {"type": "subscribe", "id": 1, "position": None})
    return broadcaster, guest, id
