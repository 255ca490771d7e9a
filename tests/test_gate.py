"""What is refused before anything else looks at it: pages of no site, secrets in queries, and a stranger's word on
who it is. Cookies never say who somebody is."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from cobrowse.app import create_app
from cobrowse.close_codes import CloseCode
from cobrowse.codes import ALPHABET, LENGTH
from cobrowse.connection import clock
from cobrowse.gate import Gate
from cobrowse.hub import Hub
from cobrowse.limits import GUESSES_EACH, GUESSES_PER_MINUTE, MINUTE_MS
from cobrowse.records import decode, packed
from cobrowse.settings import Settings, Site
from cobrowse.tokens import Policy, Tokens, Watching

from .links import ORIGIN, SECRET, WITHIN_S, hello, running

TOKENS = Tokens(SECRET)
HOST = "help.example"
OWN = f"http://{HOST}"
SITES = [Site(key="shop", origins=[ORIGIN], consent="granted"), Site(key="other", origins=["https://other.example"])]
STRANGERS = {
    "missing": None,
    "null": "null",
    "empty": "",
    "wrong": "https://evil.example",
    "of a part of it": "https://sub.shop.example",
    "with it before": "https://shop.example.evil.example",
    "with it behind": "https://evil-shop.example",
    "with it as a user": "https://shop.example@evil.example",
    "by another scheme": "http://shop.example",
    "at another port": "https://shop.example:444",
    "with a slash": "https://shop.example/",
    "in capitals": "https://SHOP.example",
    "the server's, and more": f"{OWN}.evil.example",
    "the server's, at another port": f"{OWN}:81",
    "none at all": "http://[",
}


def made(**values: Any) -> Starlette:
    return create_app(Settings(secret=SECRET, sites=SITES, **values))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(made(), base_url=OWN) as client:
        yield client


def connect(client: TestClient, origin: str | None, **headers: str) -> Any:
    given = {"origin": origin, **headers} if origin is not None else headers
    return client.websocket_connect("/ws", headers=given)


async def first(url: str, message: dict[str, Any], origin: str, cookie: str = "") -> Any:
    """What the server says to a first message: a message of its own, or why it closes."""
    headers = {"Cookie": cookie} if cookie else {}
    async with websockets.connect(f"ws{url[4:]}/ws", origin=Origin(origin), additional_headers=headers) as socket:
        await socket.send(packed(message))
        try:
            received = await socket.recv(decode=False)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0
        assert isinstance(received, bytes)
        return next(decode(received))


@pytest.mark.parametrize("origin", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("public_url", ["", "https://help.example"])
def test_a_page_of_no_site_is_refused_before_it_is_accepted(origin: str | None, public_url: str) -> None:
    app = made(public_url=public_url)
    hub: Hub = app.state.hub
    with TestClient(app, base_url=OWN) as client:
        with pytest.raises(WebSocketDisconnect), connect(client, origin):
            pass
        headers = {} if origin is None else {"origin": origin}
        response = client.post("/http", headers=headers)
        assert response.status_code == 403
        assert response.text.startswith("4102 pages of ")
        assert "do not belong to a site of this server" in response.text
        assert not hub._connections


@pytest.mark.parametrize(
    ("public_url", "origin", "welcome"),
    [
        ("", OWN, True),
        ("", f"https://{HOST}", True),
        ("", ORIGIN, True),
        ("https://help.example/under/a/prefix", "https://help.example", True),
        ("https://help.example", OWN, False),
        ("https://public.example", "https://public.example", True),
        ("https://public.example", OWN, False),
    ],
)
def test_a_page_of_a_site_or_of_our_own_may_connect(public_url: str, origin: str, welcome: bool) -> None:
    hub: Hub = made(public_url=public_url).state.hub
    assert hub.entrance.welcomes(origin, HOST) is welcome


@pytest.mark.anyio
async def test_a_page_of_one_site_may_not_speak_for_another() -> None:
    async with asyncio.timeout(WITHIN_S), running(made()) as server:
        assert (await first(server.url, hello("broadcaster"), ORIGIN))["type"] == "welcome"
        for origin in ("https://other.example", server.url):
            assert await first(server.url, hello("broadcaster"), origin) == CloseCode.ORIGIN_NOT_ALLOWED


@pytest.mark.anyio
async def test_cookies_say_nothing() -> None:
    agent = TOKENS.agent("Ann")
    async with asyncio.timeout(WITHIN_S), running(made()) as server, httpx2.AsyncClient(base_url=server.url) as client:
        session = (await first(server.url, hello("broadcaster"), ORIGIN))["session"]
        viewer = TOKENS.viewer(Watching(session, "ab", "Ann", "agent"))
        cookies = f"token={agent}; cobrowse={viewer}; cobrowse.agent={agent}; Authorization=Bearer {agent}"
        nothing = hello("viewer", session=session, proof=None)
        assert await first(server.url, nothing, server.url, cookies) == CloseCode.UNAUTHORIZED
        headers = {"origin": server.url, "cookie": cookies}
        assert (await client.post("/join", content="ABC234", headers=headers)).status_code == 401
        id = (await client.post("/http", headers=headers)).text
        await client.post(f"/http/{id}/0", content=packed(nothing), headers=headers)
        said = await client.post(f"/http/{id}/1", headers=headers)
        assert said.text.startswith(f"{CloseCode.UNAUTHORIZED.value} ")
        for path in ("/join", "/login", f"/v/{session}", "/embed.js", "/healthz"):
            assert "set-cookie" not in (await client.get(path, headers=headers)).headers


@pytest.mark.parametrize("path", ["/ws", "/http", "/v/abc", "/join", "/login"])
@pytest.mark.parametrize("name", ["token", "access_token", "TOKEN", "secret", "code", "path"])
def test_a_secret_in_a_query_is_refused(client: TestClient, path: str, name: str) -> None:
    token = TOKENS.agent("Ann") if name == "path" else "whatever"
    if path == "/ws":
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/ws?{name}={token}"):
            pass
        return
    response = client.request("POST" if path == "/http" else "GET", f"{path}?{name}={token}")
    assert response.status_code == 400
    assert "behind a #" in response.text
    assert token not in response.text
    assert response.headers["referrer-policy"] == "no-referrer"


def test_other_queries_are_nobodys_business(client: TestClient) -> None:
    assert client.get("/v/abc?path=relay&transport=http&check").status_code == 200
    assert client.post("/http?check", headers={"origin": OWN}).status_code == 201
    app = Starlette(routes=[Mount("/demo", PlainTextResponse("shop"))])
    assert TestClient(Gate(app, [])).get("/demo/?code=SALE&token=eyJhbGciOi.eyJzdWIi.x").text == "shop"


def who(proxies: list[str], peer: str, forwarded: str | None) -> str:
    async def say(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.client.host if request.client else "nobody")

    gate = Gate(Starlette(routes=[Route("/", say)]), proxies)
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    return TestClient(gate, client=(peer, 1)).get("/", headers=headers).text


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "address"),
    [
        ([], "127.0.0.1", "9.9.9.9", "127.0.0.1"),
        (["10.0.0.0/8"], "127.0.0.1", "9.9.9.9", "127.0.0.1"),
        (["127.0.0.1/32"], "127.0.0.1", None, "127.0.0.1"),
        (["127.0.0.1/32"], "127.0.0.1", "9.9.9.9", "9.9.9.9"),
        (["127.0.0.1/32"], "127.0.0.1", "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        (["127.0.0.1/32", "10.0.0.0/8"], "127.0.0.1", "6.6.6.6, 9.9.9.9, 10.1.2.3", "9.9.9.9"),
        (["127.0.0.1/32"], "127.0.0.1", "6.6.6.6, 10.1.2.3", "10.1.2.3"),
        (["::1/128"], "::1", "6.6.6.6, 2001:db8::7", "2001:db8::7"),
        (["127.0.0.1/32"], "8.8.8.8", "9.9.9.9", "8.8.8.8"),
    ],
)
def test_an_address_is_believed_from_a_trusted_proxy_alone(
    proxies: list[str], peer: str, forwarded: str | None, address: str
) -> None:
    assert who(proxies, peer, forwarded) == address


def test_a_proxy_that_is_not_trusted_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    client = TestClient(Gate(Starlette(), []), client=("10.9.8.7", 1))
    for _ in range(2):
        client.get("/", headers={"x-forwarded-for": "9.9.9.9"})
    assert caplog.text.count("X-Forwarded-For from 10.9.8.7 is not believed") == 1
    assert "COBROWSE_TRUSTED_PROXIES" in caplog.text
    assert "9.9.9.9" not in caplog.text


class Guessing:
    """Agents that type codes, each by an address of its own that a trusted proxy tells."""

    def __init__(self, agents: int) -> None:
        app = made(trusted_proxies=["127.0.0.1"])
        self.client = TestClient(app, base_url=OWN, client=("127.0.0.1", 1))
        hub: Hub = app.state.hub
        self.right = hub.entrance.codes.give("a session", clock())
        hub._of_session["a session"] = (SITES[0], set())
        policy = Policy(sites=["shop"])
        self.agents = [(f"10.0.0.{n}", TOKENS.agent(f"agent{n}", policy)) for n in range(agents)]

    def type(self, code: str, address: str, token: str) -> Any:
        # What stands left of the address that the proxy has added is the guesser's own, and another each time.
        forwarded = f"{secrets.randbelow(256)}.1.1.1, {address}"
        headers = {"authorization": f"Bearer {token}", "x-forwarded-for": forwarded}
        return self.client.post("/join", content=code, headers=headers)

    def wrong(self) -> str:
        while (code := "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))) == self.right:
            pass
        return code


@pytest.mark.parametrize(("agents", "most"), [(1, GUESSES_EACH), (50, GUESSES_PER_MINUTE)])
def test_guessing_codes_is_cut_off(agents: int, most: int) -> None:
    guessing = Guessing(agents)
    began = clock()
    answers = [guessing.type(guessing.wrong(), *guessing.agents[n % agents]) for n in range(600)]
    minutes = 1 + int((clock() - began) // MINUTE_MS)
    tried = [answer for answer in answers if answer.status_code == 404]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(tried) + len(refused) == 600
    assert most <= len(tried) <= most * minutes
    assert answers[:5] == tried[:5]
    for answer in refused:
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert "too many codes were wrong; come back in" in answer.json()["error"]
    # Not even the right one is told from the others now.
    late = guessing.type(guessing.right, *guessing.agents[0])
    assert late.status_code == 429 or minutes > 1


def test_an_office_types_as_many_right_codes_as_it_likes() -> None:
    guessing = Guessing(1)
    for _ in range(100):
        assert guessing.type(guessing.right, *guessing.agents[0]).json() == {"session": "a session"}


def test_who_has_not_logged_in_guesses_nothing() -> None:
    guessing = Guessing(1)
    for token in ("", "x", TOKENS.viewer(Watching("a session", "ab", "Ann", "agent")), TOKENS.agent("Ann", ttl_s=-1)):
        right, wrong = (guessing.type(code, "10.0.0.1", token) for code in (guessing.right, guessing.wrong()))
        assert (right.status_code, right.text) == (wrong.status_code, wrong.text)
        assert right.status_code == 401
