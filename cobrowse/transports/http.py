"""The http transport, for networks where WebSockets do not pass: messages up by POST, down by one streaming GET.

Where something on the way holds the stream back, the client goes on with long polls: the same GET, whose answer ends
as soon as there was something to say. Both directions are numbered, so that a request that failed is simply made
again and nothing is lost. Text: `docs/protocol.md`, "The http transport".
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..close_codes import CloseCode
from ..hub import Hub
from ..records import MAX_MESSAGE
from .check import CHECK_SIZE, WORD, Garbled, opened
from .outbox import EMPTY, Outbox

logger = logging.getLogger(__name__)

MAX_CONNECTIONS: Final = 10_000
READ_WITHIN_S: Final = 5.0
"""From opening to the first GET."""
FLOWS_WITHIN_S: Final = 2.0
"""From a stream's first piece to the first POST, which is made once that piece has come."""
TAKEN_WITHIN_S: Final = 5.0
"""A send, and the next acknowledgement while the window is full."""
BODY_WITHIN_S: Final = 10.0
POLL_WITHIN_S: Final = 20.0
BACK_WITHIN_S: Final = 8.0
"""From the end of a GET to the next, and of a closed connection being remembered."""
POLL_BYTES: Final = 131_072
"""Bytes in the answer to a poll, at least one message."""
RETRY_AFTER_S: Final = 5

HEADERS: Final = {
    # Who asks is in `hello`, in a body that another site's page cannot make; no cookie is read.
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store, no-transform",
}
DOWN_HEADERS: Final = {**HEADERS, "Content-Type": "application/octet-stream", "X-Accel-Buffering": "no"}


class Stalled(Exception):
    """A send does not end: the other end does not take what is sent to it."""


class HttpConnection:
    """A participant's connection by http: its outbox, the number of the next message up, and the GET that reads."""

    def __init__(self, hub: Hub, origin: str | None, address: str, checked: bool) -> None:
        self.id = secrets.token_urlsafe(18)
        self.connection = hub.connect(origin, address)
        self.checked = checked
        self.outbox = Outbox(self.connection, checked)
        self.next = 0
        self.reader: object | None = None
        self.deadline: asyncio.TimerHandle | None = None

    def read_by(self, reader: object | None) -> None:
        """From now on `reader` gets what goes down; an earlier one wakes and ends."""
        self.reader = reader
        self.connection.ready.set()

    async def woken(self, until: float | None) -> bool:
        """Waits for something to happen; false when it is `until`, on the loop's clock, first."""
        try:
            async with asyncio.timeout_at(until):
                await self.connection.ready.wait()
        except TimeoutError:
            return False
        return True


