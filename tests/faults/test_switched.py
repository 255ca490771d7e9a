"""The relay goes by one transport after another while the page changes: nothing is built anew, lost or shown twice."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import pytest
from playwright.sync_api import Browser

from ..e2e.rig import difference, until
from .count import Count
from .roads import Record, local

TURNS: Final = ("http", "webrtc", "websocket", "webrtc", "http")
SWITCH: Final = """([turns, every]) => {
  const root = document.documentElement;
  globalThis.went = [];
  globalThis.states = [];
  new MutationObserver(() => {
    const { transport, state } = root.dataset;
    if (transport && went.at(-1) !== transport) went.push(transport);
    if (states.at(-1) !== state) states.push(state);
  }).observe(root, { attributeFilter: ["data-transport", "data-state"] });
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  globalThis.switched = (async () => {
    for (const turn of turns) {
      viewer.goBy(turn);
      await wait(every);
    }
  })();
}"""


@pytest.mark.parametrize("every_ms", [2_000, 200], ids=["five in ten seconds", "five in one second"])
def test_the_relay_is_switched_five_times(browser: Browser, every_ms: int, record_property: Record) -> None:
    """Criterion: equal, no reset, no event lost or applied twice, no change of state, and in the end by the last.

    Five in one second is more than can be done: what is half made is left for what was asked for last.
    """
    with local(browser) as here:
        visit = here.desk.visit(f"{here.pages}/table.html")
        watching = here.desk.watch(visit.link, path="relay")
        count = Count(visit, watching)
        visit.page.evaluate("window.start(50)")
        watching.page.evaluate(SWITCH, [TURNS, every_ms])
        watching.page.evaluate("switched")
        last = TURNS[-1]
        until(watching.page, f"viewer.stats().transport === {last!r} && viewer.stats().state === 'live'")
        until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 50")
        visit.page.evaluate("window.stop()")
        count.stop()
        assert difference(visit, watching) is None
        assert count.wrong() == []
        assert (watching.stats["resets"], visit.stats["checkpoints"]) == (0, 1)
        states = watching.page.evaluate("states")
        assert set(states) <= {"live"}, states
        went = watching.page.evaluate("went")
        assert all(one != other for one, other in pairwise(went))
        record_property("the relay went by", ", ".join(went))
