"""Browsers that cannot reach each other, and both reach the server: the relay carries the page."""

from __future__ import annotations

import pytest

from ..e2e.rig import Desk, difference, until
from ..e2e.test_paths import drive
from .network import Network
from .peers import GIVEN_UP, counted


@pytest.fixture(autouse=True)
def _apart(network: Network) -> None:
    network.part("visitor", "agent")


def test_the_page_comes_by_the_relay_and_never_directly(visitors: Desk, agents: Desk, pages: str) -> None:
    visit = visitors.visit(f"{pages}/table.html")
    watching = agents.watch_in(counted(agents.context()), visit.link)
    assert difference(visit, watching) is None
    visit.page.evaluate("window.start(100)")
    until(watching.page, GIVEN_UP, 40_000)
    visit.page.evaluate("window.stop()")
    assert difference(visit, watching) is None
    stats = watching.stats
    assert (stats["path"], stats["transport"], stats["resets"]) == ("relay", "websocket", 0)
    assert stats["framesReceived"] == len(watching.relayed), "every frame came by the relay"


@pytest.mark.parametrize(("visitor", "viewer"), [("websocket", "webrtc"), ("webrtc", "webrtc"), ("webrtc", "http")])
def test_the_relay_by_webrtc(visitors: Desk, agents: Desk, pages: str, visitor: str, viewer: str) -> None:
    visit = visitors.visit(f"{pages}/table.html", f"{{ consent: 'granted', path: 'relay', transport: '{visitor}' }}")
    watching = agents.watch(visit.link.replace("#", f"?transport={viewer}#"))
    drive(visit, 0, 60)
    assert difference(visit, watching) is None
    visit.page.evaluate("() => { Cobrowse.session.on('metrics', (all) => { globalThis.metrics = all; }); }")
    until(visit.page, f"globalThis.metrics?.transport === {visitor!r}")
    stats = watching.stats
    assert (stats["path"], stats["transport"], stats["resets"]) == ("relay", viewer, 0)


def test_a_direct_path_that_is_forced_fails_with_a_sentence(visitors: Desk, agents: Desk, pages: str) -> None:
    visit = visitors.visit(f"{pages}/table.html")
    watching = agents.watch(visit.link, path="direct", state="failed")
    assert "no direct path to the visitor could be made" in watching.page.locator(".notice").inner_text()
    assert watching.relayed == []
