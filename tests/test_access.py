"""What opens a session, and who does not come back."""

from __future__ import annotations

from cobrowse.access import MAX_ENDED, Access


def proof(n: int) -> bytes:
    return n.to_bytes(32, "big")


def made() -> Access:
    return Access(proof(0))


def test_the_link_that_stands_is_the_last_one() -> None:
    access = made()
    assert (access.proves(proof(0)), access.proves(proof(1)), access.was_ended(proof(0))) == (True, False, False)
    assert access.relink(proof(1))
    assert (access.proves(proof(0)), access.proves(proof(1)), access.was_ended(proof(0))) == (False, True, True)
    assert not access.relink(proof(1)), "it stands"
    assert not access.relink(proof(0)), "it was ended"
    assert access.proves(proof(1))


def test_nobody_is_removed_by_having_no_subject() -> None:
    access = made()
    access.remove("a", "")
    assert (access.is_removed("a", ""), access.is_removed("b", "")) == (True, False)


def test_what_is_remembered_is_bounded_and_the_earliest_is_forgotten() -> None:
    access = made()
    for n in range(1, MAX_ENDED + 3):
        access.relink(proof(n))
        access.remove(str(n), f"s{n}")
    assert (access.was_ended(proof(0)), access.was_ended(proof(2))) == (False, True)
    assert not access.is_removed("1", "s1")
    assert access.is_removed(str(MAX_ENDED + 2), "")
