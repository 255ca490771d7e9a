"""What is blocked is never told, and what is masked never in clear: not in any byte that leaves the page."""

from __future__ import annotations

import re
from typing import Final

import pytest

from .rig import Desk, Visit, Watching, difference, until

SECRET: Final = re.compile(rb"sesame[\w-]*")
# One after the other, each in a task of its own: what is told of a change is told at the end of its task.
DRIVE: Final = """async (cases) => {
  for (const name of Object.keys(cases)) {
    await cases[name]();
    await new Promise((resolve) => setTimeout(resolve));
  }
}"""


def drive(visit: Visit, cases: str) -> None:
    visit.page.evaluate(f"() => ({DRIVE})({cases})")


def after(visit: Visit, name: str) -> tuple[int, int]:
    """Where the log stands after one of the page's `blocked` cases."""
    drive(visit, f"{{ {name}: blocked.{name} }}")
    return visit.quiet()


def open_both(desk: Desk, pages: str) -> tuple[Visit, Watching]:
    visit = desk.visit(f"{pages}/hidden.html")
    until(visit.page, "'loaded' in document.documentElement.dataset")
    return visit, desk.watch(visit.link, path="relay")


def share_anew(visit: Visit, watching: Watching) -> None:
    """Pause and go on: a new epoch, which begins with a snapshot of the page as it is now."""
    epoch = watching.stats["epoch"]
    visit.page.evaluate("() => { Cobrowse.session.pause(); Cobrowse.session.unpause(); }")
    until(watching.page, f"viewer.stats().epoch > {epoch} && viewer.stats().state === 'live'")


def secrets(watching: Watching) -> set[bytes]:
    return set(SECRET.findall(watching.told()))


def test_nothing_of_what_is_blocked_is_told(desk: Desk, pages: str) -> None:
    visit, watching = open_both(desk, pages)
    before = visit.quiet()
    told = [name for name in visit.page.evaluate("Object.keys(blocked)") if before != (before := after(visit, name))]
    assert told == [], f"what happens within what is blocked was told: {told}"
    share_anew(visit, watching)
    drive(visit, "{ child: blocked.child, typed: blocked.typed, nestedChange: blocked.nestedChange }")
    assert difference(visit, watching) is None
    assert secrets(watching) == set()
    assert b"open word" in watching.told()
    assert b"x-vault" in watching.told()


def test_nothing_of_what_is_masked_is_told_in_clear(desk: Desk, pages: str) -> None:
    visit, watching = open_both(desk, pages)
    assert difference(visit, watching) is None
    for name in visit.page.evaluate("Object.keys(masked)"):
        drive(visit, f"{{ {name}: masked.{name} }}")
        assert difference(visit, watching) is None, name
    assert secrets(watching) == set()
    share_anew(visit, watching)
    assert difference(visit, watching) is None
    assert secrets(watching) == set()
    chosen = watching.document("return [...doc.querySelectorAll('#size, #own, #many')].map((one) => one.selectedIndex)")
    assert chosen == [-1, -1, -1]
    assert watching.document("return doc.querySelectorAll('#masked :checked').length") == 0
    assert watching.document("return doc.querySelector('#none').selectedIndex") == -1


def test_what_is_blocked_after_it_was_told_is_told_no_more(desk: Desk, pages: str) -> None:
    visit, watching = open_both(desk, pages)
    drive(visit, "{ marked: afterwards.marked }")
    before = visit.quiet()
    drive(visit, "{ changed: afterwards.changed }")
    assert visit.quiet() == before
    share_anew(visit, watching)
    assert difference(visit, watching) is None
    assert secrets(watching) == set()


@pytest.mark.parametrize("chosen", ["pick-a", "pick-b"])
def test_what_is_told_does_not_depend_on_what_is_chosen_in_a_masked_group(desk: Desk, pages: str, chosen: str) -> None:
    visit, watching = open_both(desk, pages)
    before = visit.quiet()
    visit.page.locator(f"#{chosen}").click()
    visit.page.locator("#size").select_option(index=2)
    assert visit.quiet() == before
    assert difference(visit, watching) is None


def test_the_pointer_is_not_told_over_what_is_masked(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link, path="relay")
    visit.page.evaluate("""() => {
      document.body.insertAdjacentHTML('afterbegin',
        '<div style="height: 100px">open</div><div data-cobrowse-mask style="height: 100px"><b>masked</b></div>');
    }""")
    shown = "!document.querySelector('.visitor-pointer').hidden"
    for over, condition in (("open", shown), ("masked", f"!({shown})"), ("open", shown)):
        visit.page.get_by_text(over, exact=True).hover()
        until(watching.page, condition)
