"""Each transport carries the page, alone, beside another, and in a change from one to another."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ..proxies import nginx
from .rig import HERE, Desk, Server, Visit, Watching, difference, site, until
from .test_hard_cases import DRIVE
from .test_paths import drive
from .test_story import walk


def changing(visit: Visit) -> None:
    visit.page.evaluate("window.start(100)")


def at_rest(visit: Visit) -> None:
    visit.page.evaluate("window.stop()")


def options(transport: str) -> str:
    return f"{{ consent: 'granted', path: 'relay', transport: '{transport}' }}"


def went_by(visit: Visit, watching: Watching, visitor: str, viewer: str) -> None:
    """By the relay alone, and those transports."""
    assert (watching.stats["path"], watching.stats["transport"]) == ("relay", viewer)
    visit.page.evaluate("() => { Cobrowse.session.on('metrics', (all) => { globalThis.metrics = all; }); }")
    until(visit.page, f"globalThis.metrics?.transport === {visitor!r}")


@pytest.mark.parametrize(
    ("visitor", "viewer"),
    [
        ("websocket", "websocket"),
        ("webrtc", "webrtc"),
        ("http", "http"),
        ("webrtc", "http"),
        ("http", "webrtc"),
        ("websocket", "http"),
    ],
)
def test_every_transport_carries_the_page(desk: Desk, pages: str, visitor: str, viewer: str) -> None:
    visit = desk.visit(f"{pages}/table.html", options(visitor))
    watching = desk.watch(visit.link.replace("#", f"?transport={viewer}#"))
    drive(visit, 0, 60)
    assert difference(visit, watching) is None
    went_by(visit, watching, visitor, viewer)
    watching.page.locator("input[name=line]").fill("by any road")
    watching.page.locator("input[name=line]").press("Enter")
    until(visit.page, "Cobrowse.session.chat.length === 1")
    visit.page.evaluate("Cobrowse.session.say('and back')")
    watching.page.locator("text=and back").wait_for()
    assert watching.stats["resets"] == 0


@pytest.mark.parametrize("transport", ["websocket", "webrtc", "http"])
def test_every_transport_carries_the_shop(desk: Desk, server: Server, transport: str) -> None:
    visit, watching = walk(desk, server, options(transport), f"?transport={transport}")
    went_by(visit, watching, transport, transport)


@pytest.mark.parametrize(("visitor", "viewer"), [("webrtc", "webrtc"), ("http", "http"), ("http", "webrtc")])
@pytest.mark.parametrize("case", ["bulk", "frames", "form"])
def test_every_transport_carries_the_hard_cases(desk: Desk, pages: str, case: str, visitor: str, viewer: str) -> None:
    steps = 1 if case == "bulk" else 20  # each of its steps is over 1 MB
    visit = desk.visit(f"{pages}/{case}.html", options(visitor))
    watching = desk.watch(visit.link.replace("#", f"?transport={viewer}#"))
    for half in (0, 1):
        visit.page.evaluate(DRIVE, [half * steps, (half + 1) * steps])
        assert difference(visit, watching) is None
    went_by(visit, watching, visitor, viewer)
    assert watching.stats["resets"] == 0


def test_where_websockets_do_not_pass_the_page_comes_by_http_and_then_by_webrtc(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    with nginx(tmp_path, server.url.removeprefix("http://"), "") as place:
        behind = Server(f"http://{place}", server.login, server.process)
        desk = Desk(browser, behind)
        with site(HERE / "material" / "pages", behind) as pages:
            visit = desk.visit(f"{pages}/table.html")
            watching = desk.watch(visit.link, path="relay")
            assert watching.relayed == [], "no WebSocket has carried a frame"
            changing(visit)
            until(watching.page, "viewer.stats().transport === 'webrtc' && viewer.stats().state === 'live'")
            until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 50")
            at_rest(visit)
            assert difference(visit, watching) is None
            assert watching.stats["resets"] == 0
            direct = desk.watch(visit.link)
            direct.goes("direct")
            drive(visit, 0, 30)
            assert difference(visit, direct) is None
        desk.close()
        assert desk.errors == []


def test_a_transport_that_cannot_be_fails_with_a_sentence(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    opened = desk.context()
    opened.add_init_script("RTCPeerConnection.prototype.setRemoteDescription = () => new Promise(() => {});")
    page = opened.new_page()
    page.goto(visit.link.replace("#", "?transport=webrtc#"))
    until(page, "document.documentElement.dataset.state === 'failed'", 30_000)
    assert "by webrtc could be made" in page.locator(".notice").inner_text()
