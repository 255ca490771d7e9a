"""Browsers that are killed: nobody says goodbye, and what they held is let go of all the same."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Final

import pytest
from playwright.sync_api import Browser, Playwright

from ..e2e.rig import HERE, Desk, difference, serving, site, until
from .browsers import machine
from .held import TELLING, freed, settled
from .roads import ROADS, Record, local

WITHIN_MS: Final = 60_000
AWAY_S: Final = 5


@pytest.mark.parametrize("road", ROADS)
def test_a_viewers_browser_is_killed(
    playwright: Playwright, browser: Browser, road: str, tmp_path: Path, record_property: Record
) -> None:
    """Criterion: the visitor's page is told that the viewer has left, and the server has no socket, task, peer or file
    of it. Goals for what is recorded: left within 10 s, all freed within 15 s."""
    told = tmp_path / "tasks"
    with local(browser, program=TELLING, SOAK_TASKS=str(told)) as here, machine(playwright, here.server) as other:
        # Who stays goes by the same transport all the while: another would have other tasks.
        path = "auto" if road == "direct" else "relay"
        options = f"{{ consent: 'granted', path: '{path}', transport: 'websocket' }}"
        visit = here.desk.visit(f"{here.pages}/table.html", options)
        early = here.desk.watch(visit.link.replace("#", "?path=relay&transport=websocket#"))
        if road == "webrtc":  # what is loaded and opened once is there for good
            warm = here.desk.watch(visit.link.replace("#", "?transport=webrtc#"))
            until(warm.page, "viewer.stats().transport === 'webrtc'")
            warm.page.goto("about:blank")
            until(visit.page, "Cobrowse.session.viewers.length === 1")
        visit.quiet()
        base = settled(here.server, told, visit.page)
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
        took = freed(here.server, told, visit.page, base, began)
        visit.page.evaluate("window.stop()")
        assert difference(visit, early) is None
        assert early.stats["resets"] == 0
        text = f"left after {left:.1f} s, all freed after {took:.1f} s: {base} as before"
        record_property(f"a viewer's browser is killed, {road}", text)


def test_the_visitors_browser_is_killed(
    playwright: Playwright, browser: Browser, tmp_path: Path, record_property: Record
) -> None:
    """Criterion: viewers, by the relay and directly, see `away`, then that it is over, with the reason, after the time
    that the settings give; the server has no file and no task of it any more."""
    told = tmp_path / "tasks"
    settings = {"COBROWSE_AWAY_TIMEOUT": str(AWAY_S), "SOAK_TASKS": str(told)}
    with serving(program=TELLING, **settings) as server, machine(playwright, server) as other:
        desk = Desk(browser, server)
        with site(HERE / "material" / "pages", server) as pages:
            base = settled(server, told, desk.context().new_page())
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
            took = freed(server, told, relayed.page, base, began)
            grace = f"over after {ended:.1f} s with {AWAY_S} s of grace"
            text = f"away after {away:.1f} s, {grace}, all freed after {took:.1f} s: {base} as before"
            record_property("the visitor's browser is killed", text)
        desk.close()
        assert desk.errors == []
