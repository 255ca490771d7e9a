"""The hard cases of recording and replaying a page, equal on both paths."""

from __future__ import annotations

import pytest

from .rig import Desk, difference

CASES = ["moves", "bulk", "sheets", "shadow", "dialog", "form", "frames", "table", "scroll"]
STEPS = 40


@pytest.mark.parametrize("path", ["relay", "direct"])
@pytest.mark.parametrize("case", CASES)
def test_equal(desk: Desk, pages: str, case: str, path: str) -> None:
    steps = 4 if case == "bulk" else STEPS
    visit = desk.visit(f"{pages}/{case}.html")
    watching = desk.watch(visit.link, path=path)
    for half in (0, 1):
        visit.page.evaluate(
            "async ([from, to]) => { for (let n = from; n < to; n += 1) await window.drive(n); }",
            [half * steps, (half + 1) * steps],
        )
        assert difference(visit, watching) is None
    assert watching.stats["path"] == path
    assert watching.stats["resets"] == 0
    assert (watching.relayed == []) == (path == "direct")


@pytest.mark.parametrize("case", CASES)
def test_a_late_joiner_is_equal(desk: Desk, pages: str, case: str) -> None:
    visit = desk.visit(f"{pages}/{case}.html")
    early = desk.watch(visit.link)
    visit.page.evaluate("async () => { for (let n = 0; n < 12; n += 1) await window.drive(n); }")
    late = desk.watch(visit.link)
    visit.page.evaluate("async () => { for (let n = 12; n < 24; n += 1) await window.drive(n); }")
    assert difference(visit, late) is None
    assert difference(visit, early) is None
    assert early.stats["resets"] == 0
