"""How much may wait in a transport that never says stop; the same cases as `client/src/link/drain.test.ts`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobrowse.transports.drain import FIRST, LEAST, MOST, Drain


def filled(rate: float, ms: int, step: int = 20) -> tuple[float, float]:
    """A transport that carries `rate` bytes a ms, kept as full as it may be: what waits in the end, what it carried."""
    drain = Drain()
    waiting = carried = 0.0
    for now in range(1_000, 1_000 + ms, step):
        left = min(waiting, rate * step)
        waiting -= left
        carried += left
        room = max(0, int(drain.room(int(waiting), now)))
        drain.handed(room)
        waiting += room
    return waiting, carried


def test_it_begins_with_a_quarter_of_a_megabyte_and_counts_what_waits() -> None:
    assert Drain().room(0, 1_000) == FIRST
    assert Drain().room(100_000, 1_000) == FIRST - 100_000


def test_half_a_seconds_worth_waits_in_a_slow_transport() -> None:
    waiting, _ = filled(100, 20_000)
    assert 100 * 500 * 0.8 < waiting < 100 * 500 * 1.2


def test_the_least_waits_in_a_stalled_one_and_the_most_in_a_fast_one() -> None:
    assert filled(1, 400_000)[0] <= LEAST
    assert filled(1_000_000, 5_000)[0] == MOST


@pytest.mark.parametrize("rate", [20, 100, 400, 1_000])
def test_a_transport_is_never_idle_that_could_carry_more(rate: int) -> None:
    assert filled(rate, 20_000)[1] > rate * 20_000 * 0.9


@given(st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 300_000), st.integers(0, 2_000_000)), max_size=50))
def test_it_keeps_within_its_bounds_whatever_it_sees(looks: list[tuple[int, int, int]]) -> None:
    drain, now = Drain(), 0
    for wait, handed, buffered in looks:
        now += wait
        assert LEAST <= drain.room(buffered, now) + buffered <= MOST
        drain.handed(handed)
