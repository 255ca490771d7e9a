"""Every fault that can be made by hand, with `?simulate=`: one sees what the documentation says."""

from __future__ import annotations

import pytest

from cobrowse.simulate import FAULTS

from .rig import Desk, Visit, Watching, difference, until

SEEN = """
  globalThis.seen = [];
  globalThis.sockets = 0;
  globalThis.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      globalThis.sockets += 1;
    }
  };
  new MutationObserver(() => {
    const { state, path, transport } = document.documentElement.dataset;
    const now = [state, path, transport].join(" ");
    if (globalThis.seen.at(-1) !== now) globalThis.seen.push(now);
  }).observe(document, { subtree: true, attributeFilter: ["data-state", "data-path", "data-transport"] });
"""


def simulated(desk: Desk, visit: Visit, fault: str) -> Watching:
    """A viewer with that fault, as soon as it has begun."""
    context = desk.context()
    context.add_init_script(SEEN)
    watching = desk.watch_in(context, visit.link.replace("#", f"?simulate={fault}#"), state=None)
    until(watching.page, f"document.documentElement.dataset.simulated === {fault!r}")
    return watching


def been(watching: Watching) -> list[list[str]]:
    """Each [state, path, transport] that the page was in, in order."""
    return [now.split() for now in watching.page.evaluate("globalThis.seen")]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_page_is_right_whatever_was_broken(desk: Desk, pages: str, fault: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    beside = desk.watch(visit.link, path="relay")
    epoch, code = visit.stats["epoch"], visit.page.evaluate("Cobrowse.session.code")
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
        case "kill-relay" | "silence-relay" | "server-restart":
            # More than one new one where the viewer is back before the visitor: it is asked to come again.
            until(watching.page, "globalThis.sockets > 1")
        case "slow":
            assert watching.stats["path"] == "relay"
        case "force-websocket" | "force-webrtc" | "force-http":
            assert (watching.stats["path"], watching.stats["transport"]) == ("relay", fault.removeprefix("force-"))
    # What was broken is behind when the page, a while later, is where the visitor's is.
    until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 50 && viewer.stats().state === 'live'")
    visit.page.evaluate("window.stop()")
    assert difference(visit, watching) is None
    assert difference(visit, beside) is None
    assert (watching.stats["resets"], beside.stats["resets"]) == (0, 0)
    assert (visit.stats["epoch"], visit.page.evaluate("Cobrowse.session.code")) == (epoch, code)
