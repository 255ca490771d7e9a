"""Firefox between network namespaces: the relay by WebRTC, a direct path, and a route that is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..e2e.firefox.browser import FirefoxDesk, firefox
from ..e2e.firefox.conftest import Desks
from ..e2e.rig import Desk, Server, difference, until
from .conftest import Launch
from .network import Network


@pytest.fixture(params=["visitor", "agent"])
def desks(
    request: pytest.FixtureRequest, network: Network, launch: Launch, server: Server, tmp_path: Path
) -> Iterator[Desks]:
    """The parameter says who has Firefox; the other has Chromium."""
    host = str(request.param)
    with ExitStack() as stack:
        profile = tmp_path / "profile"
        profile.mkdir()
        with network.entered(host):
            # Names of mDNS do not pass a router.
            obfuscate = {"media__peerconnection__ice__obfuscate_host_addresses": False}
            bidi = stack.enter_context(firefox(profile, **obfuscate))
        ours = FirefoxDesk(bidi, server)
        other = Desk(launch("agent" if host == "visitor" else "visitor"), server)
        yield Desks(ours, other) if host == "visitor" else Desks(other, ours)
        for desk in (ours, other):
            desk.close()
        assert ours.errors == other.errors == []


def test_the_relay_by_webrtc(network: Network, desks: Desks, pages: str) -> None:
    network.part("visitor", "agent")
    visit = desks.visitors.visit(f"{pages}/table.html", "{ consent: 'granted', path: 'relay', transport: 'webrtc' }")
    watching = desks.agents.watch(visit.link.replace("#", "?transport=webrtc#"))
    visit.page.evaluate("window.start(100)")
    until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 50")
    visit.page.evaluate("window.stop()")
    assert difference(visit, watching, foreign=True) is None
    visit.page.evaluate("() => { Cobrowse.session.on('metrics', (all) => { globalThis.metrics = all; }); }")
    until(visit.page, "globalThis.metrics?.transport === 'webrtc'")
    assert (watching.stats["path"], watching.stats["transport"], watching.stats["resets"]) == ("relay", "webrtc", 0)


def test_the_route_is_taken_away_while_the_page_changes(network: Network, desks: Desks, pages: str) -> None:
    visit = desks.visitors.visit(f"{pages}/table.html")
    watching = desks.agents.watch(visit.link)
    visit.page.evaluate("window.start(100)")
    watching.goes("direct")
    until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 50")
    network.part("visitor", "agent")
    watching.goes("relay")
    until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 50")
    network.join("visitor", "agent")
    watching.goes("direct", 40_000)
    visit.page.evaluate("window.stop()")
    assert difference(visit, watching, foreign=True) is None
    assert watching.stats["resets"] == 0
    assert visit.stats["checkpoints"] == 1
