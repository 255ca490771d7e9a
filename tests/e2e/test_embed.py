"""The script tag as a site has it: attributes, calls before it has loaded, a server under a prefix of another app."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, Playwright
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from cobrowse import Settings, create_app
from cobrowse.settings import Site
from cobrowse.tokens import Tokens

from .rig import CHROMIUM_ARGS, SECRET, Desk, Server, Visit, chromium, difference, settled, until

PREFIX = "/help/desk"
STUB = """<script>
  window.Cobrowse = { q: [], session: null };
  Cobrowse.start = (options) => new Promise((resolve, reject) => window.Cobrowse.q.push([options, resolve, reject]));
</script>"""
HEADS = {
    "/": "<script async src='BASE/embed.js' data-site='shop'></script>",
    "/started": "<script async src='BASE/embed.js' data-site='shop' data-autostart></script>",
    "/granted": "<script async src='BASE/embed.js' data-site='shop' data-autostart data-consent='granted'></script>",
    "/launcher": "<script async src='BASE/embed.js' data-site='shop' data-launcher='Ask us'></script>",
    "/early": STUB
    + "<script>globalThis.early = Cobrowse.start({ customData: { order: '7' } });</script>"
    + "<script async src='BASE/embed.js' data-site='shop'></script>",
}


@contextmanager
def mounted() -> Iterator[str]:
    """A site's own app with the server under a prefix of it; its address. No lifespan is run: the hub starts itself."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://localhost:{listening.getsockname()[1]}"

    def page(path: str) -> Route:
        head = HEADS[path].replace("BASE", PREFIX)
        html = f"<!doctype html><title>Shop</title>{head}<h1>Shop</h1><p id=x>0</p>"
        return Route(path, lambda request: HTMLResponse(html))

    site = Site(key="shop", origins=[url], consent="granted")
    desk = create_app(Settings(secret=SECRET, sites=[site]))
    app = Starlette(routes=[Mount(PREFIX, desk), *(page(path) for path in HEADS)])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    with mounted() as url:
        yield url


@pytest.fixture
def guests(browser: Browser, server: Server) -> Iterator[Desk]:
    """Browsers of their own; the server of the other tests is not used."""
    opened = Desk(browser, server)
    yield opened
    opened.close()
    assert opened.errors == []