class HttpTransport:
    """The ASGI endpoint of the routes `/http…`; owner of their connections and deadlines."""

    def __init__(self, hub: Hub, max_connections: int = MAX_CONNECTIONS) -> None:
        self.hub = hub
        self.max_connections = max_connections
        self.connections: dict[str, HttpConnection] = {}
        self.routes = [
            Route("/http", self, methods=["POST"]),
            Route("/http/{id}/{n}", self, methods=["GET", "POST"]),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        params = request.path_params
        if "id" not in params:
            response: Response | None = self._open(request)
        elif (http := self.connections.get(params["id"])) is None:
            response = _refused(404, "there is no such connection; it has ended, or another server holds it")
        elif (n := _number(params["n"])) is None:
            response = _refused(404, f"no message number: {params['n'][:20]!r}")
        elif request.method == "POST":
            response = await self._up(http, n, request)
        elif request.method == "GET":
            response = await self._down(http, n, request, send)
        else:
            response = _refused(405, f"{request.method} is not for this address; use GET and POST")
        if response is not None:
            await response(scope, receive, send)

    def _open(self, request: Request) -> Response:
        if len(self.connections) >= self.max_connections:
            text = f"{len(self.connections)} http connections are open; try again later"
            return _busy(503, text)
        address = request.client.host if request.client else ""
        origin, host = request.headers.get("origin"), request.headers.get("host", "")
        if not self.hub.entrance.welcomes(origin, host):
            text = f"pages of {str(origin)[:200]!r} do not belong to a site of this server; see its origins"
            return _refused(403, f"{CloseCode.ORIGIN_NOT_ALLOWED.value} {text}")
        http = HttpConnection(self.hub, origin, address, WORD in request.query_params)
        if http.connection.closing is not None:
            self.hub.lost(http.connection)
            code, text = http.connection.closing
            return _busy(429, f"{code.value} {text}")
        self.connections[http.id] = http
        self._expect(http, READ_WITHIN_S)
        return PlainTextResponse(http.id, 201, HEADERS)

    # Up ------------------------------------------------------------------------------------------------------

    async def _up(self, http: HttpConnection, n: int, request: Request) -> Response | None:
        """Message `n` of the other end. One that has come before is not looked at again."""
        try:
            message = await body_of(request, MAX_MESSAGE + (CHECK_SIZE if http.checked else 0))
        except TimeoutError:
            return _refused(408, f"message {n} did not come within {BODY_WITHIN_S:.0f} s; send it again")
        except ClientDisconnect:
            return None
        if message is None:
            text = f"message {n} has more than the {MAX_MESSAGE} bytes that are allowed"
            http.connection.close(CloseCode.TOO_LARGE, text)
            return _refused(413, text)
        if http.id not in self.connections:
            return _refused(404, "the connection has ended meanwhile")
        if n > http.next:
            return _refused(409, f"message {n} came where {http.next} is next; send them in order, one at a time")
        if http.checked:
            try:
                message = opened(message, n)
            except Garbled as error:
                return _refused(400, f"{error}; send it again")
        got = _number(request.query_params.get("got", ""))
        if got is not None:
            try:
                http.outbox.acknowledge(got)
            except ValueError as error:
                return _refused(409, str(error))
            http.connection.ready.set()
        closing = http.connection.closing
        if n == http.next and closing is None:
            http.next += 1
            self.hub.receive(http.connection, message)
        if "close" in request.query_params:
            self._free(http)
        elif n == http.next and closing is not None:
            return _refused(410, f"{closing[0].value} {closing[1]}")
        return Response(status_code=204, headers=HEADERS)

    # Down ----------------------------------------------------------------------------------------------------

    async def _down(self, http: HttpConnection, n: int, request: Request, send: Send) -> Response | None:
        """What goes down from piece `n` on, as a stream, or as the answer to a poll."""
        if n < http.outbox.first:
            return _refused(409, f"piece {n} was acknowledged before; the first that is kept is {http.outbox.first}")
        try:
            http.outbox.acknowledge(n)
        except ValueError as error:
            return _refused(409, str(error))
        if http.deadline is not None:
            http.deadline.cancel()
        reader = object()
        http.read_by(reader)
        answer = self._poll if "poll" in request.query_params else self._stream
        writer = asyncio.create_task(answer(http, n, reader, send), name="cobrowse-http-writer")
        gone = asyncio.create_task(_disconnected(request), name="cobrowse-http-reader")
        try:
            await asyncio.wait((writer, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            writer.cancel()
            gone.cancel()
            ended, _ = await asyncio.gather(writer, gone, return_exceptions=True)
            if http.reader is reader:
                if isinstance(ended, Stalled):
                    logger.info("an http connection was dropped: a send took over %s s", TAKEN_WITHIN_S)
                    self._free(http)
                else:
                    http.read_by(None)
                    self._expect(http, BACK_WITHIN_S)
                    if http.outbox.closed:
                        self.hub.lost(http.connection)
        if isinstance(ended, Exception) and not isinstance(ended, Stalled | OSError):
            raise ended  # OSError: the other side was gone before we noticed
        return None

    async def _stream(self, http: HttpConnection, n: int, reader: object, send: Send) -> None:
        outbox, now = http.outbox, asyncio.get_running_loop().time
        await self._send(send, _start(DOWN_HEADERS))
        await self._send(send, _part(EMPTY))
        flows_by = now() + FLOWS_WITHIN_S
        while http.reader is reader:
            self._refill(http, now())
            if pieces := outbox.since(n):
                n = max(n, outbox.first) + len(pieces)
                await self._send(send, _part(b"".join(pieces)))
            elif outbox.closed:
                break
            elif http.next == 0:
                # Held back by something on the way. Ended, the answer gets through, and tells the client so.
                if not await http.woken(flows_by):
                    break
            elif not await http.woken(outbox.full_since and outbox.full_since + TAKEN_WITHIN_S):
                logger.info("an http connection was dropped: nothing acknowledged for %s s", TAKEN_WITHIN_S)
                self._free(http)  # this reader is none any more
        await self._send(send, _part(b"", more=False))

    async def _poll(self, http: HttpConnection, n: int, reader: object, send: Send) -> None:
        now = asyncio.get_running_loop().time
        until = now() + POLL_WITHIN_S
        while http.reader is reader:
            self._refill(http, now(), POLL_BYTES)
            if http.outbox.since(n) or not await http.woken(until):
                break
        # A poll that was replaced has nothing to say: what it had is the next one's.
        body = b"".join(http.outbox.since(n, POLL_BYTES)) if http.reader is reader else b""
        await self._send(send, _start({**DOWN_HEADERS, "Content-Length": str(len(body))}))
        await self._send(send, _part(body, more=False))

    def _refill(self, http: HttpConnection, now: float, *most: int) -> None:
        if _stopping():
            http.connection.close(CloseCode.RESTARTING, "the server is restarting")
        http.connection.ready.clear()
        http.outbox.fill(now, *most)

    async def _send(self, send: Send, event: dict[str, object]) -> None:
        try:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await send(event)
        except TimeoutError:
            raise Stalled from None

    # Deadlines -----------------------------------------------------------------------------------------------

    def _expect(self, http: HttpConnection, within_s: float) -> None:
        """Without a GET within that time the connection is lost."""
        if http.deadline is not None:
            http.deadline.cancel()
        http.deadline = asyncio.get_running_loop().call_later(within_s, self._free, http)

    def _free(self, http: HttpConnection) -> None:
        if self.connections.pop(http.id, None) is not None:
            if http.deadline is not None:
                http.deadline.cancel()
            http.read_by(None)
            self.hub.lost(http.connection)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else None


async def body_of(request: Request, most: int) -> bytes | None:
    """What is in a request; None when it has over `most` bytes, read no further than to see that.

    Raises TimeoutError when it does not come within 10 s, and ClientDisconnect.
    """
    body = bytearray()
    async with asyncio.timeout(BODY_WITHIN_S):
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                return None
    return bytes(body)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refused(status: int, text: str) -> Response:
    return PlainTextResponse(text, status, HEADERS)


def _busy(status: int, text: str) -> Response:
    return PlainTextResponse(text, status, {**HEADERS, "Retry-After": str(RETRY_AFTER_S)})


def _start(headers: dict[str, str]) -> dict[str, object]:
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": 200, "headers": encoded}


def _part(body: bytes, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _stopping() -> bool:
    """Whether uvicorn was told to stop.

    It waits for answers to end before it lets the lifespan end, which would end them. Its signal handler is a method
    of the server; under another server this is false, and the lifespan's end is what ends the answers.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(server, "should_exit", False) is True
