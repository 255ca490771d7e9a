"""Real parts for tests over real sockets: a running server, and clients that speak each transport."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any, ClassVar

import httpx2
import uvicorn
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from cobrowse.records import MAX_MESSAGE, decode, packed
from cobrowse.settings import Settings, Site
from cobrowse.transports.check import WORD, opened, sealed
from cobrowse.transports.guard import listen_on
from cobrowse.transports.push import PushProtocol

SECRET = "x" * 64
ORIGIN = "https://shop.example"
PROOF = hashlib.sha256(b"a link's secret").digest()
WITHIN_S = 30.0


def settings() -> Settings:
    other = Site(key="other", origins=["https://other.example"])
    return Settings(secret=SECRET, sites=[Site(key="shop", origins=[ORIGIN], consent="granted"), other])


def hello(role: str, **changed: Any) -> dict[str, Any]:
    common = {"type": "hello", "role": role, "wire": 1, "log": 1, "proof": PROOF}
    return common | ({"site": "shop"} if role == "broadcaster" else {}) | changed


class Running:
    """A server on a free port, in this loop."""

    def __init__(self, app: ASGIApp, ws: Any) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        config = uvicorn.Config(
            app, ws=ws, ws_max_size=2 * MAX_MESSAGE, ws_per_message_deflate=False, log_level="warning"
        )
        self.server = uvicorn.Server(config)
        self.task = asyncio.create_task(self.server.serve(sockets=[self.listener]), name="server")

    async def stop(self) -> None:
        self.server.should_exit = True
        async with asyncio.timeout(WITHIN_S):
            await self.task


@contextlib.asynccontextmanager
async def running(app: ASGIApp, ws: Any = PushProtocol) -> AsyncIterator[Running]:
    """`ws`: uvicorn's setting of that name; `cobrowse serve` gives it the default."""
    server = Running(app, ws)
    try:
        yield server
    finally:
        await server.stop()


class Closed(Exception):
    """The server has closed the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code}: {reason}")
        self.code = code
        self.reason = reason


class Link(ABC):
    """A client of one transport."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    async def open(cls, url: str, origin: str | None) -> Link:
        """A page of that origin connects; without one it is a page of the server's own."""

    @abstractmethod
    async def send(self, message: bytes) -> None: ...

    @abstractmethod
    async def receive(self) -> bytes:
        """The next message; raises Closed. Who does not call it takes nothing from the network."""

    async def stall(self) -> None:
        """Take nothing more: for most that is not to call `receive`."""
        return

    @abstractmethod
    async def close(self) -> None:
        """Leave; once more does nothing."""


class WebSocketLink(Link):
    name = "websocket"
    query = ""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    @classmethod
    async def open(cls, url: str, origin: str | None) -> WebSocketLink:
        host, port = url.removeprefix("http://").split(":")
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MAX_MESSAGE)
        plain.setblocking(False)
        address = f"ws{url[4:]}/ws{cls.query}"
        try:
            await asyncio.get_running_loop().sock_connect(plain, (host, int(port)))
            opened = await connect(address, sock=plain, origin=Origin(origin or url), compression=None, max_queue=1)
        except BaseException:
            plain.close()
            raise
        return cls(opened)

    async def send(self, message: bytes) -> None:
        with contextlib.suppress(ConnectionClosed):  # why is said by receive()
            await self.socket.send(message)

    async def receive(self) -> bytes:
        try:
            message = await self.socket.recv(decode=False)
        except ConnectionClosed as error:
            if error.rcvd is None:
                raise
            raise Closed(error.rcvd.code, error.rcvd.reason) from None
        assert isinstance(message, bytes)
        return message

    async def close(self) -> None:
        self.socket.transport.abort()
        await self.socket.wait_closed()


