"""A model of a viewer between two paths, by the rules of `client/src/viewer/{paths,reader}.ts`; it checks itself.

What flows is a real stream. Events are numbers, counted from 1, deflated in batches; a checkpoint says how many had
happened. So what is lost, repeated, out of order or cut in the wrong place shows as a number that is not the next.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, Literal

from pydantic import BaseModel

from cobrowse.fields import Position
from cobrowse.messages import Reset, Resumed, Subscribe, Unsubscribe
from cobrowse.records import END, Frame, Part

Path = Literal["relay", "direct"]
OTHER: Final[dict[Path, Path]] = {"relay": "direct", "direct": "relay"}
PATHS: Final[tuple[Path, ...]] = ("relay", "direct")
WINDOW_BITS: Final = -9
EVENT: Final = struct.Struct(">IH")  # its number, and how many bytes follow
STATE: Final = struct.Struct(">II")  # in each part: events so far, and the checkpoint's id
Command = tuple[Path, Subscribe | Unsubscribe]


class Wrong(AssertionError):
    """Something that must never be; the text says what, and how to see it again."""


class Reader:
    """The log into events, in order, none twice, never past a gap."""

    def __init__(self) -> None:
        self.epoch = 0
        self.next = 0
        self.starting = True
        self.parts: list[Part] = []
        self.shown = 0  # the event that was shown last
        self.inflate = zlib.decompressobj(WINDOW_BITS)
        self.inflated = b""

    @property
    def position(self) -> Position | None:
        return None if self.starting else Position(epoch=self.epoch, seq=self.next - 1)

    def reset(self) -> None:
        self.starting, self.parts = True, []

    def take(self, frame: Frame) -> str:
        if self.starting or frame.epoch != self.epoch:
            return "stale"
        if frame.seq < self.next:
            return "duplicate"
        if frame.seq > self.next:
            return "gap"
        return self.apply(frame)

    def apply(self, frame: Frame) -> str:
        self.next = frame.seq + 1
        try:
            self.inflated += self.inflate.decompress(frame.data)
        except zlib.error as error:
            raise Wrong(f"{frame} does not inflate: {error}") from None
        if not frame.flags & END:
            return "held"
        at, size = 0, len(self.inflated)
        while at < size:
            number, more = EVENT.unpack_from(self.inflated, at)
            if number != self.shown + 1:
                raise Wrong(f"event {number} after {self.shown}, by {frame}")
            self.shown = number
            at += EVENT.size + more
        self.inflated = b""
        return "applied"

    def take_part(self, part: Part) -> bool:
        """Whether a checkpoint is whole with this one."""
        if not self.starting:
            return False
        if self.parts and (part.id, part.epoch) != (self.parts[0].id, self.parts[0].epoch):
            self.parts = []
        if part.part != len(self.parts):
            return False
        self.parts.append(part)
        if len(self.parts) < part.parts:
            return False
        states = {STATE.unpack_from(one.data) for one in self.parts}
        if len(states) > 1 or next(iter(states))[1] != part.id:
            raise Wrong(f"a checkpoint of several: {states}")
        if part.epoch < self.epoch:
            raise Wrong(f"epoch {part.epoch} after {self.epoch}")
        self.epoch, self.next, self.starting, self.parts = part.epoch, part.seq + 1, False, []
        self.shown = next(iter(states))[0]
        self.inflate, self.inflated = zlib.decompressobj(WINDOW_BITS), b""
        return True


class Watcher:
    """A viewer between two paths. Methods return what it says, and where."""

    def __init__(self, id: str, reader: type[Reader] = Reader) -> None:
        self.id = id
        self.reader = reader()
        self.open: set[Path] = set()
        self.subscribed: dict[Path, int] = {}
        self.answered: set[Path] = set()
        self.starting_on: Path | None = None
        self.asked_once = False
        self.last_id = 0
        self.resets = 0

    def __repr__(self) -> str:
        return self.id

    @property
    def active(self) -> Path | None:
        return "direct" if "direct" in self.answered else "relay" if "relay" in self.answered else None

    def opened(self, path: Path) -> list[Command]:
        self.open.add(path)
        if path == "relay" and self.active == "direct":
            return []
        return [self.subscribe(path, self.reader.position)]

    def closed(self, path: Path) -> list[Command]:
        self.open.discard(path)
        self.forget(path)
        given_up = self.starting_on == path
        if given_up:
            self.starting_on = None
        other = OTHER[path]
        if other in self.open and (given_up or other not in self.subscribed):
            return [self.subscribe(other, self.reader.position)]
        return []

    def receive(self, path: Path, item: BaseModel | Frame | Part) -> list[Command]:
        match item:
            case Resumed(id=id) if self.is_current(path, id):
                return self.resumed(path)
            case Reset(id=id) if self.is_current(path, id):
                if OTHER[path] in self.answered:
                    return self.unsubscribe(path)
                self.answered.add(path)
                self.starting_on = path
                self.reader.reset()
                self.resets += 1
            case Frame() if self.accepts(path):
                taken = self.reader.take(item)
                if taken == "gap" and OTHER[path] not in self.answered:
                    position = None if self.asked_once else self.reader.position
                    self.asked_once = True
                    return [self.subscribe(path, position)]
                if taken == "applied":
                    self.asked_once = False
            case Part() if self.accepts(path) and self.reader.take_part(item):
                self.starting_on, self.asked_once = None, False
        return []

    def is_current(self, path: Path, id: int) -> bool:
        return self.subscribed.get(path) == id

    def accepts(self, path: Path) -> bool:
        return path in self.answered and self.starting_on in (None, path)

    def resumed(self, path: Path) -> list[Command]:
        if self.starting_on not in (None, path):
            return self.unsubscribe(path)
        self.answered.add(path)
        if path == "relay":
            return self.unsubscribe("relay") if "direct" in self.answered else []
        return self.unsubscribe("relay")

    def subscribe(self, path: Path, position: Position | None) -> Command:
        self.last_id += 1
        self.subscribed[path] = self.last_id
        self.answered.discard(path)
        return path, Subscribe(id=self.last_id, position=position)

    def unsubscribe(self, path: Path) -> list[Command]:
        id = self.subscribed.get(path)
        if id is None:
            return []
        self.forget(path)
        return [(path, Unsubscribe(id=id))]

    def forget(self, path: Path) -> None:
        self.subscribed.pop(path, None)
        self.answered.discard(path)
