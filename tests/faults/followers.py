"""Viewers without a browser: they read the log by one transport, keep what comes, and come back as pages do."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Final

import httpx2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from websockets.exceptions import InvalidStatus, WebSocketException

from cobrowse.records import Frame, Part

from ..links import Closed, HttpLink, Link, Participant, WebRTCLink, WebSocketLink

SILENT_S: Final = 3.0
OPEN_WITHIN_S: Final = 10.0
ALL_WITHIN_S: Final = 120.0
"""For all of them to begin, and to leave, on a machine that carries far more than this."""
DELAYS_S: Final = (0.0, 0.3, 1.2, 2.7, 4.8, 7.0)
KINDS: Final = ("websocket", "http", "webrtc")
LOST: Final = (Closed, OSError, TimeoutError, WebSocketException, httpx2.HTTPError, AssertionError)
"""Any way in which a connection ends, or does not begin; HTTP's links assert what is answered."""


def credentials(link: str) -> dict[str, Any]:
    """What a guest with that link says of itself."""
    session, _, secret = link.partition("/v/")[2].partition("#")
    proof = HKDF(hashes.SHA256(), 32, salt=None, info=b"auth").derive(secret.encode())
    return {"session": session, "proof": proof}


class Follower:
    """One viewer. `frames` is all that it was ever given, and `wrong` what should not have come."""

    def __init__(self, url: str, kind: str, shown: dict[str, Any]) -> None:
        self.url = url
        self.kind = kind
        self.hello = {"type": "hello", "role": "viewer", "wire": 1, "log": 1, **shown}
        self.frames: dict[tuple[int, int], bytes] = {}
        self.wrong: list[str] = []
        self.resets = 0
        self.connections = 0
        self.connected_at = 0.0
        self.frame_at = 0.0
        """When the first frame came by the connection that there is; 0 before."""
        self.refusals: list[str] = []
        """Statuses other than 101 by which a WebSocket was refused, with what they say of coming back."""
        self._link: Link | None = None
        self.position: tuple[int, int] | None = None
        self._parts = 0

    async def run(self) -> None:
        """For ever."""
        attempt = 0
        while True:
            link, self.frame_at = None, 0.0
            try:
                async with asyncio.timeout(OPEN_WITHIN_S):
                    link = self._link = await self._connect()
                self.connections, self.connected_at, attempt = self.connections + 1, monotonic(), 0
                await self._follow(Participant(link))
            except LOST as error:
                if isinstance(error, InvalidStatus):
                    answer = error.response
                    self.refusals.append(f"{answer.status_code}, {answer.headers.get('Retry-After', 'no hint')}")
                delay = DELAYS_S[min(attempt, len(DELAYS_S) - 1)]
                attempt += 1
                await asyncio.sleep(delay + (random.random() if attempt > 2 else 0))
            finally:
                self._link = None
                if link is not None:
                    await _closed(link)

    def drop(self) -> None:
        """As a network does that is gone; for those by a WebSocket. To be called in their loop."""
        if isinstance(self._link, WebSocketLink):
            self._link.socket.transport.abort()

    async def _connect(self) -> Link:
        """A connection over which hello was said, and answered."""
        opened: Link = await (HttpLink if self.kind == "http" else WebSocketLink).open(self.url, None)
        try:
            await self._enter(opened)
            if self.kind != "webrtc":
                return opened
            peer = WebRTCLink()
            try:
                await peer.offer(Participant(opened))
                await self._enter(peer)
            except BaseException:
                await _closed(peer)
                raise
        except BaseException:
            await _closed(opened)
            raise
        await opened.close()
        return peer

    async def _enter(self, link: Link) -> None:
        participant = Participant(link)
        await participant.say(self.hello)
        self.hello["token"] = (await participant.until("welcome"))["token"]

    async def _follow(self, participant: Participant) -> None:
        at = self.position and {"epoch": self.position[0], "seq": self.position[1]}
        await participant.say({"type": "subscribe", "id": 1, "position": at})
        while True:
            async with asyncio.timeout(SILENT_S):
                message = await participant.link.receive()
            for item in await participant.heard(message):
                self._take(item)

    def _take(self, item: Any) -> None:
        if isinstance(item, dict):
            if item["type"] == "reset":
                self.resets += self.position is not None
                self.position, self._parts = None, 0
        elif isinstance(item, Part):
            if self.position is not None or item.part != self._parts:
                self.wrong.append(f"part {item.part} of {item.parts} at {self.position}, after {self._parts}")
            self._parts += 1
            if self._parts == item.parts:
                self.position = (item.epoch, item.seq)
        elif isinstance(item, Frame):
            if self.position != (item.epoch, item.seq - 1):
                self.wrong.append(f"frame {item.epoch}, {item.seq} at {self.position}")
            self.position = (item.epoch, item.seq)
            self.frames[self.position] = item.data
            self.frame_at = self.frame_at or monotonic()


async def _closed(link: Link) -> None:
    """Close it. For so long at most: aiortc's end may wait for ever, where it was cut off in the middle."""
    with suppress(*LOST):
        async with asyncio.timeout(OPEN_WITHIN_S):
            await link.close()


@contextmanager
def following(followers: list[Follower]) -> Iterator[None]:
    """They follow, in a thread of their own, until the end of the block."""
    loop = asyncio.new_event_loop()
    tasks: list[asyncio.Task[None]] = []

    async def begin() -> None:
        tasks.extend(asyncio.create_task(follower.run()) for follower in followers)

    async def end() -> None:
        for task in tasks:
            task.cancel()
        ended, left = await asyncio.wait(tasks, timeout=ALL_WITHIN_S)
        assert not left, f"{len(left)} of {len(tasks)} followers do not leave"
        assert [task.exception() for task in ended if not task.cancelled()] == []

    thread = threading.Thread(target=loop.run_forever, name="followers", daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(begin(), loop).result(ALL_WITHIN_S)
    try:
        yield
    finally:
        try:
            asyncio.run_coroutine_threadsafe(end(), loop).result(2 * ALL_WITHIN_S)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(ALL_WITHIN_S)
            loop.close()