class CheckedWebSocketLink(WebSocketLink):
    """As a page that came without TLS has it."""

    name = "websocket, checked"
    query = f"?{WORD}"

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__(socket)
        self.up, self.down = itertools.count(), itertools.count()

    async def send(self, message: bytes) -> None:
        await super().send(sealed(message, next(self.up)))

    async def receive(self) -> bytes:
        return opened(await super().receive(), next(self.down))


class Pieces:
    """What comes by http, as messages, `b""` among them; raises Closed at the piece that closes."""

    def __init__(self, next: int | None = None) -> None:
        self.rest = b""
        self.next = next

    def push(self, chunk: bytes) -> Iterator[bytes]:
        self.rest += chunk
        while len(self.rest) >= 4 and len(self.rest) >= 4 + (
            size := int.from_bytes(self.rest[:4], "big") & 0x7FFF_FFFF
        ):
            header, body, self.rest = self.rest[0], self.rest[4 : 4 + size], self.rest[4 + size :]
            if body and self.next is not None:
                body, self.next = opened(body, self.next), self.next + 1
            if header & 0x80:
                raise Closed(int.from_bytes(body[:2], "big"), body[2:].decode())
            yield body


async def pieces(response: httpx2.Response, next: int | None = None) -> AsyncGenerator[bytes, None]:
    """The messages of an answer as they come; checked ones from `next` on."""
    arriving = Pieces(next)
    async for chunk in response.aiter_raw():
        for message in arriving.push(chunk):
            yield message
    assert arriving.rest == b"", "the answer ends in the middle of a piece"


class HttpLink(Link):
    name = "http"
    polls = False
    checked = False

    def __init__(self, base: str) -> None:
        self.base = base
        self.client = httpx2.AsyncClient(timeout=WITHIN_S)
        self.next = self.got = self.unacknowledged = 0
        self.order = asyncio.Lock()
        self.arriving: AsyncGenerator[bytes, None] | None = None

    @classmethod
    async def open(cls, url: str, origin: str | None) -> HttpLink:
        link = cls(f"{url}/http")
        try:
            await link._begin(origin or url)
        except BaseException:
            await link.client.aclose()
            raise
        return link

    async def _begin(self, origin: str) -> None:
        address = self.base + (f"?{WORD}" if self.checked else "")
        response = await self.client.post(address, headers={"origin": origin})
        assert response.status_code == 201, response.text
        self.base += f"/{response.text}"
        if not self.polls:
            self.arriving = self._read()
            assert await anext(self.arriving) == b"", "a stream begins with an empty piece"

    async def send(self, message: bytes) -> None:
        async with self.order:
            n, self.next, self.unacknowledged = self.next, self.next + 1, 0
            for _ in range(2):  # a TCP connection that was kept for long may just be closing
                with contextlib.suppress(httpx2.TransportError):  # why is said by receive()
                    address = f"{self.base}/{n}?got={self.got}"
                    response = await self.client.post(address, content=self._sealed(message, n))
                    assert response.status_code in (204, 410, 413), response.text
                    return

    async def receive(self) -> bytes:
        while True:
            self.arriving = self.arriving or self._read()
            async for message in self.arriving:
                if message:
                    self.got += 1
                    self.unacknowledged += len(message)
                    if not self.polls and self.unacknowledged >= MAX_MESSAGE:
                        await self.send(b"")
                    return message
            self.arriving = None

    async def close(self) -> None:
        if not self.client.is_closed:
            if self.arriving is not None:
                await self.arriving.aclose()
            with contextlib.suppress(httpx2.ConnectError):  # the server may be gone
                await self.client.post(f"{self.base}/{self.next}?close", content=self._sealed(b"", self.next))
            await self.client.aclose()

    def _sealed(self, message: bytes, n: int) -> bytes:
        return sealed(message, n) if self.checked else message

    async def _read(self) -> AsyncGenerator[bytes, None]:
        query = "?poll" if self.polls else ""
        async with self.client.stream("GET", f"{self.base}/{self.got}{query}") as response:
            assert response.status_code == 200, await response.aread()
            async for message in pieces(response, self.got if self.checked else None):
                yield message


