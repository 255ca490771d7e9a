"""Codes: long enough for how many there are, and good for as long as they should be."""

from __future__ import annotations

import math

import pytest

from cobrowse import codes as codes_module
from cobrowse.codes import ALPHABET, CHANCE, GUESSES, LASTS_MS, LENGTH, Codes, length, most
from cobrowse.hub import MAX_SESSIONS
from cobrowse.limits import GUESSES_PER_MINUTE


def chance(codes: int, length: int, guesses: int) -> float:
    """That one of so many codes is among different guesses, all of that length."""
    all = len(ALPHABET) ** length
    return -math.expm1(sum(math.log1p(-codes / (all - guess)) for guess in range(guesses)))


def test_guessing_at_the_full_rate_for_ten_minutes_finds_nothing() -> None:
    assert GUESSES == 10 * GUESSES_PER_MINUTE == 600
    of_length: dict[int, int] = {}
    worst = 0.0
    for live in range(MAX_SESSIONS):
        made = length(live)
        of_length[made] = of_length.get(made, 0) + 1
        # Twice as many: before a restart there were as many, and all of those have come back.
        worst = max(worst, 2 * of_length[made] * GUESSES / len(ALPHABET) ** made)
    assert worst <= CHANCE
    assert sorted(of_length) == [6, 7]
    for made, codes in of_length.items():
        assert chance(2 * codes, made, GUESSES) <= CHANCE


@pytest.mark.parametrize("size", range(LENGTH, 12))
def test_the_most_of_each_length_is_the_most_that_is_safe(size: int) -> None:
    assert chance(2 * most(size), size, GUESSES) <= CHANCE
    assert length(most(size) - 1) <= size < length(most(size))
    assert length(0) == LENGTH


def test_codes_grow_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes_module, "CHANCE", 1.4e-5)
    codes = Codes()
    given = [codes.give(str(n), 0) for n in range(20)]
    assert [len(code) for code in given] == sorted(len(code) for code in given)
    assert len(given[0]) < len(given[-1])
    assert len(set(given)) == len(codes) == 20


def test_a_code_is_found_however_it_is_typed() -> None:
    codes = Codes()
    code = codes.give("a", 0)
    assert set(code) <= set(ALPHABET)
    for text in (code, code.lower(), f"{code[:3]}-{code[3:]}", f" {code[:3]} {code[3:]}\n"):
        assert codes.find(text, 0) == "a"
    for text in ("", code[:-1], code + code[0]):
        assert codes.find(text, 0) is None


def test_a_code_lasts_twenty_minutes_unless_it_was_used() -> None:
    codes = Codes()
    unused, used = codes.give("a", 0), codes.give("b", 0)
    assert codes.find(used, LASTS_MS - 1) == "b"
    codes.use("b")
    assert codes.find(unused, LASTS_MS - 1) == "a"
    assert codes.find(unused, LASTS_MS) is None
    assert codes.find(used, 100 * LASTS_MS) == "b"
    assert codes.give("b", 100 * LASTS_MS) == used
    fresh = codes.give("a", LASTS_MS, unused)
    assert fresh != unused
    assert codes.find(fresh, LASTS_MS) == "a"
    assert len(codes) == 2


def test_a_session_that_comes_back_has_its_code_unless_another_has_it() -> None:
    codes = Codes()
    assert codes.give("a", 0, "ABC234") == "ABC234"
    other = codes.give("b", 0, "ABC234")
    assert other != "ABC234"
    assert codes.find("ABC234", 0) == "a"
    assert codes.find(other, 0) == "b"


def test_what_is_over_has_no_code() -> None:
    codes = Codes()
    code = codes.give("a", 0)
    codes.forget("a")
    codes.forget("a")
    assert codes.find(code, 0) is None
    codes.give("b", 0)
    codes.clear()
    assert len(codes) == 0
