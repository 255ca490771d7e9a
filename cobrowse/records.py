"""The wire's data records: frames, parts of checkpoints and volatile records; limits, encode, decode.

A transport message is one or more MessagePack values back to back. A map with a `type` is a control message
(`messages.py`); an array is one of the records here:

    [1, epoch, seq, flags, bytes]                  a frame of the log
    [2, epoch, seq, id, part, parts, bytes]        a part of the checkpoint `id` at that position
    [3, party, kind, ...]                          volatile: latest wins, may be lost

Its twin is `client/src/records.ts`; `tests/vectors.json` holds the golden bytes. Text: `docs/protocol.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgpack

FRAME: Final = 1
PART: Final = 2
VOLATILE: Final = 3

MAX_MESSAGE: Final = 65_536
"""Bytes of one transport message."""
MAX_FRAME: Final = 16_384
"""Bytes of the log in one frame, and of a checkpoint in one part."""
MAX_CHECKPOINT: Final = 8 * 1_048_576
"""Bytes of one checkpoint, compressed."""
MAX_PARTS: Final = MAX_CHECKPOINT // MAX_FRAME
MAX_VALUES: Final = 4_096
"""Values in one transport message."""
MAX_VOLATILE: Final = 1_024
"""Bytes of one volatile record."""
MAX_DEPTH: Final = 16
"""Arrays and maps in one another."""
MAX_ORDINAL: Final = 2**53 - 1
"""The highest number of anything: above it JavaScript's numbers skip some."""

END: Final = 0x01
"""Flag: a batch ends with this frame; the events so far may be applied."""
FULL: Final = 0x02
"""Flag: the stream was fully flushed here; a fresh inflater can begin with the next frame."""
MUST_UNDERSTAND: Final = 0xF0
"""Flags that a reader must know; it may ignore the others."""

Volatile = list[Any]
"""`[3, party, kind, ...]`, as decoded. Going up `party` is whom it is for ("" for all), coming down whom it is from."""


class InvalidMessage(ValueError):
    """Bytes from a remote party that are not what the protocol says; the text says what was wrong."""


class Record:
    """An encoded record, which ends with its data. Encoded once, whoever watches, and nothing is held beside that."""

    __slots__ = ("record", "size")

    def __init__(self, head: list[int], data: bytes) -> None:
        self.record = packed([*head, data])
        self.size = len(data)

    @property
    def data(self) -> bytes:
        """A copy of the data; `size` is its length."""
        return self.record[len(self.record) - self.size :]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.record == other.record

    def __hash__(self) -> int:
        return hash(self.record)

    def __repr__(self) -> str:
        place = ", ".join(f"{name}={getattr(self, name)}" for name in self.__slots__)
        return f"{type(self).__name__}({place}, {self.size} bytes)"


class Frame(Record):
    """A numbered piece of the log's byte stream, at most `MAX_FRAME` bytes."""

    __slots__ = ("epoch", "flags", "seq")

    def __init__(self, epoch: int, seq: int, flags: int, data: bytes) -> None:
        super().__init__([FRAME, epoch, seq, flags], data)
        self.epoch = epoch
        self.seq = seq
        self.flags = flags


class Part(Record):
    """Part `part` of the `parts` parts of checkpoint `id`, which stands after frame `seq`."""

    __slots__ = ("epoch", "id", "part", "parts", "seq")

    def __init__(self, epoch: int, seq: int, id: int, part: int, parts: int, data: bytes) -> None:
        super().__init__([PART, epoch, seq, id, part, parts], data)
        self.epoch = epoch
        self.seq = seq
        self.id = id
        self.part = part
        self.parts = parts


def packed(value: object) -> bytes:
    """One value as MessagePack."""
    return msgpack.packb(value)  # type: ignore[no-any-return]


