"""The ASGI app: pages and their headers, joining by code, and life under somebody else's prefix."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from cobrowse import app as app_module
from cobrowse import create_app, lifespan
from cobrowse.errors import SettingsError
from cobrowse.hub import Hub
from cobrowse.records import decode, packed
from cobrowse.settings import Settings, Site
from cobrowse.tokens import Policy, Tokens, Watching

SECRET = "x" * 64
ORIGIN = "https://shop.example"
TOKENS = Tokens(SECRET)


@pytest.fixture(autouse=True)
def _built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("embed.js", "viewer.js", "join.js"):
        (tmp_path / name).write_text(f"// {name}\n")
    monkeypatch.setattr(app_module, "STATIC", tmp_path)


def made(**values: Any) -> Starlette:
    site = Site(key="shop", origins=[ORIGIN], assets=["https://cdn.example"])
    return create_app(Settings(secret=SECRET, sites=[site], **values))


@pytest.fixture
def app() -> Starlette:
    return made()


@pytest.fixture
def client(app: Starlette) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def begin(client: TestClient, prefix: str = "") -> tuple[str, str]:
    """Begins a session; its id and code."""
    with client.websocket_connect(f"{prefix}/ws", headers={"origin": ORIGIN}) as socket:
        hello = {"type": "hello", "role": "broadcaster", "wire": 1, "log": 1, "site": "shop", "proof": b"p" * 32}
        socket.send_bytes(packed(hello))
        welcome = next(decode(socket.receive_bytes()))
        assert isinstance(welcome, dict)
        assert welcome["type"] == "welcome"
        wait_for = [task for task in socket.portal.call(_tasks) if task.get_name().startswith("cobrowse-websocket")]
        socket.close()
        socket.portal.call(_ended, wait_for)
    return welcome["session"], welcome["code"]


async def _tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks()


async def _ended(tasks: list[asyncio.Task[Any]]) -> None:
    """The test client cancels the app when a socket is closed: not before it has cleaned up."""
    await asyncio.wait(tasks)
    for _ in range(20):
        await asyncio.sleep(0)


def policy(header: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in header.split(";"))}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(("path", "script"), [("/v/abc", "../static/viewer.js"), ("/join", "static/join.js")])
def test_pages_are_closed_to_everything_but_themselves(client: TestClient, path: str, script: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert f'src="{script}"' in response.text
    assert 'data-state="connecting"' in response.text
    headers = response.headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    rules = policy(headers["content-security-policy"])
    for name in ("default-src", "frame-src", "object-src", "base-uri", "form-action", "frame-ancestors"):
        assert rules[name] == ["'none'"], name
    assert rules["script-src"] == rules["connect-src"] == ["'self'"]
    for name in ("img-src", "font-src", "media-src", "style-src"):
        assert not any(source in ("*", "https:", "http:", "'unsafe-eval'") for source in rules[name])


def test_a_viewer_loads_pictures_from_where_the_site_says(client: TestClient) -> None:
    session, _ = begin(client)
    rules = policy(client.get(f"/v/{session}").headers["content-security-policy"])
    for name in ("img-src", "font-src", "media-src", "style-src"):
        assert "https://cdn.example" in rules[name]
    assert rules["script-src"] == ["'self'"]
    assert "cdn.example" not in client.get("/v/unknown").headers["content-security-policy"]


def test_a_page_says_nothing_of_whether_there_is_such_a_session(client: TestClient) -> None:
    session, _ = begin(client)
    assert client.get(f"/v/{session}").text == client.get("/v/unknown").text


def test_a_session_id_cannot_write_into_the_page(client: TestClient) -> None:
    response = client.get("/v/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert "<script>alert" not in response.text


def test_browser_files_are_for_pages_of_any_origin(client: TestClient) -> None:
    for path in ("/embed.js", "/static/viewer.js"):
        response = client.get(path, headers={"origin": "https://anywhere.example"})
        assert response.status_code == 200
        assert response.text.startswith("// ")
        assert "javascript" in response.headers["content-type"]
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["cross-origin-resource-policy"] == "cross-origin"
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-content-type-options"] == "nosniff"
        again = client.get(path, headers={"if-none-match": response.headers["etag"]})
        assert again.status_code == 304
        assert again.headers["access-control-allow-origin"] == "*"


def test_files_outside_are_not_served(client: TestClient) -> None:
    assert client.get("/static/../settings.py").status_code == 404
    assert client.get("/static/%2e%2e/settings.py").status_code == 404


def test_without_the_built_files_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "STATIC", tmp_path / "none")
    response = TestClient(made()).get("/embed.js")
    assert response.status_code == 503
    assert "make client" in response.text


def test_joining_needs_a_login(client: TestClient) -> None:
    _, code = begin(client)
    for headers in ({}, {"authorization": "Basic abc"}, {"authorization": "Bearer x"}, {"authorization": "Bearer"}):
        response = client.post("/join", content=code, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["error"]
        assert "session" not in response.json()


def test_joining_with_a_viewers_token_is_no_login(client: TestClient) -> None:
    session, code = begin(client)
    token = TOKENS.viewer(Watching(session, "ab", "Ann", "agent"))
    assert client.post("/join", content=code, headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_joining_by_code(client: TestClient) -> None:
    session, code = begin(client)
    headers = {"authorization": f"bearer {TOKENS.agent('Bo')}"}
    for typed in (code, f" {code[:3]}-{code[3:].lower()} "):
        response = client.post("/join", content=typed, headers=headers)
        assert (response.status_code, response.json()) == (200, {"session": session})


def test_joining_by_a_code_that_is_none(client: TestClient) -> None:
    begin(client)
    headers = {"authorization": f"Bearer {TOKENS.agent('Bo')}"}
    for typed in (b"", b"111111", b"\xff\xfe"):
        response = client.post("/join", content=typed, headers=headers)
        assert response.status_code == 404
        assert "no session has this code" in response.json()["error"]
    assert client.post("/join", content="x" * 65, headers=headers).status_code == 413


def test_an_agent_of_one_session_joins_only_that(client: TestClient) -> None:
    session, code = begin(client)
    for only, status in ((session, 200), ("another", 404)):
        headers = {"authorization": f"Bearer {TOKENS.agent('Bo', Policy(sessions=[only]))}"}
        assert client.post("/join", content=code, headers=headers).status_code == status


def test_methods_that_make_no_sense_are_refused(client: TestClient) -> None:
    assert client.post("/healthz").status_code == 405
    assert client.put("/join").status_code == 405
    assert client.get("/ws").status_code == 404


@pytest.mark.parametrize("with_lifespan", [True, False])
def test_it_works_under_any_prefix_of_another_app(app: Starlette, with_lifespan: bool) -> None:
    @asynccontextmanager
    async def outer(_: Starlette) -> AsyncIterator[None]:
        if with_lifespan:
            async with lifespan(app):
                yield
        else:
            yield

    mounted = Starlette(routes=[Mount("/help/desk", app)], lifespan=outer)
    with TestClient(mounted) as client:
        session, code = begin(client, "/help/desk")
        assert client.get("/help/desk/embed.js").status_code == 200
        assert client.get("/help/desk/static/viewer.js").status_code == 200
        assert 'src="../static/viewer.js"' in client.get(f"/help/desk/v/{session}").text
        assert 'src="static/join.js"' in client.get("/help/desk/join").text
        assert client.get("/help/desk/healthz").status_code == 200
        headers = {"authorization": f"Bearer {TOKENS.agent('Bo')}"}
        assert client.post("/help/desk/join", content=code, headers=headers).json() == {"session": session}
        assert client.get("/embed.js").status_code == 404


def test_lifespan_starts_the_hub_and_stops_it(app: Starlette) -> None:
    hub: Hub = app.state.hub
    assert hub._ticker is None
    with TestClient(app) as client:
        assert client.get("/healthz").status_code == 200
        assert hub._ticker is not None
    assert hub._ticker is None


def test_the_demo_is_there_when_it_is_wanted(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/demo/").status_code == 404
    (tmp_path / "index.html").write_text("<title>shop</title>")
    monkeypatch.setattr(app_module, "demo_folder", lambda: tmp_path)
    demo = TestClient(made(demo=True))
    assert "shop" in demo.get("/demo/").text
    assert demo.get("/", follow_redirects=False).headers["location"] == "demo/"


def test_settings_that_cannot_be_used_are_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "cobrowse").write_text("in the way")
    with pytest.raises(SettingsError, match="COBROWSE_SECRET"):
        create_app(Settings())
