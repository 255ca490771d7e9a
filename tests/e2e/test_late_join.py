"""Joiners at random moments of a page that changes 500 times a second: equal each time, nobody else is disturbed."""

from __future__ import annotations

import random

import pytest

from .rig import Desk, difference, until

ROUNDS = 5
JOINS = 10
CHANGES_A_SECOND = 500


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
