"""`tests/vectors.json` is what `make_vectors.py` makes, and this side of the wire holds to it."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import msgpack
import pytest

from cobrowse.records import END, FULL, Frame, InvalidMessage, Part, decode, packed
from cobrowse.transports.check import opened

from . import make_vectors

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))


def stored(value: Any) -> Any:
    """A decoded item as it stands in the file."""
    if isinstance(value, Frame):
        value = [1, value.epoch, value.seq, value.flags, value.data]
    elif isinstance(value, Part):
        value = [2, value.epoch, value.seq, value.id, value.part, value.parts, value.data]
    return make_vectors.plain(value)


def joined(pieces: list[tuple[str, int]]) -> bytes:
    return b"".join(bytes.fromhex(piece) * times for piece, times in pieces)


def test_the_file_is_what_the_script_makes() -> None:
    made = json.loads(make_vectors.text(make_vectors.vectors()))
    # Deflate libraries compress differently; the stream is held to its events instead.
    kept = {**VECTORS, "stream": None}
    assert {**made, "stream": None} == kept, "run: make protocol"
    events = [[frame["events"] for frame in side["stream"]["frames"] if "events" in frame] for side in (made, VECTORS)]
    assert events[0] == events[1], "run: make protocol"


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda vector: vector["name"])
def test_messages_decode(vector: dict[str, Any]) -> None:
    assert [stored(item) for item in decode(bytes.fromhex(vector["hex"]))] == vector["items"]


@pytest.mark.parametrize(
    "vector",
    [vector for vector in VECTORS["messages"] if "left out" not in vector["name"]],
    ids=lambda vector: vector["name"],
)
def test_messages_encode_to_the_same_bytes(vector: dict[str, Any]) -> None:
    items = decode(bytes.fromhex(vector["hex"]))
    whole = b"".join(item.record if isinstance(item, Frame | Part) else packed(item) for item in items)
    assert whole.hex() == vector["hex"]


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["why"])
def test_invalid_bytes_are_refused_with_a_reason(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage) as caught:
        list(decode(joined(vector["pieces"])))
    assert len(str(caught.value)) > 10


@pytest.mark.parametrize("vector", VECTORS["checked"], ids=lambda vector: f"{vector['n']}-{len(vector['hex']) // 2}")
def test_checked_messages_open(vector: dict[str, Any]) -> None:
    assert opened(bytes.fromhex(vector["sealed"]), vector["n"]).hex() == vector["hex"]


@pytest.mark.parametrize("fresh_at_the_flush", [False, True])
def test_the_stream_inflates(fresh_at_the_flush: bool) -> None:
    frames = VECTORS["stream"]["frames"]
    assert [frame["seq"] for frame in frames] == list(range(len(frames)))
    full = [frame["seq"] for frame in frames if frame["flags"] & FULL]
    assert len(full) == 1
    inflate = zlib.decompressobj(-15)
    data = b""
    for frame in frames[full[0] + 1 :] if fresh_at_the_flush else frames:
        data += inflate.decompress(bytes.fromhex(frame["hex"]))
        if frame["flags"] & END:
            data += inflate.decompress(b"\x00\x00\xff\xff")
            unpacker = msgpack.Unpacker()
            unpacker.feed(data)
            assert list(unpacker) == frame["events"]
            data = b""
        else:
            assert "events" not in frame
    assert data == b""


def test_the_schedules_cover_every_operation() -> None:
    steps = [step for schedule in VECTORS["logs"] for step in schedule["steps"]]
    seen = {(step["op"], bool(step["result"])) for step in steps}
    for op in ("append", "add_part", "resume", "take"):
        assert {(op, True), (op, False)} <= seen
    assert {"begin", "trim", "join"} <= {step["op"] for step in steps}
    assert any(lost for step in steps for *_, lost in step["state"][3])
