"""Participants for the tests of WebRTC: aiortc where a browser would be, over a real hub, in one event loop."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from cobrowse.connection import Connection
from cobrowse.hub import Hub
from cobrowse.records import END, decode, packed
from cobrowse.settings import Settings, Site
from cobrowse.tokens import Tokens
from cobrowse.transports.guard import listen_on
from cobrowse.transports.peer import Peer
from cobrowse.transports.webrtc import WebRTCTransport

SECRET: Final = "x" * 64
ORIGIN: Final = "https://shop.example"
PROOF: Final = hashlib.sha256(b"the link").digest()
SITES: Final = [Site(key="shop", origins=[ORIGIN], consent="granted")]
WITHIN_S: Final = 20

HOST: Final = "candidate:1 1 udp 2130706431 {} {} typ host"
"""A candidate, but for its address and port."""

Message = dict[str, Any]


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test; what its tasks throw, and what it leaves behind, fails it."""
    thrown: list[Any] = []

    async def supervised() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: thrown.append(context))
        async with asyncio.timeout(3 * WITHIN_S):
            await main()
        left = {task for task in asyncio.all_tasks() if task.get_name().startswith("cobrowse-")}
        assert not left

    asyncio.run(supervised())
    assert thrown == []


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Hub]:
    """A hub that answers offers, stopped in the end."""
    hub = Hub(Settings(secret=SECRET, sites=SITES, **settings), Tokens(SECRET))
    hub.peers = WebRTCTransport(hub)
    try:
        yield hub
    finally:
        await hub.stop()


def peers(hub: Hub) -> WebRTCTransport:
    assert isinstance(hub.peers, WebRTCTransport)
    return hub.peers


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop go on until that is so."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - what is waited for is inside of aiortc and of the hub
            await asyncio.sleep(0.001)


class Closed(Exception):
    """The server has closed the connection, with that code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Inbox:
    """What has come from the server by one connection. Signs of life are answered and left out."""

    def __init__(self) -> None:
        self.items: asyncio.Queue[Any] = asyncio.Queue()
        self.closed: Closed | None = None

    def say(self, *messages: Any) -> None:
        raise NotImplementedError

    def put(self, data: bytes) -> None:
        for item in decode(data):
            if isinstance(item, dict) and item["type"] == "ping":
                self.say({"type": "pong", "at": item["at"]})
            elif isinstance(item, dict) and item["type"] == "closed":
                self.end(item["code"], item["reason"])
            else:
                self.items.put_nowait(item)

    def end(self, code: int, reason: str) -> None:
        self.closed = self.closed or Closed(code, reason)
        self.items.put_nowait(self.closed)

    async def next(self) -> Any:
        async with asyncio.timeout(WITHIN_S):
            item = await self.items.get()
        if isinstance(item, Closed):
            raise item
        return item

    async def until(self, type: str) -> Message:
        """The next control message of that type; what comes before is dropped."""
        while True:
            item = await self.next()
            if isinstance(item, dict) and item["type"] == type:
                return item

    async def ended(self) -> Closed:
        """How the server has closed it; what came before is dropped."""
        while True:
            try:
                await self.next()
            except Closed as closed:
                return closed


class Carrier(Inbox):
    """A connection of the hub without a network: what a participant has before WebRTC."""

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self.hub = hub
        self.connection: Connection = hub.connect(ORIGIN, "127.0.0.1")
        self.task = asyncio.create_task(self._carry())

    def say(self, *messages: Any) -> None:
        self.hub.receive(self.connection, b"".join(packed(message) for message in messages))

    def signal(self, **signal: Any) -> None:
        self.say({"type": "signal", "peer": "server", **signal})

    async def answered(self) -> Message:
        """The next signal from the server."""
        signal = await self.until("signal")
        assert signal["peer"] == "server"
        return signal

    def lose(self) -> None:
        """As when the network is gone."""
        self.task.cancel()
        self.hub.lost(self.connection)

    async def _carry(self) -> None:
        while True:
            await self.connection.ready.wait()
            self.connection.ready.clear()
            while message := self.connection.take():
                self.put(message)
            if self.connection.closing is not None:
                self.hub.lost(self.connection)
                return self.end(*self.connection.closing)


class Browser(Inbox):
    """The other end of the server's peer: makes the offer, opens the two channels."""

    def __init__(self, carrier: Carrier) -> None:
        super().__init__()
        self.carrier = carrier
        self.rtc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.log: RTCDataChannel = self.rtc.createDataChannel("log", negotiated=True, id=0)
        self.volatile: RTCDataChannel = self.rtc.createDataChannel(
            "volatile", negotiated=True, id=1, ordered=False, maxRetransmits=0
        )
        self.records: asyncio.Queue[Any] = asyncio.Queue()
        self.opened = asyncio.Event()
        listen_on(self.rtc.sctp, ["127.0.0.1"])
        self.log.on("open", self.opened.set)
        self.log.on("message", self.put)
        self.log.on("close", lambda: self.end(0, "the channel was closed"))
        self.volatile.on("message", self._record)

    async def offer(self, change: Callable[[str], str] = lambda sdp: sdp) -> str:
        """Make an offer, let the test change it, and send it."""
        await self.rtc.setLocalDescription()
        sdp = change(self.rtc.localDescription.sdp)
        self.carrier.signal(description={"type": "offer", "sdp": sdp})
        return sdp

    async def accept(self, answer: Message) -> None:
        assert answer["declined"] is None, answer["declined"]
        await self.rtc.setRemoteDescription(RTCSessionDescription(answer["description"]["sdp"], "answer"))

    async def open(self, change: Callable[[str], str] = lambda sdp: sdp) -> Browser:
        await self.offer(change)
        await self.accept(await self.carrier.answered())
        async with asyncio.timeout(WITHIN_S):
            await self.opened.wait()
        return self

    def say(self, *messages: Any) -> None:
        if self.log.readyState == "open":
            self.log.send(b"".join(packed(message) for message in messages))

    def record(self, *values: Any) -> None:
        self.volatile.send(packed([3, *values]))

    async def close(self) -> None:
        await self.rtc.close()

    def _record(self, data: bytes) -> None:
        for item in decode(data):
            self.records.put_nowait(item)


