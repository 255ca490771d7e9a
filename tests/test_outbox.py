"""The outbox: numbered, bounded, nothing lost, nothing repeated that was acknowledged."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobrowse.close_codes import CloseCode
from cobrowse.connection import Connection
from cobrowse.records import MAX_MESSAGE
from cobrowse.transports.outbox import CLOSES, WINDOW, Outbox


def outbox_of(messages: list[bytes]) -> tuple[Outbox, Connection]:
    """An outbox of a connection in which these messages wait."""
    waiting = deque(messages)
    connection = Connection(lambda connection, room: [waiting.popleft()] if waiting else [], None, "")
    return Outbox(connection), connection


def bodies(pieces: list[bytes]) -> list[bytes]:
    for piece in pieces:
        assert int.from_bytes(piece[:4], "big") == len(piece) - 4
    return [piece[4:] for piece in pieces]


def test_pieces_stay_until_they_are_acknowledged() -> None:
    outbox, _ = outbox_of([b"one", b"two", b"three"])
    outbox.fill(0)
    assert bodies(outbox.since(0)) == [b"one", b"two", b"three"]
    outbox.acknowledge(2)
    outbox.acknowledge(1)
    assert (outbox.first, outbox.next) == (2, 3)
    assert bodies(outbox.since(2)) == [b"three"]
    assert outbox.since(3) == []


def test_what_was_not_sent_cannot_be_acknowledged() -> None:
    outbox, _ = outbox_of([b"one"])
    outbox.fill(0)
    with pytest.raises(ValueError, match="piece 2 has not been sent; the next is 1"):
        outbox.acknowledge(2)


def test_no_more_is_taken_than_the_window_holds() -> None:
    messages = [bytes([n]) * MAX_MESSAGE for n in range(10)]
    outbox, _ = outbox_of(messages)
    outbox.fill(5)
    assert (outbox.next, outbox.full_since) == (WINDOW // MAX_MESSAGE, 5)
    outbox.fill(6)
    assert outbox.full_since == 5
    outbox.acknowledge(1)
    assert outbox.full_since is None
    outbox.fill(7)
    assert (outbox.next, outbox.full_since) == (WINDOW // MAX_MESSAGE + 1, 7)


def test_an_answer_has_one_piece_at_least() -> None:
    outbox, _ = outbox_of([b"a" * 100, b"b" * 100])
    outbox.fill(0)
    assert bodies(outbox.since(0, 1)) == [b"a" * 100]


def test_the_last_piece_says_why() -> None:
    outbox, connection = outbox_of([])
    connection.close(CloseCode.ENDED, "é" * 100)
    outbox.fill(0)
    outbox.fill(0)
    [piece] = outbox.since(0)
    assert outbox.closed
    assert int.from_bytes(piece[:4], "big") == CLOSES + len(piece) - 4
    assert int.from_bytes(piece[4:6], "big") == 4110
    assert piece[6:].decode() == "é" * 61


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=12), st.data())
def test_a_reader_that_comes_back_any_time_misses_nothing(messages: list[bytes], data: st.DataObject) -> None:
    outbox, _ = outbox_of(messages)
    received: list[bytes] = []
    while len(received) < len(messages):
        outbox.acknowledge(len(received))
        outbox.fill(0, data.draw(st.integers(1, 200)))
        pieces = outbox.since(len(received), data.draw(st.integers(1, 200)))
        assert pieces
        received += bodies(pieces[: data.draw(st.integers(0, len(pieces)))])
    assert received == messages
