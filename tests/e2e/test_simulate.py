"""Every fault that can be made by hand, with `?simulate=`: one sees what the documentation says."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page

from cobrowse.simulate import FAULTS

from .rig import Desk, Visit, Watching, difference, until

# 10,000 bytes that cannot be compressed, ten times a second: three times what `slow` lets through.
NOISE = """() => {
  const bytes = new Uint8Array(10_000);
  globalThis.noise = setInterval(() => {
    crypto.getRandomValues(bytes);
    document.querySelector("h1").dataset.noise = btoa(String.fromCharCode(...bytes));
  }, 100);
}"""
KEPT = """() => {
  const { id, code, link, chat } = Cobrowse.session;
  const { epoch } = Cobrowse.session.stats();
  return [epoch, id, code, link, chat.map(({ text }) => text)];
}"""
JOINED = """() => {
  globalThis.joined = new Set();
  Cobrowse.session.on("viewer.joined", ({ id }) => joined.add(id));
}"""
SEEN = """
  globalThis.seen = [];
  globalThis.sockets = globalThis.peers = 0;
  globalThis.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      globalThis.sockets += 1;
    }
  };
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...options) {
      super(...options);
      globalThis.peers += 1;
    }
  };
  new MutationObserver(() => {
    const { state, path, transport } = document.documentElement.dataset;
    const now = [state, path, transport].join(" ");
    if (globalThis.seen.at(-1) !== now) globalThis.seen.push(now);
  }).observe(document, { subtree: true, attributeFilter: ["data-state", "data-path", "data-transport"] });
"""


def seeing(desk: Desk) -> BrowserContext:
    context = desk.context()
    context.add_init_script(SEEN)
    return context


def simulated(desk: Desk, visit: Visit, fault: str) -> Watching:
    """A viewer with that fault, as soon as it has begun."""
    watching = desk.watch_in(seeing(desk), visit.link.replace("#", f"?simulate={fault}#"), state=None)
    until(watching.page, f"document.documentElement.dataset.simulated === {fault!r}")
    return watching


def been(watching: Watching) -> list[list[str]]:
    """Each [state, path, transport] that the page was in, in order."""
    return [now.split() for now in watching.page.evaluate("globalThis.seen")]


def since_live(watching: Watching) -> list[list[str]]:
    """The same, from when it was live first."""
    seen = been(watching)
    return seen[[state for state, *_ in seen].index("live") :]


def states(watching: Watching) -> set[str]:
    return {state for state, *_ in since_live(watching)}


def came_back(page: Page) -> None:
    """More than one new WebSocket where a viewer is back before the visitor: it is asked to come again."""
    until(page, "globalThis.sockets > 1")


@pytest.mark.parametrize("fault", FAULTS)
def test_the_page_is_right_whatever_was_broken(desk: Desk, pages: str, fault: str) -> None:
    visit = desk.visit_in(seeing(desk), f"{pages}/table.html")
    visit.page.evaluate("Cobrowse.session.say('before')")
    visit.page.evaluate(JOINED)
    # Not to the server by WebRTC: what is made by that is counted.
    query = "?path=direct&transport=websocket" if fault == "server-restart" else "?path=relay"
    beside = desk.watch_in(seeing(desk), visit.link.replace("#", f"{query}#"))
    peers = beside.page.evaluate("peers")
    kept = visit.page.evaluate(KEPT)
    visit.page.evaluate("window.start(50)")
    watching = simulated(desk, visit, fault)
    match fault:
        case "kill-direct" | "silence-direct":
            watching.goes("relay")
            watching.goes("direct")
        case "switch":
            until(watching.page, "globalThis.seen.length > 6")
            transports = [now[2] for now in been(watching) if len(now) == 3]
            assert {"http", "webrtc", "websocket"} <= set(transports)
        case "kill-relay" | "silence-relay":
            came_back(watching.page)
        case "kill-visitor":
            came_back(visit.page)
        case "server-restart":
            for page in (visit.page, beside.page, watching.page):
                came_back(page)
        case "slow":
            visit.page.evaluate(NOISE)
            watching.page.locator(".health .note", has_text="behind: a network on the way is slow").wait_for()
            assert watching.stats["seq"] < beside.stats["seq"]
            visit.page.evaluate("() => clearInterval(noise)")
        case "force-websocket" | "force-webrtc" | "force-http":
            assert (watching.stats["path"], watching.stats["transport"]) == ("relay", fault.removeprefix("force-"))
    # What was broken is behind when the page, a while later, is where the visitor's is.
    until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 50 && viewer.stats().state === 'live'")
    visit.page.evaluate("window.stop()")
    assert difference(visit, watching) is None
    assert difference(visit, beside) is None
    assert (watching.stats["resets"], beside.stats["resets"]) == (0, 0)
    assert visit.page.evaluate(KEPT) == kept
    until(visit.page, "Cobrowse.session.viewers.length === 2")
    assert visit.page.evaluate("joined.size") == 2, "each came back as who it was"
    if fault in ("kill-direct", "silence-direct", "kill-relay", "kill-visitor"):
        # Of the first three, `away` is of a machine that is too busy for the visitor.
        assert states(watching) <= {"live", "away"}
    if fault == "server-restart":
        assert {(state, path) for state, path, _ in since_live(beside)} == {("live", "direct")}
        assert beside.page.evaluate("peers") == peers, "the direct path has gone on"
