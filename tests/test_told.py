"""What a page sends is read down to its values, and nothing of it is passed over."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from cobrowse.records import END, FULL, Frame, InvalidMessage, Part, packed
from cobrowse.told import FLUSH_TAIL, Reader, Told
from cobrowse.transports.check import sealed


class Page:
    """Writes a log as `client/src/broadcaster/writer.ts` does."""

    def __init__(self, epoch: int = 1) -> None:
        self.epoch = epoch
        self.seq = -1
        self.deflate = zlib.compressobj(wbits=-15)

    def write(self, *values: Any, size: int = 16_384, full: bool = False) -> list[Frame]:
        data = b"".join(self.deflate.compress(packed(value)) for value in values)
        data += self.deflate.flush(zlib.Z_FULL_FLUSH if full else zlib.Z_SYNC_FLUSH)
        assert data.endswith(FLUSH_TAIL)
        data = data.removesuffix(FLUSH_TAIL)
        frames = []
        for start in range(0, len(data), size):
            self.seq += 1
            flags = (END | (FULL if full else 0)) if start + size >= len(data) else 0
            frames.append(Frame(self.epoch, self.seq, flags, data[start : start + size]))
        return frames

    def checkpoint(self, *values: Any, parts: int = 1) -> list[Part]:
        deflate = zlib.compressobj(wbits=-15)
        data = deflate.compress(b"".join(packed(value) for value in values)) + deflate.flush()
        size = -(-len(data) // parts)
        return [Part(self.epoch, self.seq, 0, n, parts, data[n * size : (n + 1) * size]) for n in range(parts)]


def values(reader: Reader, items: list[Any]) -> list[Any]:
    return [told.value for item in items for told in reader.take(item)]


def test_events_are_read_over_frames_batches_and_full_flushes() -> None:
    page, reader = Page(), Reader()
    words = [{"n": n, "text": "quetzal" * n} for n in range(8)]
    items = page.write(*words[:3], size=7) + page.write(full=True) + page.write(*words[3:5]) + page.write(*words[5:])
    assert values(reader, items) == words
    assert [told.value for told in reader.rest] == [b"", b""]


def test_checkpoints_are_read_between_frames() -> None:
    page, reader = Page(), Reader()
    first, second = page.write("one"), page.write("two")
    parts = page.checkpoint({"chat": []}, [str(n) for n in range(500)], parts=3)
    told = values(reader, [parts[0], *first, parts[1], *second, parts[2]])
    assert [one for one in told if isinstance(one, str)] == ["one", "two"]
    assert [one for one in told if not isinstance(one, str)] == [{"chat": []}, [str(n) for n in range(500)]]


def test_frames_that_are_sent_again_are_read_once() -> None:
    page, reader = Page(), Reader()
    frames = page.write("one") + page.write("two")
    assert values(reader, [*frames, *frames]) == ["one", "two"]


def test_reading_begins_anew_with_an_epoch_and_after_a_gap() -> None:
    page, reader = Page(), Reader()
    before = page.write("one")
    page.write("lost")
    page.write(full=True)
    after = page.write("after")
    assert values(reader, before + after) == ["one", "after"]
    assert values(reader, Page(epoch=2).write("new")) == ["new"]


def test_what_was_not_sent_to_its_end_is_there_as_bytes() -> None:
    page, reader = Page(), Reader()
    [frame] = page.write("quetzal" * 3)
    deflate = zlib.compressobj(wbits=-15)
    data = deflate.compress(packed("quetzal" * 3)[:12]) + deflate.flush(zlib.Z_SYNC_FLUSH)
    assert values(reader, [Frame(1, 0, 0, data)]) == []
    assert b"quetzal" in reader.rest[0].value
    assert frame.seq == 0


def test_what_is_nested_too_deeply_is_there_as_bytes() -> None:
    deep = b"\x91" * 5_000 + packed("quetzal")
    page, reader = Page(), Reader()
    data = page.deflate.compress(deep) + page.deflate.flush(zlib.Z_SYNC_FLUSH)
    told = values(reader, [Frame(1, 0, END, data.removesuffix(FLUSH_TAIL)), Frame(1, 1, END, b"")])
    assert b"quetzal" in b"".join(one for one in told if isinstance(one, bytes))


def test_messages_are_read_with_their_check_and_control_messages_as_they_are() -> None:
    page = Page()
    [frame] = page.write("one")
    hello = {"type": "hello", "site": "leaktest"}
    message = packed(hello) + packed([1, 1, 0, frame.flags, frame.data]) + packed([3, "", "pointer", 5, 6])
    expected = [
        Told("message hello", hello),
        Told("frame 0 of epoch 1", "one"),
        Told("volatile record", [3, "", "pointer", 5, 6]),
    ]
    assert Reader().read(message) == expected
    assert Reader().read(sealed(message, 0), checked=True) == expected


def test_what_cannot_be_read_is_an_error() -> None:
    with pytest.raises(InvalidMessage):
        Reader().read(b"\xc1")
    with pytest.raises(zlib.error):
        Reader().take(Frame(1, 0, END, b"\xff\xff\xff"))