def decode(message: bytes) -> Iterator[Frame | Part | Volatile | dict[str, Any]]:
    """The records and control maps of one transport message, in order.

    Control maps are only checked to be maps with a string `type`; `messages.py` does the rest. Records of an
    unknown kind are left out.

    Raises InvalidMessage at the first value that is no MessagePack, too large, too many, or malformed.
    """
    if len(message) > MAX_MESSAGE:
        raise InvalidMessage(f"message of {len(message)} bytes; at most {MAX_MESSAGE} are allowed")
    unpacker = msgpack.Unpacker(
        max_buffer_size=MAX_MESSAGE,
        max_str_len=MAX_MESSAGE,
        max_bin_len=MAX_FRAME,
        max_array_len=1_024,
        max_map_len=256,
        max_ext_len=0,
        ext_hook=_no_extension,
    )
    unpacker.feed(message)
    for count in range(MAX_VALUES + 1):
        if unpacker.tell() == len(message):
            return
        if count == MAX_VALUES:
            raise InvalidMessage(f"more than {MAX_VALUES} values in one message")
        try:
            value = unpacker.unpack()
        except Exception as error:  # msgpack raises OutOfData, ValueError, StackError, UnicodeDecodeError
            raise InvalidMessage(f"not MessagePack: {type(error).__name__} {error}".rstrip()) from error
        _check(value)
        if isinstance(value, list):
            record = _record(value)
            if record is not None:
                yield record
        elif isinstance(value, dict) and isinstance(value.get("type"), str):
            yield value
        else:
            raise InvalidMessage(f"expected a record or a map with a type, got {type(value).__name__}")


def _no_extension(code: int, data: bytes) -> None:
    raise ValueError(f"an extension of type {code}; none is allowed")


def _check(value: Any, depth: int = 0) -> None:
    """Raises InvalidMessage for what the twin in the browser would not take either."""
    if not isinstance(value, list | dict):
        return
    if depth == MAX_DEPTH:
        raise InvalidMessage(f"a value is nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        for name in value:
            if type(name) is not str or name == "__proto__":
                raise InvalidMessage(f"a map has the name {name!r:.80}, which is not allowed")
    for inner in value.values() if isinstance(value, dict) else value:
        _check(inner, depth + 1)


def _record(value: list[Any]) -> Frame | Part | Volatile | None:
    kind = value[0] if value and value[0] is not True else None
    if kind == FRAME:
        epoch, seq, flags = _integers(value, 1, 4, "frame")
        return Frame(epoch, seq, flags, _data(value, 4, "frame"))
    if kind == PART:
        epoch, seq, ordinal, part, parts = _integers(value, 1, 6, "part", lowest=-1)
        if epoch < 0 or ordinal < 0:
            raise InvalidMessage(f"a part of checkpoint {ordinal} of epoch {epoch}; both count from 0")
        if not (0 <= part < parts <= MAX_PARTS):
            raise InvalidMessage(f"part {part} of {parts}; at most {MAX_PARTS} parts are allowed")
        return Part(epoch, seq, ordinal, part, parts, _data(value, 6, "part"))
    if kind == VOLATILE:
        if len(value) < 3 or not isinstance(value[1], str) or not isinstance(value[2], str):
            raise InvalidMessage("a volatile record is [3, party, kind, ...] with two strings")
        if any(not isinstance(item, int | float | str | bool | None) for item in value):
            raise InvalidMessage("a volatile record holds plain numbers and strings only")
        return value
    return None


def _integers(value: list[Any], start: int, stop: int, what: str, lowest: int = 0) -> list[int]:
    numbers = value[start:stop]
    if len(numbers) != stop - start or any(type(n) is not int or n < lowest or n > MAX_ORDINAL for n in numbers):
        raise InvalidMessage(f"a {what} needs whole numbers at {start} to {stop - 1}, got {numbers!r:.80}")
    return numbers


def _data(value: list[Any], index: int, what: str) -> bytes:
    data = value[index] if len(value) > index else None
    if not isinstance(data, bytes):
        raise InvalidMessage(f"a {what} needs bytes at {index}")
    return data
