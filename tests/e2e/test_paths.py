"""Relay first, then direct, then back: which path carries the frames, and that nothing is lost between."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import WebSocket

from cobrowse.records import Frame, Part

from .rig import Desk, Visit, Watching, difference, said, until


def drive(visit: Visit, start: int, stop: int) -> None:
    visit.page.evaluate("([a, b]) => { for (let n = a; n < b; n += 1) window.drive(n); }", [start, stop])


def applied(visit: Visit, watching: Watching) -> int:
    """Wait until the viewer is where the page is; the seq."""
    epoch, seq = visit.quiet()
    until(watching.page, f"viewer.stats().epoch === {epoch} && viewer.stats().seq === {seq}")
    return seq


def test_relay_then_direct_then_relay(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link)
    watching.goes("direct")
    before = applied(visit, watching)
    on_relay = len(watching.relayed)

    visit.page.evaluate("window.start(100)")
    until(watching.page, f"viewer.stats().seq > {before} + 20")
    assert len(watching.relayed) == on_relay, "what came now came by the direct path"
    assert visit.page.evaluate("Cobrowse.session.viewers[0].path") == "direct"

    watching.page.evaluate("viewer.cutDirect()")
    watching.goes("relay")
    until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 20")
    assert len(watching.relayed) > on_relay, "and then by the relay"

    watching.goes("direct")
    visit.page.evaluate("window.stop()")
    assert difference(visit, watching) is None
    assert watching.stats["resets"] == 0
    assert visit.stats["checkpoints"] == 1, "a change of path needs no checkpoint"


def test_nobody_on_the_relay_means_nothing_is_sent_to_the_server(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link, path="direct")
    drive(visit, 0, 30)
    assert difference(visit, watching) is None
    assert watching.relayed == []
    assert watching.stats["transport"] == "webrtc"


def test_a_forced_relay_never_goes_direct(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link, path="relay")
    drive(visit, 0, 30)
    assert difference(visit, watching) is None
    assert watching.stats["transport"] == "websocket"
    assert visit.page.evaluate("Cobrowse.session.viewers[0].path") == "relay"


def test_of_a_session_that_is_direct_nothing_goes_by_the_server_also_after_a_page_load(desk: Desk, pages: str) -> None:
    opened = desk.context()
    sent: list[Any] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: sent.extend(said(socket.url, payload)))

    opened.on("page", lambda page: page.on("websocket", listen))
    visit = desk.visit_in(opened, f"{pages}/table.html", "{ consent: 'granted', path: 'direct' }")
    watching = desk.watch(visit.link)
    drive(visit, 0, 30)
    assert difference(visit, watching) is None
    visit.page.reload()
    until(visit.page, "globalThis.Cobrowse?.session?.viewers.length === 1")
    until(watching.page, "viewer.stats().epoch > 1 && viewer.stats().state === 'live'")
    drive(visit, 30, 60)
    assert difference(visit, watching) is None
    assert watching.stats["path"] == "direct"
    assert watching.relayed == []
    assert sum(isinstance(item, dict) and item["type"] == "hello" for item in sent) == 2
    assert not [item for item in sent if isinstance(item, Frame | Part)]
    refused = desk.watch(visit.link, path="relay", state="failed")
    assert "by direct only" in refused.page.locator(".notice").inner_text()


def test_a_fifth_viewer_stays_on_the_relay(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    direct = [desk.watch(visit.link) for _ in range(4)]
    for watching in direct:
        watching.goes("direct")
    fifth = desk.watch(visit.link)
    drive(visit, 0, 30)
    assert difference(visit, fifth) is None
    assert fifth.stats["path"] == "relay"
    assert all(difference(visit, watching) is None for watching in direct)


def test_the_server_connection_of_a_viewer_is_lost_while_it_reads_direct(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link)
    watching.goes("direct")
    watching.context.set_offline(True)  # closes what goes through the browser's network service, not WebRTC
    drive(visit, 0, 30)
    assert difference(visit, watching) is None
    watching.context.set_offline(False)
    drive(visit, 30, 60)
    assert difference(visit, watching) is None
    assert watching.stats["resets"] == 0


def test_the_panel_tells_how_the_connection_does(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link)
    watching.goes("direct")
    page = watching.page
    page.get_by_role("button", name="direct").click()
    page.locator("#health dt", has_text="Addresses").wait_for()
    told = dict(
        zip(page.locator("#health dt").all_inner_texts(), page.locator("#health dd").all_inner_texts(), strict=True)
    )
    assert told["Path"] == "direct, browser to browser"
    assert told["Transport"] == "webrtc"
    assert told["Addresses"].endswith(", udp")
    assert told["The visitor's tab"] == "in view"
    assert page.locator(".health .note").count() == 0
    visit.page.evaluate("() => { Cobrowse.session.on('metrics', (all) => { globalThis.metrics = all; }); }")
    until(visit.page, "globalThis.metrics?.perViewer[0]?.route && metrics.perViewer[0].lagMs !== null")
    [told_of] = visit.page.evaluate("metrics.perViewer")
    assert (told_of["path"], told_of["route"]["protocol"], told_of["resets"]) == ("direct", "udp", 0)
    assert told_of["bytesReceived"] > 0
    visit.page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.locator(".health .note", has_text="another tab").wait_for()


@pytest.mark.parametrize("who", ["visitor", "viewer"])
def test_a_browser_without_webrtc_takes_either_side(desk: Desk, pages: str, who: str) -> None:
    """What asks for a direct path that cannot be made is no harm to what came with it."""
    without = desk.context()
    without.add_init_script("delete globalThis.RTCPeerConnection; delete globalThis.webkitRTCPeerConnection;")
    visit = desk.visit_in(without if who == "visitor" else desk.context(), f"{pages}/table.html")
    contexts = [without] if who == "viewer" else [desk.context(), desk.context()]
    watching = [desk.watch_in(context, visit.link) for context in contexts]
    drive(visit, 0, 30)
    for context in (visit.context, *contexts):
        context.set_offline(True)
    drive(visit, 30, 60)
    for one in watching:
        one.becomes("connecting")
    for context in (visit.context, *contexts):
        context.set_offline(False)
    for one in watching:
        one.becomes("live")
        assert difference(visit, one) is None
        assert (one.stats["path"], one.stats["resets"]) == ("relay", 0)
