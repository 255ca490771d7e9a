"""Browsers that are killed: nobody says goodbye, and what they held is let go of all the same."""

from __future__ import annotations

from time import monotonic
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, Playwright

from ..e2e.rig import HERE, Desk, difference, serving, site, until
from .browsers import machine
from .process import descriptors
from .roads import ROADS, Record, local

WITHIN_MS: Final = 60_000
AWAY_S: Final = 5


def freed(pid: int, page: Page, files: int, began: float) -> float:
    """How long it takes until the server has as few files and sockets as before."""
    while descriptors(pid) > files:
        page.wait_for_timeout(50)
        assert monotonic() - began < WITHIN_MS / 1_000, f"the server has {descriptors(pid)} files open; before {files}"
    return monotonic() - began


@pytest.mark.parametrize("road", ROADS)
def test_a_viewers_browser_is_killed(
    playwright: Playwright, browser: Browser, road: str, record_property: Record
) -> None:
    """Criterion: the visitor's page is told that the viewer has left, and the server has no socket, peer or file of it.
    Goals for what is recorded: left within 10 s, all freed within 15 s."""
    with local(browser) as here, machine(playwright, here.server) as other:
        options = "{ consent: 'granted', path: 'PATH' }".replace("PATH", "auto" if road == "direct" else "relay")
        visit = here.desk.visit(f"{here.pages}/table.html", options)
        early = here.desk.watch(visit.link, path="relay")
        pid, files = here.server.process.pid, 0
        if road == "webrtc":  # what is loaded and opened once is there for good
            warm = here.desk.watch(visit.link.replace("#", "?transport=webrtc#"))
            until(warm.page, "viewer.stats().transport === 'webrtc'")
            warm.page.goto("about:blank")
            until(visit.page, "Cobrowse.session.viewers.length === 1")
        visit.quiet()
        files = descriptors(pid)
        link = visit.link if road == "direct" else visit.link.replace("#", f"?transport={road}#")
        watching = other.desk.watch(link)
        if road == "direct":
            watching.goes("direct")
        else:
            until(watching.page, f"viewer.stats().transport === {road!r}")
        until(visit.page, "Cobrowse.session.viewers.length === 2")
        visit.page.evaluate("window.start(20)")
        other.kill()
        began = monotonic()
        until(visit.page, "Cobrowse.session.viewers.length === 1", WITHIN_MS)
        left = monotonic() - began
        took = freed(pid, visit.page, files, began)
        visit.page.evaluate("window.stop()")
        assert difference(visit, early) is None
        assert early.stats["resets"] == 0
        record_property(
            f"a viewer's browser is killed, {road}", f"left after {left:.1f} s, all freed after {took:.1f} s"
        )


def test_the_visitors_browser_is_killed(playwright: Playwright, browser: Browser, record_property: Record) -> None:
    """Criterion: viewers, by the relay and directly, see `away`, then that it is over, with the reason, after the time
    that the settings give; the server has no file of it any more."""
    with serving(COBROWSE_AWAY_TIMEOUT=str(AWAY_S)) as server, machine(playwright, server) as other:
        pid = server.process.pid
        desk = Desk(browser, server)
        with site(HERE / "material" / "pages", server) as pages:
            files = descriptors(pid)
            visit = other.desk.visit(f"{pages}/table.html")
            relayed = desk.watch(visit.link, path="relay")
            direct = desk.watch(visit.link)
            direct.goes("direct")
            visit.page.evaluate("window.start(20)")
            other.kill()
            began = monotonic()
            relayed.becomes("away")
            direct.becomes("away")
            away = monotonic() - began
            for watching in (relayed, direct):
                watching.becomes("ended")
                notice = watching.page.locator(".notice").text_content()
                assert notice == "The session is over: the visitor did not come back."
            ended = monotonic() - began
            took = freed(pid, relayed.page, files, began)
            grace = f"over after {ended:.1f} s with {AWAY_S} s of grace"
            text = f"away after {away:.1f} s, {grace}, all freed after {took:.1f} s"
            record_property("the visitor's browser is killed", text)
        desk.close()
        assert desk.errors == []
