"""How often something may be asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cobrowse.transports.allowance import Allowance


def test_a_burst_then_so_many_a_second() -> None:
    allowance = Allowance(rate=20, burst=60)
    assert [allowance.take(1, 5_000) for _ in range(61)] == [True] * 60 + [False]
    assert [allowance.take(1, 5_100) for _ in range(3)] == [True, True, False]
    assert [allowance.take(10, 6_100) for _ in range(3)] == [True, True, False]
    assert [allowance.take(1, 99_000) for _ in range(61)] == [True] * 60 + [False]


@given(st.lists(st.tuples(st.integers(0, 2_000), st.sampled_from([1, 10])), max_size=100))
def test_it_never_gives_more_than_that(asked: list[tuple[int, int]]) -> None:
    allowance, now, given_out = Allowance(rate=20, burst=60), 0, 0
    for wait, cost in asked:
        now += wait
        given_out += cost if allowance.take(cost, now) else 0
        assert given_out <= 60 + now * 20 / 1_000 + 1e-6
