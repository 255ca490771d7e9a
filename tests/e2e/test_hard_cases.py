"""The hard cases of recording and replaying a page, equal on both paths."""

from __future__ import annotations

import pytest

from .rig import Desk, difference, until

CASES = ["moves", "bulk", "sheets", "shadow", "dialog", "form", "frames", "table", "scroll"]
STEPS = 40
DRIVE = "async ([from, to]) => { for (let n = from; n < to; n += 1) await window.drive(n); }"


@pytest.mark.parametrize("path", ["relay", "direct"])
@pytest.mark.parametrize("case", CASES)
def test_equal(desk: Desk, pages: str, case: str, path: str) -> None:
    steps = 2 if case == "bulk" else STEPS  # each of its steps is over 1 MB
    visit = desk.visit(f"{pages}/{case}.html")
    watching = desk.watch(visit.link, path=path)
    for half in (0, 1):
        visit.page.evaluate(DRIVE, [half * steps, (half + 1) * steps])
        assert difference(visit, watching) is None
    assert watching.stats["path"] == path
    assert watching.stats["resets"] == 0
    assert (watching.relayed == []) == (path == "direct")


@pytest.mark.parametrize("case", CASES)
def test_a_late_joiner_is_equal(desk: Desk, pages: str, case: str) -> None:
    visit = desk.visit(f"{pages}/{case}.html")
    early = desk.watch(visit.link)
    steps = 2 if case == "bulk" else 12
    visit.page.evaluate(DRIVE, [0, steps])
    late = desk.watch(visit.link)
    visit.page.evaluate(DRIVE, [steps, 2 * steps])
    assert difference(visit, late) is None
    assert difference(visit, early) is None
    assert early.stats["resets"] == 0


@pytest.mark.parametrize("path", ["relay", "direct"])
def test_what_the_recorder_alone_does_not_tell(desk: Desk, pages: str, path: str) -> None:
    visit = desk.visit(f"{pages}/unrecorded.html")
    watching = desk.watch(visit.link, path=path)
    for n, name in enumerate(visit.page.evaluate("caseNames")):
        visit.page.evaluate("(n) => window.drive(n)", n)
        assert difference(visit, watching) is None, name
    assert watching.stats["resets"] == 0
    # All of it again, as a snapshot has it.
    visit.page.evaluate("() => { Cobrowse.session.pause(); Cobrowse.session.unpause(); }")
    until(watching.page, "viewer.stats().epoch > 1 && viewer.stats().state === 'live'")
    assert difference(visit, watching) is None
