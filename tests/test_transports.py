"""What every transport must do, played over each of them against a running server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from cobrowse.app import create_app
from cobrowse.close_codes import CloseCode
from cobrowse.connection import Connection
from cobrowse.hub import Hub
from cobrowse.records import END, MAX_FRAME, MAX_MESSAGE, Frame, Part

from .links import LINKS, ORIGIN, WITHIN_S, Link, Participant, Running, WebSocketLink, hello, running, settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Stage:
    """A server, and whoever connects to it."""

    def __init__(self, server: Running, hub: Hub, stack: AsyncExitStack) -> None:
        self.server = server
        self.hub = hub
        self.stack = stack
        self.lost: asyncio.Queue[Connection] = asyncio.Queue()

    async def connect(self, transport: type[Link], origin: str | None = None) -> Participant:
        link = await transport.open(self.server.url, origin)
        self.stack.push_async_callback(link.close)
        return Participant(link)

    def connection(self, session: str, viewer: bool = False) -> Connection:
        """The hub's end of the broadcaster's connection, or of the only viewer's."""
        ends = [end for end in self.hub._connections if end.session and end.session.id == session]
        [found] = [end for end in ends if bool(end.id) is viewer and end.closing is None]
        return found

    async def loses(self, connection: Connection) -> None:
        """Wait until the hub has lost it."""
        while await self.lost.get() is not connection:
            pass

    async def broadcaster(self, transport: type[Link]) -> tuple[Participant, dict[str, Any]]:
        broadcaster = await self.connect(transport, ORIGIN)
        await broadcaster.say(hello("broadcaster"))
        return broadcaster, await broadcaster.until("welcome")

    async def admitted(self, transport: type[Link], broadcaster: Participant, session: str) -> Participant:
        viewer = await self.connect(transport)
        await viewer.say(hello("viewer", session=session, name="Ann"))
        await viewer.until("welcome")
        id = (await broadcaster.until("requested"))["viewer"]
        await broadcaster.say({"type": "admit", "viewer": id, "capabilities": ["view"]})
        await viewer.until("admitted")
        return viewer


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    app = create_app(settings())
    hub: Hub = app.state.hub
    async with asyncio.timeout(WITHIN_S), running(app) as server, AsyncExitStack() as stack:
        stage = Stage(server, hub, stack)
        lost = hub.lost

        def observed(connection: Connection) -> None:
            lost(connection)
            stage.lost.put_nowait(connection)

        monkeypatch.setattr(hub, "lost", observed)
        yield stage


@pytest.fixture(params=LINKS, ids=lambda link: link.name)
def transport(request: pytest.FixtureRequest) -> type[Link]:
    link: type[Link] = request.param
    return link


async def test_both_roles_are_welcomed(stage: Stage, transport: type[Link]) -> None:
    _, welcome = await stage.broadcaster(transport)
    viewer = await stage.connect(transport)
    await viewer.say(hello("viewer", session=welcome["session"]))
    assert (await viewer.until("welcome"))["session"] == welcome["session"]


async def test_the_origin_is_checked(stage: Stage, transport: type[Link]) -> None:
    for origin in (None, "https://other.example"):
        other = await stage.connect(transport, origin)
        await other.say(hello("broadcaster"))
        assert (await other.closed()).code == CloseCode.ORIGIN_NOT_ALLOWED


async def test_a_message_may_hold_several_values(stage: Stage, transport: type[Link]) -> None:
    broadcaster = await stage.connect(transport, ORIGIN)
    await broadcaster.say(hello("broadcaster"), {"type": "ping", "at": 1}, {"type": "ping", "at": 2})
    await broadcaster.until("welcome")
    assert [(await broadcaster.until("pong"))["at"] for _ in range(2)] == [1, 2]


