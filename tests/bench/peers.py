"""Viewers by WebRTC without a browser: aiortc, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from cobrowse.records import decode
from cobrowse.transports.guard import listen_on

from .participants import CHECKPOINT, PONG, SUBSCRIBE, Broadcaster, Participant
from .sockets import WITHIN_S, hello

ADDRESS: Final = "127.0.0.1"
T = TypeVar("T")


class Peer:
    """One viewer's end. Pings are answered, and the rest is read and forgotten."""

    def __init__(self) -> None:
        self.rtc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.log: RTCDataChannel = self.rtc.createDataChannel("log", negotiated=True, id=0)
        self.rtc.createDataChannel("volatile", negotiated=True, id=1, ordered=False, maxRetransmits=0)
        self.opened = asyncio.Event()
        self.painted = asyncio.Event()
        listen_on(self.rtc.sctp, [ADDRESS])
        self.log.on("open", self.opened.set)
        self.log.on("message", self._received)

    async def offer(self) -> str:
        await self.rtc.setLocalDescription()
        return str(self.rtc.localDescription.sdp)

    async def open(self, answer: str, first: bytes) -> None:
        """Connect, say that, and wait for the checkpoint."""
        await self.rtc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(WITHIN_S):
            await self.opened.wait()
            self.log.send(first)
            await self.painted.wait()

    def _received(self, message: bytes) -> None:
        if CHECKPOINT in message:
            self.painted.set()
        for item in decode(message):
            if isinstance(item, dict) and item["type"] == "ping":
                self.log.send(PONG)


class Peers:
    """The thread, and its viewers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._peers: list[Peer] = []

    def watch(self, url: str, broadcaster: Broadcaster) -> Peer:
        """A viewer that has come by a WebSocket, has gone over to WebRTC, and has the page."""
        carrier = Participant(url)
        carrier.say(hello("viewer", session=broadcaster.session))
        welcome = carrier.until("welcome")
        broadcaster.admit(welcome["viewer"])
        carrier.until("admitted")
        peer = self._run(self._made())
        self._peers.append(peer)
        offer = {"type": "offer", "sdp": self._run(peer.offer())}
        carrier.say({"type": "signal", "peer": "server", "description": offer})
        answer = carrier.until("signal")
        if answer["declined"] is not None:
            raise RuntimeError(f"the server has declined: {answer['declined']}")
        first = hello("viewer", session=broadcaster.session, token=welcome["token"]) + SUBSCRIBE
        self._run(peer.open(answer["description"]["sdp"], first))
        carrier.socket.close()
        return peer

    def close(self) -> None:
        async def close() -> None:
            await asyncio.gather(*(peer.rtc.close() for peer in self._peers))

        self._run(close())

    async def _made(self) -> Peer:
        return Peer()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


@contextmanager
def running() -> Iterator[Peers]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="peers", daemon=True)
    thread.start()
    peers = Peers(loop)
    try:
        yield peers
    finally:
        peers.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
