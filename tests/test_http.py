"""The http transport by raw requests: numbering, repeats, deadlines, limits, and what a bad client may try."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from cobrowse.app import create_app, lifespan
from cobrowse.close_codes import CloseCode
from cobrowse.connection import Connection
from cobrowse.hub import Hub
from cobrowse.records import MAX_MESSAGE, decode, packed
from cobrowse.transports.http import POLL_BYTES, HttpConnection, HttpTransport
from cobrowse.transports.outbox import WINDOW

from .links import (
    ORIGIN,
    WITHIN_S,
    Closed,
    HttpLink,
    Participant,
    Pieces,
    PollLink,
    Running,
    hello,
    pieces,
    running,
    settings,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Raw:
    """One http connection, used by hand."""

    def __init__(self, server: Running, client: httpx2.AsyncClient, app: Starlette) -> None:
        self.server = server
        self.client = client
        self.hub: Hub = app.state.hub
        [route] = [route for route in app.routes if isinstance(route, Route) and route.path == "/http"]
        assert isinstance(route.endpoint, HttpTransport)
        self.transport = route.endpoint
        self.reading: asyncio.Queue[object] = asyncio.Queue()
        self.lost: asyncio.Queue[Connection] = asyncio.Queue()
        self.base = ""

    async def open(self) -> httpx2.Response:
        response = await self.client.post(f"{self.server.url}/http", headers={"origin": ORIGIN})
        self.base = f"{self.server.url}/http/{response.text}"
        return response

    async def post(self, n: int | str, *messages: Any, **params: Any) -> httpx2.Response:
        return await self.client.post(f"{self.base}/{n}", content=b"".join(map(packed, messages)), params=params)

    async def poll(self, n: int | str) -> httpx2.Response:
        return await self.client.get(f"{self.base}/{n}?poll")

    async def joins(self) -> int:
        """Open and say hello; the number of the first piece after `welcome`."""
        await self.open()
        assert (await self.post(0, hello("broadcaster"))).status_code == 204
        welcome = await self.poll(0)
        assert types(messages(welcome))[0] == "welcome"
        return len(messages(welcome))

    async def reads(self) -> None:
        """Wait until a GET reads."""
        [http] = self.transport.connections.values()
        while http.reader is None:
            await self.reading.get()

    def connection(self) -> Connection:
        [connection] = self.hub._connections
        return connection


def messages(response: httpx2.Response) -> list[bytes]:
    """Those of an answer that has been read."""
    return list(Pieces().push(response.content))


def types(received: list[bytes]) -> list[str]:
    return [item["type"] for message in received for item in decode(message) if isinstance(item, dict)]


@pytest.fixture
async def raw(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Raw]:
    monkeypatch.setattr("cobrowse.hub.PING_EVERY_MS", 3_600_000)  # only what the test says is said
    app = create_app(settings())
    hub: Hub = app.state.hub
    async with asyncio.timeout(WITHIN_S), running(app) as server, httpx2.AsyncClient(timeout=WITHIN_S) as client:
        raw = Raw(server, client, app)
        lost = hub.lost

        def observed(connection: Connection) -> None:
            lost(connection)
            raw.lost.put_nowait(connection)

        read_by = HttpConnection.read_by

        def observed_read(http: HttpConnection, reader: object | None) -> None:
            read_by(http, reader)
            raw.reading.put_nowait(reader)

        monkeypatch.setattr(hub, "lost", observed)
        monkeypatch.setattr(HttpConnection, "read_by", observed_read)
        yield raw
        await hub.stop()


async def ended(stream: AsyncIterator[bytes]) -> list[bytes]:
    return [message async for message in stream]


# Opening -----------------------------------------------------------------------------------------------------


async def test_a_connection_has_an_id_that_cannot_be_guessed(raw: Raw) -> None:
    ids = set()
    for _ in range(2):
        response = await raw.open()
        assert response.status_code == 201
        assert len(response.text) * 6 >= 128
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers
        assert "set-cookie" not in response.headers
        assert "no-store" in response.headers["cache-control"]
        ids.add(response.text)
    assert len(ids) == 2


async def test_a_full_server_says_when_to_come_back() -> None:
    transport = HttpTransport(create_app(settings()).state.hub, max_connections=1)
    async with running(Starlette(routes=transport.routes)) as server, httpx2.AsyncClient() as client:
        headers = {"origin": ORIGIN}
        assert (await client.post(f"{server.url}/http", headers=headers)).status_code == 201
        response = await client.post(f"{server.url}/http", headers=headers)
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert response.text == "1 http connections are open; try again later"
        await transport.hub.stop()


async def test_it_works_under_a_prefix() -> None:
    app = create_app(settings())
    outer = Starlette(routes=[Mount("/help/desk", app)], lifespan=lambda outer: lifespan(app))
    async with running(outer) as server:
        link = await HttpLink.open(f"{server.url}/help/desk", ORIGIN)
        broadcaster = Participant(link)
        await broadcaster.say(hello("broadcaster"))
        await broadcaster.until("welcome")
        await link.close()


# Up ----------------------------------------------------------------------------------------------------------


async def test_a_repeated_post_is_confirmed_and_nothing_happens(raw: Raw) -> None:
    n = await raw.joins()
    for _ in range(2):
        assert (await raw.post(1, {"type": "ping", "at": 1})).status_code == 204
    assert (await raw.post(2, {"type": "ping", "at": 2})).status_code == 204
    items = [item for message in messages(await raw.poll(n)) for item in decode(message)]
    assert items == [{"type": "pong", "at": 1}, {"type": "pong", "at": 2}]


async def test_a_post_out_of_order_is_refused_and_nothing_is_lost(raw: Raw) -> None:
    n = await raw.joins()
    refused = await raw.post(2, {"type": "ping", "at": 2})
    assert (refused.status_code, refused.text) == (
        409,
        "message 2 came where 1 is next; send them in order, one at a time",
    )
    for number in (1, 2):
        assert (await raw.post(number, {"type": "ping", "at": number})).status_code == 204
    items = [item for message in messages(await raw.poll(n)) for item in decode(message)]
    assert [item["at"] for item in items if isinstance(item, dict)] == [1, 2]


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
async def test_a_post_that_is_too_large_closes(raw: Raw, chunked: bool) -> None:
    n = await raw.joins()

    async def body() -> AsyncIterator[bytes]:
        for _ in range(MAX_MESSAGE // 1_024 + 1):
            yield bytes(1_024)

    content: Any = body() if chunked else bytes(MAX_MESSAGE + 1)
    response = await raw.client.post(f"{raw.base}/1", content=content)
    assert (response.status_code, response.text) == (413, "message 1 has more than the 65536 bytes that are allowed")
    with pytest.raises(Closed) as closed:
        messages(await raw.poll(n))
    assert (closed.value.code, closed.value.reason) == (4106, response.text)


async def test_an_unknown_connection_is_said_to_be_so(raw: Raw) -> None:
    raw.base = f"{raw.server.url}/http/nosuchconnection"
    for response in (await raw.post(0), await raw.poll(0)):
        assert response.status_code == 404
        assert response.text == "there is no such connection; it has ended, or another server holds it"
        assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("n", ["x", "-1", "1" * 17, "\N{FULLWIDTH DIGIT ONE}"])
async def test_a_number_is_a_number(raw: Raw, n: str) -> None:
    await raw.open()
    for response in (await raw.post(n), await raw.poll(n)):
        assert (response.status_code, response.text) == (404, f"no message number: {n!r}")


async def test_no_other_method_reaches_a_connection(raw: Raw) -> None:
    await raw.open()
    for method in ("HEAD", "PUT", "DELETE"):
        assert (await raw.client.request(method, f"{raw.base}/0")).status_code == 405


async def test_a_body_that_does_not_come_is_not_waited_for(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cobrowse.transports.http.BODY_WITHIN_S", 0.05)
    await raw.open()
    host, port = raw.server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    path = raw.base.removeprefix(raw.server.url)
    writer.write(f"POST {path}/0 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\nhalf".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    writer.close()
    await writer.wait_closed()


async def test_a_body_that_breaks_off_is_no_message(raw: Raw) -> None:
    n = await raw.joins()
    host, port = raw.server.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    path = raw.base.removeprefix(raw.server.url)
    writer.write(f"POST {path}/1 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\nhalf".encode())
    writer.close()
    await writer.wait_closed()
    assert (await raw.post(1, {"type": "ping", "at": 1})).status_code == 204
    assert types(messages(await raw.poll(n))) == ["pong"]


# Down --------------------------------------------------------------------------------------------------------


async def test_a_stream_begins_at_once_and_asks_not_to_be_held(raw: Raw) -> None:
    await raw.open()
    async with raw.client.stream("GET", f"{raw.base}/0") as response:
        assert await anext(response.aiter_raw()) == bytes(4)
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["cache-control"] == "no-store, no-transform"
        assert response.headers["x-accel-buffering"] == "no"


async def test_a_stream_that_is_held_back_ends_for_polls_to_go_on(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cobrowse.transports.http.FLOWS_WITHIN_S", 0.05)
    await raw.open()
    response = await raw.client.get(f"{raw.base}/0")
    assert response.content == bytes(4)
    assert (await raw.post(0, hello("broadcaster"))).status_code == 204
    assert types(messages(await raw.poll(0)))[0] == "welcome"


async def test_a_second_get_replaces_the_first_and_nothing_is_lost(raw: Raw) -> None:
    await raw.open()
    async with AsyncExitStack() as stack:
        streams = []
        for _ in range(2):
            response = await stack.enter_async_context(raw.client.stream("GET", f"{raw.base}/0"))
            streams.append(pieces(response))
            assert await anext(streams[-1]) == b""
        assert await ended(streams[0]) == []
        await raw.post(0, hello("broadcaster"))
        assert types([await anext(streams[1])])[0] == "welcome"
    async with raw.client.stream("GET", f"{raw.base}/0") as response:
        again = pieces(response)
        assert await anext(again) == b""
        assert types([await anext(again)])[0] == "welcome"


async def test_a_poll_that_is_replaced_ends_empty(raw: Raw) -> None:
    n = await raw.joins()
    first = asyncio.create_task(raw.poll(n))
    await raw.reads()
    second = asyncio.create_task(raw.poll(n))
    assert (await first).content == b""
    await raw.post(1, {"type": "ping", "at": 1})
    assert types(messages(await second)) == ["pong"]


async def test_a_poll_that_is_repeated_has_the_same_answer(raw: Raw) -> None:
    n = await raw.joins()
    await raw.post(1, {"type": "ping", "at": 1})
    first, second = await raw.poll(n), await raw.poll(n)
    assert first.content == second.content != b""
    await raw.post(2, {"type": "ping", "at": 2})
    assert [next(iter(decode(one))) for one in messages(await raw.poll(n + 1))] == [{"type": "pong", "at": 2}]
    refused = await raw.poll(n)
    assert refused.status_code == 409
    assert refused.text == f"piece {n} was acknowledged before; the first that is kept is {n + 1}"
    refused = await raw.poll(n + 9)
    assert refused.status_code == 409
    assert refused.text == f"piece {n + 9} has not been sent; the next is {n + 2}"
    refused = await raw.post(3, got=n + 9)
    assert refused.status_code == 409


async def test_a_poll_with_nothing_to_say_ends_empty(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    n = await raw.joins()
    monkeypatch.setattr("cobrowse.transports.http.POLL_WITHIN_S", 0.05)
    response = await raw.poll(n)
    assert (response.status_code, response.content) == (200, b"")


async def test_no_more_than_the_window_is_on_its_way(raw: Raw) -> None:
    n = await raw.joins()
    connection = raw.connection()
    sent = [packed({"type": "x", "fill": bytes(16_000)}) for _ in range(60)]
    connection._control.extend(sent)
    connection._control_size += sum(map(len, sent))
    first = await raw.poll(n)
    assert POLL_BYTES - MAX_MESSAGE <= len(first.content) <= POLL_BYTES
    assert sum(map(len, sent)) - connection._control_size <= WINDOW + MAX_MESSAGE
    received = messages(first)
    while connection._control or len(b"".join(received)) < sum(map(len, sent)):
        received += messages(await raw.poll(n + len(received)))
    assert b"".join(received) == b"".join(sent)


# Ends --------------------------------------------------------------------------------------------------------


async def test_a_post_without_its_get_is_lost(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cobrowse.transports.http.READ_WITHIN_S", 0.2)
    await raw.open()
    await raw.post(0, hello("broadcaster"))
    await raw.lost.get()
    assert (await raw.post(1)).status_code == 404


async def test_polls_that_stop_are_a_loss(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cobrowse.transports.http.BACK_WITHIN_S", 0.2)
    await raw.joins()
    await raw.lost.get()
    assert (await raw.poll(1)).status_code == 404


async def test_a_stream_that_breaks_can_be_taken_up_again(raw: Raw) -> None:
    await raw.open()
    for _ in range(3):
        async with raw.client.stream("GET", f"{raw.base}/0") as response:
            stream = pieces(response)
            assert await anext(stream) == b""
            await raw.post(0, hello("broadcaster"))
            assert types([await anext(stream)])[0] == "welcome"
    assert raw.lost.empty()


async def test_who_leaves_is_missed_at_once_and_its_stream_ends(raw: Raw) -> None:
    await raw.open()
    async with raw.client.stream("GET", f"{raw.base}/0") as response:
        stream = pieces(response)
        assert await anext(stream) == b""
        connection = raw.connection()
        assert (await raw.post(0, close="")).status_code == 204
        assert await raw.lost.get() is connection
        assert await ended(stream) == []
    assert (await raw.post(0)).status_code == 404


async def test_why_it_closed_is_said_again_for_a_while(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    n = await raw.joins()
    raw.connection().close(CloseCode.REMOVED, "not welcome")
    with pytest.raises(Closed, match="closed with 4109: not welcome"):
        messages(await raw.poll(n))
    refused = await raw.post(1)
    assert (refused.status_code, refused.text) == (410, "4109 not welcome")
    monkeypatch.setattr("cobrowse.transports.http.BACK_WITHIN_S", 0.2)
    with pytest.raises(Closed, match="closed with 4109: not welcome"):
        messages(await raw.poll(n))
    while raw.transport.connections:
        await raw.lost.get()
    assert (await raw.poll(n)).status_code == 404


@pytest.mark.parametrize("kind", [HttpLink, PollLink])
async def test_a_server_that_stops_says_so_and_stops(raw: Raw, kind: type[HttpLink]) -> None:
    link = await kind.open(raw.server.url, ORIGIN)
    participant = Participant(link)
    await participant.say(hello("broadcaster"))
    await participant.until("welcome")
    closing = asyncio.create_task(participant.closed())
    await raw.reads()
    raw.server.server.should_exit = True
    raw.hub.tick(raw.connection().heard)  # the next sign of life
    assert (await closing).code == CloseCode.RESTARTING
    await raw.server.stop()
    await link.client.aclose()
