"""Clocks that jump by an hour, forward and back, in the middle of a session: the server's, the visitor's, the viewer's.

The server's wall clock is libfaketime's; its monotonic one goes on, as a machine's does when its time is set. A page
has a `Date` of ours.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from ..e2e.rig import HERE, Desk, Server, Visit, Watching, difference, serving, site, until
from ..impair import impaired
from ..rerouted import behind

HOUR_S: Final = 3_600
CLOCK: Final = """
  const Real = globalThis.Date;
  globalThis.ahead = 0;
  globalThis.Date = class Date extends Real {
    constructor(...values) {
      if (values.length > 0) super(...values);
      else super(Real.now() + globalThis.ahead);
    }
    static now() { return Real.now() + globalThis.ahead; }
  };
"""


def library() -> str:
    """Where libfaketime is, by the program that comes with it."""
    program = shutil.which("faketime")
    assert program is not None, "run `make programs`, or install the package 'faketime'"
    return str(next(Path(program).parents[1].glob("lib/**/libfaketimeMT.so.1")))


def clocked(context: BrowserContext) -> BrowserContext:
    context.add_init_script(CLOCK)
    return context


def jump(page: Page, seconds: int) -> None:
    before = page.evaluate("Date.now()")
    page.evaluate("(ms) => { globalThis.ahead += ms; }", seconds * 1_000)
    assert abs(page.evaluate("Date.now()") - before - seconds * 1_000) < 60_000


def goes_on(visit: Visit, watching: Watching, said: str) -> None:
    """The page changes, a line is said, and both are seen."""
    until(watching.page, f"viewer.stats().seq > {visit.stats['seq']} + 20")
    visit.page.evaluate("(text) => Cobrowse.session.say(text)", said)
    watching.page.get_by_text(said, exact=True).wait_for()


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S])
def test_each_clock_jumps_by_an_hour(browser: Browser, tmp_path: Path, seconds: int) -> None:
    """Criterion: nothing is lost and nothing ends: the same session in the same epoch, all connections come back with
    the tokens that they have, somebody else can join, no reset, equal."""
    told = tmp_path / "clock"
    told.write_text("+0")
    faked = {
        "LD_PRELOAD": library(),
        "FAKETIME_TIMESTAMP_FILE": str(told),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with impaired() as network, serving(**faked) as server:
        desk = Desk(browser, server)
        through = Server(behind(network, server.url), server.login, server.process)
        with site(HERE / "material" / "pages", through) as pages:
            context = clocked(desk.context())
            visit = desk.visit_in(context, f"{pages}/table.html", "{ consent: 'granted', path: 'relay' }")
            watching = desk.watch_in(clocked(desk.context()), visit.link)
            id, epoch = visit.page.evaluate("Cobrowse.session.id"), visit.stats["epoch"]
            visit.page.evaluate("window.start(20)")
            goes_on(visit, watching, "before")

            told.write_text(f"{seconds:+d}")
            goes_on(visit, watching, "the server's")
            network.cut()  # so that both come back with tokens of another time
            goes_on(visit, watching, "and connected anew")
            jump(visit.page, seconds)
            goes_on(visit, watching, "the visitor's")
            jump(watching.page, seconds)
            goes_on(visit, watching, "the viewer's")
            told.write_text("+0")
            network.cut()
            goes_on(visit, watching, "and the server's is right again")

            late = desk.watch(visit.link)
            visit.page.evaluate("window.stop()")
            for one in (watching, late):
                assert difference(visit, one) is None
                assert one.stats["resets"] == 0
            assert (visit.page.evaluate("Cobrowse.session.id"), visit.stats["epoch"]) == (id, epoch)
            assert visit.page.evaluate("Cobrowse.session.viewers.length") == 2
            desk.close()
        assert desk.errors == []
