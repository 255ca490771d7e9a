"""The visitor's machine sleeps for a minute: its browser's processes stop, and go on, and no connection is closed."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import Browser, Playwright

from ..e2e.rig import Watching, difference, until
from .browsers import machine
from .roads import Record, local

SLEEPS_S: Final = 60
STATES: Final = """() => {
  const root = document.documentElement;
  const began = performance.now();
  globalThis.states = [[0, root.dataset.state, ""]];
  const note = () => {
    const notice = document.querySelector(".notice")?.textContent ?? "";
    const [, state, before] = states.at(-1);
    if (root.dataset.state !== state || notice !== before)
      states.push([Math.round(performance.now() - began) / 1_000, root.dataset.state, notice]);
  };
  setInterval(note, 20);
}"""


def passes(watching: Watching, seconds: float) -> None:
    now = watching.page.evaluate("performance.now()")
    until(watching.page, f"performance.now() > {now + seconds * 1_000}", 2_000 * seconds)


@pytest.mark.parametrize("road", ["websocket", "direct"])
def test_the_visitors_machine_sleeps_for_a_minute(
    playwright: Playwright, browser: Browser, road: str, record_property: Record
) -> None:
    """Criterion: who watches is told that the visitor is away; after the minute it is the same session, in the same
    epoch, goes on without a reset, and the page is equal."""
    with local(browser) as here, machine(playwright, here.server) as laptop:
        visit = laptop.desk.visit(f"{here.pages}/table.html")
        if road == "direct":
            watching = here.desk.watch(visit.link)
            watching.goes("direct")
        else:
            watching = here.desk.watch(visit.link, path="relay")
        watching.page.evaluate(STATES)
        visit.page.evaluate("window.start(20)")
        id, epoch = visit.page.evaluate("Cobrowse.session.id"), visit.stats["epoch"]
        laptop.sleep()
        try:
            passes(watching, SLEEPS_S)
            assert watching.stats["state"] == "away"
        finally:
            laptop.wake()
        watching.becomes("live")
        visit.page.evaluate("window.stop()")
        assert difference(visit, watching) is None
        assert (visit.page.evaluate("Cobrowse.session.id"), visit.stats["epoch"]) == (id, epoch)
        assert watching.stats["resets"] == 0
        states: list[tuple[float, str, str]] = watching.page.evaluate("states")
        assert (states[-1][1], visit.page.evaluate("Cobrowse.session.state")) == ("live", "active")
        away = next((at, notice) for at, state, notice in states if state == "away" and notice)
        back = next(at for at, state, _ in reversed(states) if state == "live")
        text = f"told after {away[0]:.1f} s: {away[1]} Live again after {back - SLEEPS_S:.1f} s"
        record_property(f"the visitor's machine sleeps for {SLEEPS_S} s, {road}", text)