@pytest.fixture
def keeping_nothing(playwright: Playwright, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser that is told to let no site keep anything."""
    folder = tmp_path / "Default"
    folder.mkdir()
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (folder / "Preferences").write_text(json.dumps(settings))
    context = playwright.chromium.launch_persistent_context(tmp_path, executable_path=chromium(), args=CHROMIUM_ARGS)
    yield context
    context.close()


def opened(desk: Desk, url: str) -> Page:
    page = desk.context().new_page()
    page.goto(url)
    return page


@pytest.mark.parametrize("transport", ["websocket", "webrtc", "http"])
def test_under_a_prefix_of_another_app_all_of_it_works(guests: Desk, shop: str, transport: str) -> None:
    visit = guests.visit(f"{shop}/", f"{{ consent: 'granted', transport: '{transport}' }}")
    assert re.fullmatch(rf"{shop}{PREFIX}/v/[\w-]+#[\w-]+", visit.link)
    watching = guests.watch(visit.link.replace("#", f"?path=relay&transport={transport}#"))
    visit.page.evaluate("() => { document.querySelector('#x').textContent = 'changed'; }")
    assert difference(visit, watching) is None
    assert watching.stats["transport"] == transport
    metrics = settled(visit.page, "new Promise((resolve) => Cobrowse.session.on('metrics', resolve))")
    assert metrics["transport"] == transport
    agent = guests.context().new_page()
    agent.goto(f"{shop}{PREFIX}/login#{Tokens(SECRET).agent('Ann')}")
    agent.wait_for_url(f"**{PREFIX}/join")
    agent.goto(f"{shop}{PREFIX}/join#{visit.page.evaluate('Cobrowse.session.code')}")
    agent.wait_for_url(f"**{PREFIX}/v/*")
    visit.page.locator("cobrowse-widget .ask").filter(has_text="Ann, an agent,").wait_for()


def test_autostart_starts_and_asks(guests: Desk, shop: str) -> None:
    page = opened(guests, f"{shop}/started")
    assert until(page, "Cobrowse.session?.state") == "pending"
    guests.watch(page.evaluate("Cobrowse.session.link"), state="waiting")
    page.locator("cobrowse-widget .ask").wait_for()


def test_consent_in_the_tag_lets_in_who_has_the_link_and_the_session_is_back_after_a_page_load(
    guests: Desk, shop: str
) -> None:
    page = opened(guests, f"{shop}/granted")
    until(page, "Cobrowse.session?.link")
    told = "[Cobrowse.session.id, Cobrowse.session.code, Cobrowse.session.link]"
    before = page.evaluate(told)
    watching = guests.watch(before[2])
    page.reload()
    until(page, "globalThis.Cobrowse?.session?.viewers.length === 1")
    assert page.evaluate(told) == before
    watching.becomes("live")
    assert difference(Visit(page, page.context, before[2]), watching) is None
    page.locator("cobrowse-widget .bar").wait_for()


def test_a_launcher_has_the_text_of_its_attribute_and_goes_while_there_is_a_session(guests: Desk, shop: str) -> None:
    page = opened(guests, f"{shop}/launcher")
    launcher = page.locator("cobrowse-widget").get_by_role("button", name="Ask us")
    launcher.click()
    launcher.wait_for(state="hidden")
    until(page, "Cobrowse.session !== null")
    page.evaluate("Cobrowse.session.end()")
    launcher.wait_for(state="visible")


def test_where_the_browser_keeps_nothing_a_session_is_started_and_watched(
    guests: Desk, shop: str, keeping_nothing: BrowserContext
) -> None:
    page = keeping_nothing.new_page()
    page.goto(f"{shop}/launcher")
    kept = "() => { try { return String(sessionStorage); } catch (error) { return error.name; } }"
    assert page.evaluate(kept) == "SecurityError"
    page.locator("cobrowse-widget").get_by_role("button", name="Ask us").click()
    until(page, "Cobrowse.session?.link")

    page.goto(f"{shop}/granted")
    link = until(page, "globalThis.Cobrowse?.session?.link")
    watching = guests.watch_in(keeping_nothing, link)
    assert difference(Visit(page, keeping_nothing, link), watching) is None

    page.goto(f"{shop}{PREFIX}/login#{Tokens(SECRET).agent('Ann')}")
    page.get_by_text("this browser keeps no data of this site").wait_for()


def test_calls_before_it_has_loaded_are_answered(guests: Desk, shop: str) -> None:
    page = opened(guests, f"{shop}/early")
    assert settled(page, "globalThis.early.then((session) => [session.state, session.customData.order])") == [
        "pending",
        "7",
    ]
    assert settled(page, "globalThis.early.then((session) => session === Cobrowse.session)")


def test_what_the_session_tells_has_the_names_that_are_promised(guests: Desk, shop: str) -> None:
    page = opened(guests, f"{shop}/granted")
    until(page, "Cobrowse.session?.link")
    watching = guests.watch(page.evaluate("Cobrowse.session.link"))
    assert sorted(page.evaluate("Object.keys(Cobrowse.session.stats())")) == [
        "bytesSent",
        "checkpoints",
        "epoch",
        "seq",
        "viewers",
    ]
    assert sorted(page.evaluate("Object.keys(Cobrowse.session.viewers[0])")) == [
        "capabilities",
        "id",
        "name",
        "path",
        "role",
    ]
    assert sorted(watching.page.evaluate("Object.keys(viewer.stats())")) == sorted(
        [
            "state",
            "path",
            "transport",
            "rttMs",
            "lagMs",
            "epoch",
            "seq",
            "bytesReceived",
            "framesReceived",
            "resets",
            "eventsHeld",
            "leftOut",
        ]
    )
    assert page.evaluate("typeof Cobrowse.version") == "string"
