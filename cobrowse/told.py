"""What a page has told: its messages to the server, decoded down to values. Pure.

For the leak test alone: the server itself never decodes frames or checkpoints. Text: `docs/protocol.md`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Final

import msgpack

from .records import END, FULL, Frame, Part, decode
from .transports.check import CHECK_SIZE

FLUSH_TAIL: Final = b"\x00\x00\xff\xff"
"""What every flush ends with, and is not sent (RFC 7692, section 7.2.1)."""


@dataclass(frozen=True)
class Told:
    """One value: an event, a state, a control message, a volatile record; bytes where they are no MessagePack."""

    place: str
    """What it came in, such as "frame 0 of epoch 1"."""
    value: Any


class Stream:
    """A raw-deflate stream of MessagePack values back to back."""

    def __init__(self) -> None:
        self.rest = b""
        """What is inflated and not a whole value yet."""
        self._inflate = zlib.decompressobj(-15)
        self._unpacker = self._fresh()
        self._start = 0
        self._readable = True

    @staticmethod
    def _fresh() -> Any:
        return msgpack.Unpacker(
            raw=False, strict_map_key=False, unicode_errors="replace", max_buffer_size=0, use_list=True
        )

    def feed(self, data: bytes) -> list[Any]:
        """The values that are whole with it; the bytes themselves where they cannot be read. Raises zlib.error."""
        plain = self._inflate.decompress(data)
        if not self._readable:
            return [plain] if plain else []
        self.rest += plain
        self._unpacker.feed(plain)
        values = []
        try:
            for value in self._unpacker:
                values.append(value)
                self._read()
        except (msgpack.StackError, msgpack.FormatError, ValueError):
            # Nested too deeply for this reader, say: what it says is looked at as it is.
            values.append(self.rest)
            self.rest = b""
            self._readable = False
        return values

    def _read(self) -> None:
        end = self._unpacker.tell()
        self.rest = self.rest[end - self._start :]
        self._start = end


class Reader:
    """Reads all that a broadcaster sends, in order."""

    def __init__(self) -> None:
        self._log = Stream()
        self._checkpoint = Stream()
        self._position: tuple[int, int] | None = None
        self._is_full = True

    def read(self, message: bytes, checked: bool = False) -> list[Told]:
        """What a message of a transport says; `checked`: it ends with a check.

        Raises InvalidMessage, and zlib.error for frames and parts that are not what they should be.
        """
        told = []
        for item in decode(message[:-CHECK_SIZE] if checked else message):
            told += self.take(item)
        return told

    def take(self, item: Any) -> list[Told]:
        """The same of one item, as `records.decode` gives it."""
        if isinstance(item, Frame):
            place = f"frame {item.seq} of epoch {item.epoch}"
            return [Told(place, value) for value in self._frame(item)]
        if isinstance(item, Part):
            place = f"checkpoint {item.id} of epoch {item.epoch}"
            return [Told(place, value) for value in self._part(item)]
        if isinstance(item, dict):
            return [Told(f"message {item['type']}", item)]
        return [Told("volatile record", item)]

    @property
    def rest(self) -> list[Told]:
        """What was begun and not ended, as bytes."""
        return [Told("what was not sent to its end", stream.rest) for stream in (self._log, self._checkpoint)]

    def _frame(self, frame: Frame) -> list[Any]:
        last = self._position
        if last is not None and last[0] == frame.epoch and frame.seq <= last[1]:
            return []  # sent again
        if last != (frame.epoch, frame.seq - 1) or self._is_full:
            self._log = Stream()
        self._position = frame.epoch, frame.seq
        self._is_full = bool(frame.flags & FULL)
        return self._log.feed(frame.data + (FLUSH_TAIL if frame.flags & END else b""))

    def _part(self, part: Part) -> list[Any]:
        if part.part == 0:
            self._checkpoint = Stream()
        return self._checkpoint.feed(part.data)
