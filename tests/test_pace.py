"""How fast a viewer may send."""

from __future__ import annotations

import re
from pathlib import Path

from cobrowse.pace import A_SECOND, AT_ONCE, Pace

TWIN = Path(__file__).parents[1] / "client/src/broadcaster/pace.ts"


def allowed(pace: Pace, count: int, now: float) -> int:
    return sum(pace.allows(now) for _ in range(count))


def test_what_a_hand_makes_is_let_through_and_what_comes_faster_held_back() -> None:
    pace = Pace()
    assert all(pace.allows(at) for at in range(5_000, 65_000, 15))
    pace = Pace()
    assert [allowed(pace, 1_000, at) for at in (5_000, 6_000, 6_005, 66_000)] == [AT_ONCE, A_SECOND, 0, AT_ONCE]


def test_the_browser_has_the_same_figures() -> None:
    source = TWIN.read_text()
    figures = [re.search(rf"const {name} = (\d+);", source) for name in ("A_SECOND", "AT_ONCE")]
    assert [int(found[1]) for found in figures if found] == [A_SECOND, AT_ONCE]
