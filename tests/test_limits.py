"""How often, and how many: addresses, agents and sites, with time given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobrowse.errors import Busy
from cobrowse.limits import (
    GUESSES_EACH,
    GUESSES_PER_MINUTE,
    MINUTE_MS,
    Allowance,
    Guesses,
    Latest,
    Turnstile,
    Window,
    network,
)


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


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        ("", ""),
        ("testclient", ""),
        ("x" * 10_000, ""),
    ],
)
def test_what_counts_as_one_address(address: str, counts_as: str) -> None:
    assert network(address) == counts_as


def test_in_no_minute_are_there_more() -> None:
    window = Window(3)
    noted = []
    for now in range(0, 5 * MINUTE_MS, 1_000):
        if window.wait(now) == 0:
            window.note(now)
            noted.append(now)
        else:
            assert now + window.wait(now) == noted[-3] + MINUTE_MS
    assert noted == [now + minute * MINUTE_MS for minute in range(5) for now in (0, 1_000, 2_000)]


def test_the_latest_are_kept() -> None:
    held = Latest(lambda: [0], 3)
    for key in ("a", "b", "c", "a", "d"):
        held[key][0] += 1
    assert len(held) == 3
    assert held["a"] == [2]
    assert held["b"] == [0]


def tried(guesses: Guesses, address: str, agent: str, sites: list[str], now: float) -> bool:
    try:
        guesses.check(address, agent, sites, now)
    except Busy:
        return False
    guesses.missed(address, agent, sites, now)
    return True


@pytest.mark.parametrize(
    ("addresses", "agents", "most_a_minute"),
    [(1, 1, GUESSES_EACH), (50, 1, GUESSES_EACH), (1, 50, GUESSES_EACH), (50, 50, GUESSES_PER_MINUTE)],
)
def test_ten_minutes_of_guessing_by_a_hundred_a_second(addresses: int, agents: int, most_a_minute: int) -> None:
    guesses = Guesses()
    times = []
    for n in range(10 * 60 * 100):
        now = n * 10.0
        if tried(guesses, f"10.0.0.{n % addresses}", f"agent{n % agents}", ["shop"], now):
            times.append(now)
    assert len(times) == 10 * most_a_minute
    for start in times:
        assert sum(start <= at < start + MINUTE_MS for at in times) <= most_a_minute


def test_an_agent_of_all_sites_counts_on_each() -> None:
    guesses = Guesses()
    for n in range(GUESSES_PER_MINUTE):
        assert tried(guesses, f"10.0.0.{n}", f"a{n}", ["shop"], 0)
    assert not tried(guesses, "10.0.1.1", "b", ["shop", "other"], 0)
    assert tried(guesses, "10.0.1.1", "b", ["other"], 0)
    with pytest.raises(Busy, match=r"too many codes were wrong; come back in 60 s") as caught:
        guesses.check("10.0.1.2", "c", ["shop"], 1)
    assert caught.value.after_s == 60


def turnstile(**changed: float) -> Turnstile:
    given = {"address_connections": 100, "address_rate": 2, "site_connections": 3, "site_rate": 1} | changed
    return Turnstile(**given)  # type: ignore[arg-type]


def test_connections_of_an_address_are_counted_until_they_are_gone() -> None:
    stile = turnstile(address_connections=2, address_rate=1_000)
    for _ in range(2):
        stile.connect("2001:db8::1", 0)
    with pytest.raises(Busy, match="2 connections from your address"):
        stile.connect("2001:db8::2", 0)
    stile.connect("2001:db8:0:1::1", 0)
    stile.lost("2001:db8::2")
    stile.lost("2001:db8::1")
    stile.connect("2001:db8::3", 0)
    for _ in range(2):
        stile.lost("2001:db8::3")
    stile.lost("2001:db8:0:1::1")
    assert not stile._of_address


def test_connections_of_an_address_come_so_fast_and_no_faster() -> None:
    stile = turnstile()
    for _ in range(20):
        stile.connect("10.0.0.1", 0)
    with pytest.raises(Busy, match="too many connections from your address; come back in 1 s"):
        stile.connect("10.0.0.1", 0)
    stile.connect("10.0.0.2", 0)
    stile.connect("10.0.0.1", 500)


def test_a_site_has_so_many_connections() -> None:
    stile = turnstile()
    for _ in range(3):
        stile.enter("shop")
    with pytest.raises(Busy, match="3 connections on the site 'shop'"):
        stile.enter("shop")
    stile.enter("other")
    stile.left("shop")
    stile.enter("shop")


def test_sessions_of_an_address_and_of_a_site_begin_no_faster() -> None:
    stile = turnstile()
    for _ in range(2):
        stile.begin("10.0.0.1", "shop", 0)
    with pytest.raises(Busy, match="too many sessions from your address; come back in 5 s"):
        stile.begin("10.0.0.1", "shop", 0)
    for n in range(8):
        stile.begin(f"10.0.1.{n}", "shop", 0)
    with pytest.raises(Busy, match="too many sessions on the site 'shop'; come back in 1 s"):
        stile.begin("10.0.2.1", "shop", 0)
    stile.begin("10.0.2.1", "other", 0)