def hello(role: str, **changed: Any) -> Message:
    common = {"type": "hello", "role": role, "wire": 1, "log": 1, "proof": PROOF}
    return common | ({"site": "shop"} if role == "broadcaster" else {}) | changed


async def broadcasting(hub: Hub) -> tuple[Carrier, Message]:
    """A broadcaster that has said hello, and its welcome."""
    carrier = Carrier(hub)
    carrier.say(hello("broadcaster"))
    return carrier, await carrier.until("welcome")


async def watching(hub: Hub, broadcaster: Inbox, session: str) -> tuple[Carrier, Message]:
    """A viewer that was let in, and its welcome."""
    carrier = Carrier(hub)
    carrier.say(hello("viewer", session=session))
    welcome = await carrier.until("welcome")
    await broadcaster.until("requested")
    broadcaster.say({"type": "admit", "viewer": welcome["viewer"], "capabilities": ["view", "pointer", "chat"]})
    await carrier.until("admitted")
    return carrier, welcome


def frame(epoch: int, seq: int, data: bytes = b"") -> list[Any]:
    return [1, epoch, seq, END, data]


def checkpoint(epoch: int, seq: int, id: int, data: bytes, size: int = 16_384) -> list[list[Any]]:
    cuts = [data[at : at + size] for at in range(0, len(data), size)]
    return [[2, epoch, seq, id, part, len(cuts), cut] for part, cut in enumerate(cuts)]


def only(hub: Hub) -> Peer:
    """The one peer that there is."""
    [peer] = peers(hub)._tasks.values()
    return peer


@contextmanager
def canary(address: str) -> Iterator[tuple[int, Callable[[], list[bytes]]]]:
    """A UDP socket that nothing should come to: its port, and what has come."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((address, 0))
        listener.setblocking(False)

        def came() -> list[bytes]:
            datagrams = []
            while True:
                try:
                    datagrams.append(listener.recv(2_048))
                except BlockingIOError:
                    return datagrams

        yield listener.getsockname()[1], came
