"""Data records: encode, decode, and every limit."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cobrowse.records import (
    MAX_FRAME,
    MAX_MESSAGE,
    MAX_PARTS,
    MAX_VALUES,
    Frame,
    InvalidMessage,
    Part,
    decode,
    packed,
)

ordinals = st.integers(0, 2**53 - 1)
data = st.binary(max_size=200)
frames = st.builds(Frame, ordinals, ordinals, st.integers(0, 255), data)


@st.composite
def made_parts(draw: st.DrawFn) -> Part:
    parts = draw(st.integers(1, MAX_PARTS))
    part = draw(st.integers(0, parts - 1))
    return Part(draw(ordinals), draw(st.integers(-1, 2**53 - 1)), draw(ordinals), part, parts, draw(data))


plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20)
volatiles = st.builds(lambda party, kind, rest: [3, party, kind, *rest], st.text(), st.text(), st.lists(plain))
names = st.text(max_size=9).filter(lambda name: name != "__proto__")
controls = st.dictionaries(names, plain | data, max_size=9).map(lambda value: {**value, "type": "x"})
items = st.one_of(frames, made_parts(), volatiles, controls)


def wire(item: Frame | Part | list[Any] | dict[str, Any]) -> bytes:
    return item.record if isinstance(item, Frame | Part) else packed(item)


@settings(deadline=None)
@given(st.lists(items, max_size=20))
def test_whatever_is_glued_comes_out_in_order(sent: list[Any]) -> None:
    assert list(decode(b"".join(wire(item) for item in sent))) == sent


@settings(deadline=None)
@given(st.lists(items, min_size=1, max_size=4), st.data())
def test_a_cut_message_is_refused_after_what_was_whole(sent: list[Any], draw: st.DataObject) -> None:
    whole = b"".join(wire(item) for item in sent)
    last = len(wire(sent[-1]))
    cut = draw.draw(st.integers(1, last - 1))
    decoded = decode(whole[: len(whole) - last + cut])
    assert [next(decoded) for _ in sent[:-1]] == sent[:-1]
    with pytest.raises(InvalidMessage, match="not MessagePack"):
        next(decoded)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_decoded_or_refused_and_nothing_else(noise: bytes) -> None:
    with suppress(InvalidMessage):
        for item in decode(noise):
            assert isinstance(item, Frame | Part | list | dict)


@settings(deadline=None)
@given(st.lists(items, min_size=1, max_size=3), st.data())
def test_bytes_with_a_flaw_are_decoded_or_refused_and_nothing_else(sent: list[Any], draw: st.DataObject) -> None:
    whole = bytearray(b"".join(wire(item) for item in sent))
    for _ in range(3):
        whole[draw.draw(st.integers(0, len(whole) - 1))] = draw.draw(st.integers(0, 255))
    with suppress(InvalidMessage):
        list(decode(bytes(whole)))


def test_a_record_is_encoded_once() -> None:
    frame, part = Frame(1, 2, 1, b"x"), Part(1, 2, 3, 0, 1, b"y")
    assert frame.record is frame.record
    assert part.record is part.record


def test_the_largest_frame_passes_and_one_byte_more_does_not() -> None:
    assert list(decode(Frame(1, 0, 0, bytes(MAX_FRAME)).record)) == [Frame(1, 0, 0, bytes(MAX_FRAME))]
    with pytest.raises(InvalidMessage, match="max_bin_len"):
        list(decode(Frame(1, 0, 0, bytes(MAX_FRAME + 1)).record))


def test_the_longest_message_passes_and_one_byte_more_does_not() -> None:
    pad = packed({"type": "x", "pad": "y" * (MAX_MESSAGE - len(packed({"type": "x", "pad": ""})) - 2)})
    assert len(pad) == MAX_MESSAGE
    assert len(list(decode(pad))) == 1
    with pytest.raises(InvalidMessage, match=f"{MAX_MESSAGE + 1} bytes"):
        list(decode(pad + b"\x90"))


def test_as_many_values_as_allowed_pass_and_one_more_does_not() -> None:
    assert len(list(decode(packed([3, "", ""]) * MAX_VALUES))) == MAX_VALUES
    decoded = decode(packed([3, "", ""]) * (MAX_VALUES + 1))
    with pytest.raises(InvalidMessage, match=f"more than {MAX_VALUES} values"):
        list(decoded)


def test_records_of_an_unknown_kind_count_too() -> None:
    with pytest.raises(InvalidMessage, match="more than"):
        list(decode(packed([77]) * (MAX_VALUES + 1)))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([1, 1, 1], "frame needs whole numbers"),
        ([1, 1, -1, 0, b""], "frame needs whole numbers"),
        ([1, 1, True, 0, b""], "frame needs whole numbers"),
        ([1, 1, 1.0, 0, b""], "frame needs whole numbers"),
        ([1, 1, 2**60, 0, b""], "frame needs whole numbers"),
        ([1, 1, 1, 0], "frame needs bytes at 4"),
        ([1, 1, 1, 0, "text"], "frame needs bytes at 4"),
        ([2, 1, 1, 1, 2, 2, b""], "part 2 of 2"),
        ([2, 1, 1, 1, 0, MAX_PARTS + 1, b""], f"at most {MAX_PARTS} parts"),
        ([2, 1, 1, 1, 0, 1], "part needs bytes at 6"),
        ([3, "a"], "volatile record is"),
        ([3, None, "x"], "volatile record is"),
        ([3, "", "x", [1]], "plain numbers and strings"),
        (None, "got NoneType"),
        (7, "got int"),
        ({"kind": "x"}, "got dict"),
        ({"type": 1}, "got dict"),
    ],
)
def test_the_reason_says_what_was_wrong(value: object, says: str) -> None:
    with pytest.raises(InvalidMessage, match=says):
        list(decode(packed(value)))


@pytest.mark.parametrize(
    "value",
    [b"\xc1", b"\x91" * 2_000 + b"\xc0", msgpack.packb(msgpack.ExtType(1, b"x")), b"\xa2\xff\xfe", b"\x81\x01\x02"],
    ids=["reserved", "deep", "extension", "not UTF-8", "number as key"],
)
def test_what_is_no_plain_messagepack_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidMessage, match="not MessagePack"):
        list(decode(value))


def test_extra_elements_are_ignored() -> None:
    assert list(decode(packed([1, 2, 3, 0, b"x", "later", {}]))) == [Frame(2, 3, 0, b"x")]
    assert list(decode(packed([2, 2, -1, 3, 0, 1, b"x", None]))) == [Part(2, -1, 3, 0, 1, b"x")]
