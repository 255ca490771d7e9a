"""Writing to WebSockets at once, and by ASGI where that cannot be: the same messages in the same order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode

from cobrowse.app import create_app
from cobrowse.records import END, MAX_FRAME, MAX_MESSAGE, Frame, Part
from cobrowse.transports.push import PushProtocol, head

from .links import ORIGIN, WITHIN_S, CheckedWebSocketLink, Participant, WebSocketLink, hello, running, settings

FRAMES = 400
"""In frames of 16 KiB more than sockets hold, so that each viewer's has to be waited for."""

MAX_HELD = 4 * MAX_MESSAGE
"""Where asyncio says that it is enough, and one message more, is half of it."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_the_head_is_that_of_a_binary_message(size: int) -> None:
    message = bytes(size)
    assert head(size) + message == WebSocketFrame(Opcode.BINARY, message).serialize(mask=False)


@pytest.mark.anyio
@pytest.mark.parametrize("ws", [PushProtocol, "websockets-sansio"], ids=["at once", "by ASGI"])
@pytest.mark.parametrize("link", [WebSocketLink, CheckedWebSocketLink], ids=lambda link: link.name)
async def test_viewers_that_read_late_get_all_in_order(
    ws: Any, link: type[WebSocketLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[int] = []
    held: list[int] = []  # what waits in the process for one viewer, beside what the kernel has
    push = PushProtocol.push

    def observed(self: PushProtocol, message: bytes) -> None:
        pushed.append(len(message))
        push(self, message)
        held.append(self.transport.get_write_buffer_size())

    monkeypatch.setattr(PushProtocol, "push", observed)
    async with asyncio.timeout(WITHIN_S), running(create_app(settings()), ws) as server:
        broadcaster = Participant(await WebSocketLink.open(server.url, ORIGIN))
        await broadcaster.say(hello("broadcaster"))
        welcome = await broadcaster.until("welcome")
        viewers = [Participant(await link.open(server.url, None)) for _ in range(3)]
        for viewer in viewers:
            await viewer.say(
                hello("viewer", session=welcome["session"]), {"type": "subscribe", "id": 1, "position": None}
            )
            id = (await broadcaster.until("requested"))["viewer"]
            await broadcaster.say({"type": "admit", "viewer": id, "capabilities": ["view"]})
        epoch = welcome["epoch"]
        await broadcaster.say(Part(epoch, -1, 0, 0, 1, b"page").record)
        frames = [Frame(epoch, seq, END, seq.to_bytes(2, "big") * (MAX_FRAME // 2)) for seq in range(FRAMES)]
        for frame in frames:
            await broadcaster.say(frame.record)

        async def watched(viewer: Participant) -> list[Any]:
            received: list[Any] = []
            while len(received) < FRAMES:
                if isinstance(item := await viewer.next(), Frame):
                    received.append(item)
            return received

        for received in await asyncio.gather(*(watched(viewer) for viewer in viewers)):
            assert received == frames
        more = Frame(epoch, FRAMES, END, b"and on it goes")
        await broadcaster.say(more.record)
        for viewer in viewers:
            while (item := await viewer.next()) != more:
                assert not isinstance(item, Frame)
        for one in (broadcaster, *viewers):
            await one.link.close()
    if ws is PushProtocol:
        assert pushed
        assert sum(pushed) < 3 * FRAMES * MAX_FRAME, "nothing had to wait"
        assert max(held) < MAX_HELD, "a viewer that does not read costs more than a message or two"
    else:
        assert not pushed
