"""Joiners at random moments of a page that changes 500 times a second: equal each time, nobody else is disturbed."""

from __future__ import annotations

import random

import pytest

from .rig import WITHIN_MS, Desk, difference, until
from .test_paths import drive

ROUNDS = 5
JOINS = 10
CHANGES_A_SECOND = 500
REST_MS = 120_000
"""Recording stops when nobody has watched for that long."""
LATER = """
  const now = performance.now.bind(performance);
  globalThis.skip = globalThis.skipped = 0;
  performance.now = () => now() + skipped;
  globalThis.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      // Before the page hears of the message: nothing was silent meanwhile.
      this.addEventListener("message", () => { globalThis.skipped = skip; });
    }
  };
"""
"""The page's clock goes on by `skip` ms at the next message by a WebSocket."""
COUNT_EMPTY = """() => {
  globalThis.empty = 0;
  Cobrowse.session.on("metrics", ({ viewers }) => { globalThis.empty += viewers === 0; });
}"""
"""Each look at the time that finds nobody."""


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_fifty_joins_under_load(desk: Desk, pages: str, seed: int) -> None:
    visit = desk.visit(f"{pages}/table.html")
    early = {path: desk.watch(visit.link, path=path) for path in ("relay", "direct")}
    moments = random.Random(seed)
    for join in range(JOINS):
        visit.page.evaluate(f"window.start({CHANGES_A_SECOND})")
        # A random number of changes first, counted by the page itself.
        until(visit.page, f"window.steps > {visit.page.evaluate('window.steps')} + {moments.randrange(10, 250)}")
        late = desk.watch(visit.link, path=moments.choice(["relay", "direct", "auto"]))
        until(visit.page, f"window.steps > {visit.page.evaluate('window.steps')} + {moments.randrange(10, 100)}")
        visit.page.evaluate("window.stop()")
        assert difference(visit, late) is None, f"join {join}"
        assert late.stats["resets"] == 0
        late.page.goto("about:blank")  # as one who leaves, not as one who is cut off
        late.context.close()
    for watching in early.values():
        assert difference(visit, watching) is None
        assert watching.stats["resets"] == 0, "whoever was there saw no rebuild"


def test_who_comes_when_nobody_has_watched_for_long_sees_a_new_epoch(desk: Desk, pages: str) -> None:
    context = desk.context()
    context.add_init_script(LATER)
    visit = desk.visit_in(context, f"{pages}/table.html", "{ consent: 'granted', transport: 'websocket' }")
    page = visit.page

    def looked() -> None:
        until(page, f"empty > {page.evaluate('empty')} + 1")

    first = desk.watch(visit.link, path="relay")
    page.evaluate(COUNT_EMPTY)
    first.page.goto("about:blank")
    until(page, "empty > 0")
    epoch, seq = visit.quiet()
    drive(visit, 0, 30)
    assert visit.quiet() > (epoch, seq), "recording goes on for a while"
    page.evaluate(f"globalThis.skip = {REST_MS}")
    until(page, f"skipped === {REST_MS}", REST_MS + WITHIN_MS)  # its own clock jumps as well
    looked()
    at = visit.quiet()
    drive(visit, 30, 60)
    looked()
    assert visit.quiet() == at, "nothing is recorded"
    page.evaluate("() => { Cobrowse.session.on('metrics', ({ transport }) => { globalThis.transport = transport; }); }")
    context.set_offline(True)
    until(page, "globalThis.transport === null")
    page.evaluate("() => { Cobrowse.session.on('session.updated', () => { globalThis.isWelcomed = true; }); }")
    context.set_offline(False)
    until(page, "globalThis.isWelcomed")
    drive(visit, 60, 90)
    looked()
    assert visit.quiet() == at, "nor once the page has connected anew"
    late = desk.watch(visit.link, path="relay")
    assert difference(visit, late) is None
    assert visit.stats["epoch"] == late.stats["epoch"] == epoch + 1