async def test_a_large_log_comes_whole_and_in_order(stage: Stage, transport: type[Link]) -> None:
    broadcaster, welcome = await stage.broadcaster(transport)
    viewer = await stage.admitted(transport, broadcaster, welcome["session"])
    await viewer.say({"type": "subscribe", "id": 1, "position": None})
    await broadcaster.until("demand")
    epoch = welcome["epoch"]
    parts: list[Part | Frame] = [Part(epoch, -1, 0, part, 64, bytes([part]) * MAX_FRAME) for part in range(64)]
    frames: list[Part | Frame] = [Frame(epoch, seq, END, bytes([seq % 251]) * MAX_FRAME) for seq in range(200)]

    async def broadcast() -> None:
        sent = [item.record for item in parts + frames]
        for start in range(0, len(sent), 3):
            await broadcaster.say(*sent[start : start + 3])

    async def watch() -> list[Any]:
        received: list[Any] = []
        while len(received) < len(parts + frames):
            item = await viewer.next()
            if isinstance(item, Part | Frame):
                received.append(item)
        return received

    _, received = await asyncio.gather(broadcast(), watch())
    assert received == parts + frames


@pytest.mark.parametrize(
    ("message", "code"),
    [(b"\xc1", CloseCode.INVALID), (bytes(MAX_MESSAGE + 1), CloseCode.TOO_LARGE)],
    ids=["no MessagePack", "too large"],
)
async def test_a_wrong_message_closes_with_a_reason(
    stage: Stage, transport: type[Link], message: bytes, code: CloseCode
) -> None:
    broadcaster, welcome = await stage.broadcaster(transport)
    connection = stage.connection(welcome["session"])
    await broadcaster.say(message)
    closed = await broadcaster.closed()
    assert closed.code == code
    assert closed.reason
    await stage.loses(connection)


async def test_hello_comes_first(stage: Stage, transport: type[Link]) -> None:
    someone = await stage.connect(transport)
    await someone.say({"type": "ping", "at": 1})
    assert (await someone.closed()).code == CloseCode.NO_HELLO


async def test_what_was_said_before_the_end_comes_before_it(stage: Stage, transport: type[Link]) -> None:
    broadcaster, welcome = await stage.broadcaster(transport)
    viewer = await stage.admitted(transport, broadcaster, welcome["session"])
    await broadcaster.say({"type": "end"})
    assert (await viewer.until("ended"))["reason"] == "broadcaster"
    assert (await viewer.closed()).code == CloseCode.ENDED


async def test_who_leaves_is_missed_at_once(stage: Stage, transport: type[Link]) -> None:
    broadcaster, welcome = await stage.broadcaster(transport)
    connection = stage.connection(welcome["session"])
    await broadcaster.link.close()
    await stage.loses(connection)


@pytest.mark.parametrize("other", LINKS, ids=lambda link: f"by {link.name}")
async def test_who_connects_anew_by_another_transport_takes_its_own_place(
    stage: Stage, transport: type[Link], other: type[Link]
) -> None:
    broadcaster, welcome = await stage.broadcaster(transport)
    again = await stage.connect(other, ORIGIN)
    await again.say(hello("broadcaster", token=welcome["token"], epoch=welcome["epoch"]))
    assert (await again.until("welcome"))["session"] == welcome["session"]
    assert (await broadcaster.closed()).code == CloseCode.REPLACED


async def test_who_takes_nothing_is_dropped(
    stage: Stage, transport: type[Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cobrowse.transports.websocket.SEND_WITHIN_S", 0.5)
    broadcaster, welcome = await stage.broadcaster(WebSocketLink)
    viewer = await stage.admitted(transport, broadcaster, welcome["session"])
    stalled = stage.connection(welcome["session"], viewer=True)
    await viewer.say({"type": "subscribe", "id": 1, "position": None})
    await broadcaster.until("demand")
    monkeypatch.setattr("cobrowse.transports.http.TAKEN_WITHIN_S", 0.5)
    monkeypatch.setattr("cobrowse.transports.http.BACK_WITHIN_S", 0.5)
    monkeypatch.setattr("cobrowse.transports.peer.SLOW_AFTER_S", 0.5)
    await viewer.link.stall()
    for part in range(512):
        await broadcaster.say(Part(welcome["epoch"], -1, 0, part, 512, bytes(MAX_FRAME)).record)
    await stage.loses(stalled)
