"""A server that is told to stop while many watch, by every transport, and some of them take nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from cobrowse.close_codes import CloseCode
from cobrowse.records import END, MAX_FRAME, Frame, Part

from .faults.process import queued
from .links import (
    ORIGIN,
    SECRET,
    CheckedWebSocketLink,
    HttpLink,
    Link,
    Participant,
    PollLink,
    WebRTCLink,
    WebSocketLink,
    hello,
)

VIEWERS: Final[dict[type[Link], int]] = {
    WebSocketLink: 25,
    CheckedWebSocketLink: 5,
    HttpLink: 10,
    PollLink: 3,
    WebRTCLink: 2,
}
STALLED: Final[dict[type[Link], int]] = {WebSocketLink: 5, HttpLink: 1, WebRTCLink: 1}
FRAMES: Final = 300
"""In frames of 16 KiB: more than the sockets on the way to one that reads nothing hold."""
EXIT_WITHIN_S: Final = 10.0
CONFIG: Final = f'[[sites]]\nkey = "shop"\norigins = ["{ORIGIN}"]\nconsent = "granted"\n'

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    config = folder / "cobrowse.toml"
    config.write_text(CONFIG)
    command = [str(Path(sys.executable).parent / "cobrowse"), "serve", "--port", "0", "--config", str(config)]
    environment = {**os.environ, "COBROWSE_SECRET": SECRET}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode().split()[-1].rstrip("/")
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_everybody_is_told_to_come_back_and_who_takes_nothing_does_not_hold_it_up(tmp_path: Path) -> None:
    async with asyncio.timeout(60), serving(tmp_path) as (process, url):
        broadcaster = Participant(await WebSocketLink.open(url, ORIGIN))
        await broadcaster.say(hello("broadcaster"))
        welcome = await broadcaster.until("welcome")
        tokens: list[str] = []
        let_in: list[dict[str, Any]] = []

        async def joined(kind: type[Link]) -> Participant:
            viewer = Participant(await kind.open(url, None))
            await viewer.say(hello("viewer", session=welcome["session"], name="Ann"))
            tokens.append((await viewer.until("welcome"))["token"])
            asks = await broadcaster.until("requested")
            await broadcaster.say({"type": "admit", "viewer": asks["viewer"], "capabilities": ["view"]})
            await viewer.until("admitted")
            let_in.append({name: asks[name] for name in ("name", "role", "subject")})
            let_in[-1] |= {"id": asks["viewer"], "capabilities": ["view"]}
            return viewer

        stalled = [await joined(kind) for kind, count in STALLED.items() for _ in range(count)]
        for one in stalled:
            await one.say({"type": "subscribe", "id": 1, "position": None})
            await one.until("reset")
            await one.link.stall()
        await broadcaster.until("demand")
        epoch = welcome["epoch"]
        await broadcaster.say(Part(epoch, -1, 0, 0, 1, b"page").record)
        for seq in range(FRAMES):
            await broadcaster.say(Frame(epoch, seq, END, bytes(MAX_FRAME)).record)
        viewers = [await joined(kind) for kind, count in VIEWERS.items() for _ in range(count)]
        subscribe = {"type": "subscribe", "id": 1, "position": {"epoch": epoch, "seq": FRAMES - 1}}
        for one in viewers:
            await one.say(subscribe)
            await one.until("resumed")

        assert queued(int(url.rpartition(":")[2])) > 16 * MAX_FRAME, "nobody is in the way"
        told = [asyncio.create_task(one.closed()) for one in (broadcaster, *viewers)]
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(EXIT_WITHIN_S):
            await process.wait()
        assert [closed.code for closed in await asyncio.gather(*told)] == [CloseCode.RESTARTING] * len(told)
        for one in (broadcaster, *viewers, *stalled):
            await one.link.close()

    async with asyncio.timeout(60), serving(tmp_path) as (_, url):
        broadcaster = Participant(await WebSocketLink.open(url, ORIGIN))
        back = hello("broadcaster", token=welcome["token"], epoch=epoch, last_epoch=epoch, viewers=let_in)
        await broadcaster.say(back)
        assert (await broadcaster.until("welcome"))["session"] == welcome["session"]
        viewer = Participant(await WebSocketLink.open(url, None))
        await viewer.say(hello("viewer", session=welcome["session"], token=tokens[-1]), subscribe)
        await viewer.until("resumed")
        for one in (broadcaster, viewer):
            await one.link.close()
