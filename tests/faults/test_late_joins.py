"""Two hundred joiners, five at a time, at random moments of a page that changes 500 times a second.

All are browsers' pages, compared node by node. `tests/e2e/test_late_join.py` has fifty more, one at a time, who also
come directly.
"""

from __future__ import annotations

from random import Random
from time import monotonic
from typing import Final

from playwright.sync_api import Browser

from ..e2e.rig import CANONICAL, Visit, Watching, difference, until
from .roads import Record, local

ROUNDS: Final = 40
JOINS: Final = 5
CHANGES_A_SECOND: Final = 500
ROADS: Final = ("", "?path=relay")


def differing(visit: Visit, watchings: list[Watching]) -> list[str]:
    """The first difference of each page that is not as the visitor's, which is at rest."""
    epoch, seq = visit.quiet()
    seen = visit.page.evaluate(f"() => {{ {CANONICAL}; return JSON.stringify(canonical(document, 'broadcaster')); }}")
    found = []
    for watching in watchings:
        until(watching.page, f"viewer.stats().epoch === {epoch} && viewer.stats().seq >= {seq}")
        shown = watching.document(f"{CANONICAL}; return JSON.stringify(canonical(doc, 'viewer'));")
        if shown != seen and (difference_now := difference(visit, watching)):
            found.append(f"{watching.page.url}: {difference_now}")
    return found


def test_two_hundred_join_under_load(browser: Browser, record_property: Record) -> None:
    """Criterion: each is equal, and none of them, nor who was there all the time, had a reset."""
    with local(browser) as here:
        visit = here.desk.visit(f"{here.pages}/table.html")
        early = here.desk.watch(visit.link)
        moments = Random(1)
        began, joined = monotonic(), 0
        for _ in range(ROUNDS):
            visit.page.evaluate(f"window.start({CHANGES_A_SECOND})")
            context = here.desk.context()
            late: list[Watching] = []
            for _ in range(JOINS):
                step = visit.page.evaluate("window.steps") + moments.randrange(0, 100)
                until(visit.page, f"window.steps > {step}")
                watching = here.desk.watch_in(context, "about:blank", state=None)
                watching.page.goto(visit.link.replace("#", f"{moments.choice(ROADS)}#"), wait_until="commit")
                late.append(watching)
            for watching in late:
                watching.becomes("live")
            visit.page.evaluate("window.stop()")
            assert differing(visit, late) == []
            assert [watching.stats["resets"] for watching in late] == [0] * JOINS
            joined += len(late)
            context.close()
        assert difference(visit, early) is None
        assert early.stats["resets"] == 0
        changes = visit.page.evaluate("window.steps")
        took, snapshots = monotonic() - began, visit.stats["checkpoints"]
        text = f"{joined} joined in {took:.0f} s, {changes:,} changes, {snapshots} snapshots"
        record_property(f"late joins at {CHANGES_A_SECOND} changes a second", text)
