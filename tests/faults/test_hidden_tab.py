"""A viewer's tab that is hidden behind another for long: its timers run once a minute.

Chromium slows the timers of a hidden tab to one a second at once, and to one a minute after five minutes. Here that is
after five seconds, by its own switch, so that a little over a minute has what ten minutes would have
(`HIDDEN_S=600` for those).
"""

from __future__ import annotations

import os
from typing import Final, cast

from playwright.sync_api import Browser, Page

from ..e2e.rig import Watching, difference, until
from .cdp import chrome
from .roads import Record, local

THROTTLED: Final = (
    "--intensive-wake-up-throttling-policy=force-enable",
    "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/5",
)
HIDDEN_S: Final = int(os.environ.get("HIDDEN_S", "75"))
STEPS: Final = 5
HERTZ: Final = 20
BEHIND_S: Final = 2
"""Longer than a busy machine takes for a frame, and far less than a timer that is held back."""
MOST_BEHIND: Final = HERTZ // 2
TICK: Final = """() => {
  globalThis.ticks = [];
  setInterval(() => { ticks.push(performance.now()); }, 500);
}"""
# Of each tick behind the one before, and of the one that has yet to come: they come at whole minutes of a clock, so
# that the first may be soon, and the next just not be here yet.
HELD_BACK: Final = "[...ticks.slice(1), performance.now()].map((at, n) => at - ticks[n])"


def test_a_viewers_tab_is_hidden_for_long(browser: Browser, record_property: Record) -> None:
    """Criterion: it is not taken for gone, it follows the page while it is hidden, behind by half a second's frames at
    most whenever it is looked at, and in front again it is live and equal at once, without a reset. That its timers
    were held back, by over ten seconds, is looked at."""
    with local(browser) as here, chrome(*THROTTLED) as other:
        visit = here.desk.visit(f"{here.pages}/table.html", "{ consent: 'granted', path: 'relay' }")
        visit.page.evaluate("() => { globalThis.left = 0; Cobrowse.session.on('viewer.left', () => { left += 1; }); }")
        front = other.open("data:text/html,something else")
        tab = other.open(visit.link)
        tab.until("viewer.stats().state === 'live'")
        watching = Watching(cast(Page, tab), browser.contexts[0])
        tab.evaluate(TICK)
        visit.page.evaluate(f"window.start({HERTZ})")
        front.show()
        tab.until("document.hidden")
        behind = []
        for _ in range(STEPS):
            began = visit.page.evaluate("performance.now()")
            then = began + 1_000 * HIDDEN_S / STEPS
            until(visit.page, f"performance.now() > {then}", 2_000 * HIDDEN_S)
            seq = visit.stats["seq"]
            tab.until(f"viewer.stats().seq >= {seq}", BEHIND_S)
            behind.append(visit.stats["seq"] - seq)
            assert tab.evaluate("[document.hidden, viewer.stats().state]") == [True, "live"]
        assert max(behind) <= MOST_BEHIND, behind
        held = max(tab.evaluate(HELD_BACK)) / 1_000
        assert held > 10, "its timers were to be slow"
        tab.show()
        tab.until("!document.hidden && viewer.stats().state === 'live'")
        visit.page.evaluate("window.stop()")
        assert difference(visit, watching) is None
        assert watching.stats["resets"] == 0
        assert visit.page.evaluate("left") == 0
        text = f"timers held back by up to {held:.0f} s; of {HERTZ} frames a second behind by {behind} when looked at"
        record_property(f"a viewer's tab is hidden for {HIDDEN_S} s", text)