class PollLink(HttpLink):
    name = "http polls"
    polls = True


class CheckedHttpLink(HttpLink):
    """As a page that came without TLS has it."""

    name = "http, checked"
    checked = True


class WebRTCLink(Link):
    """Data channels to the server, offered over a WebSocket of somebody who was let in and leaves when they open."""

    name = "webrtc"

    def __init__(self) -> None:
        self.rtc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.log: RTCDataChannel = self.rtc.createDataChannel("log", negotiated=True, id=0)
        self.rtc.createDataChannel("volatile", negotiated=True, id=1, ordered=False, maxRetransmits=0)
        self.arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.opened = asyncio.Event()
        listen_on(self.rtc.sctp, ["127.0.0.1"])
        self.log.on("open", self.opened.set)
        self.log.on("message", self.arrived.put_nowait)
        self.log.on("close", lambda: self.arrived.put_nowait(None))
        self.last: Closed | None = None

    @classmethod
    async def open(cls, url: str, origin: str | None) -> WebRTCLink:
        link = cls()
        host = Participant(await WebSocketLink.open(url, ORIGIN))
        carrier = Participant(await WebSocketLink.open(url, origin))
        try:
            await host.say(hello("broadcaster"))
            session = (await host.until("welcome"))["session"]
            await carrier.say(hello("viewer", session=session))
            await carrier.until("welcome")
            await link.offer(carrier)
        finally:
            await carrier.link.close()
            await host.link.close()
        return link

    async def offer(self, carrier: Participant) -> None:
        """Over somebody's connection who has got a welcome; until the channels are open."""
        await self.rtc.setLocalDescription()
        offer = {"type": "offer", "sdp": self.rtc.localDescription.sdp}
        await carrier.say({"type": "signal", "peer": "server", "description": offer})
        signal = await carrier.until("signal")
        if signal["declined"]:
            raise Closed(0, signal["declined"])
        answer = signal["description"]
        await self.rtc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        await self.opened.wait()

    async def send(self, message: bytes) -> None:
        if self.log.readyState == "open":
            self.log.send(message)

    async def receive(self) -> bytes:
        if self.last is not None:
            raise self.last
        message = await self.arrived.get()
        if message is None:
            raise Closed(0, "the channel was closed without a reason")
        for item in decode(message):
            if isinstance(item, dict) and item["type"] == "closed":
                self.last = Closed(item["code"], item["reason"])
        return message

    async def stall(self) -> None:
        async def deaf(packet: bytes) -> None:
            pass

        self.rtc.sctp._handle_data = deaf  # type: ignore[union-attr,method-assign]

    async def close(self) -> None:
        await self.rtc.close()


LINKS: list[type[Link]] = [WebSocketLink, CheckedWebSocketLink, HttpLink, PollLink, CheckedHttpLink, WebRTCLink]


class Participant:
    """What is said over a link, decoded. Signs of life that the server asks for are given, and left out."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.items: list[Any] = []

    async def say(self, *messages: dict[str, Any] | bytes) -> None:
        await self.link.send(b"".join(one if isinstance(one, bytes) else packed(one) for one in messages))

    async def next(self) -> Any:
        while not self.items:
            self.items += await self.heard(await self.link.receive())
        return self.items.pop(0)

    async def heard(self, message: bytes) -> list[Any]:
        """What that message says."""
        items = []
        for item in decode(message):
            if isinstance(item, dict) and item["type"] == "ping":
                await self.say({"type": "pong", "at": item["at"]})
            else:
                items.append(item)
        return items

    async def until(self, type: str) -> dict[str, Any]:
        while not isinstance(item := await self.next(), dict) or item["type"] != type:
            pass
        return item

    async def closed(self) -> Closed:
        """Reads to the end."""
        try:
            while True:
                await self.next()
        except Closed as closed:
            return closed
