"""A session with a page and viewers, moved by hand, rule by rule; and a viewer that believes nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from cobrowse.fields import AdmittedViewer, Capability, Position
from cobrowse.messages import (
    Admit,
    Reset,
    Resumed,
    Subscribe,
)
from cobrowse.outputs import Output, Send
from cobrowse.records import END, Frame, Part, decode
from cobrowse.session import Limits, Session

from .page import NEVER

ENDLESS = Limits(NEVER, NEVER, NEVER, NEVER)
PROOF = b"p" * 32


def frame(seq: int, epoch: int = 1, size: int = 10) -> Frame:
    return Frame(epoch, seq, END, bytes(size))


def part(seq: int, id: int, part: int = 0, parts: int = 1, epoch: int = 1) -> Part:
    return Part(epoch, seq, id, part, parts, b"page")


def sent(outputs: Iterable[Output], to: str) -> list[BaseModel]:
    return [output.message for output in outputs if isinstance(output, Send) and output.to == to]


def known(id: str, *capabilities: Capability) -> AdmittedViewer:
    return AdmittedViewer(id=id, name=id, role="guest", capabilities=list(capabilities))


class Stage:
    """A session whose broadcaster is there, and viewers that were let in."""

    def __init__(self, *viewers: str, limits: Limits = ENDLESS) -> None:
        self.session = Session("s", PROOF, 0, limits)
        self.session.arrive(None, 0, False, [], 0)
        for id in viewers:
            self.session.join(id, id, "guest", True, 0)
            self.admit(id, "chat")

    def admit(self, id: str, *capabilities: Capability) -> list[Output]:
        return self.session.from_broadcaster(Admit(viewer=id, capabilities=list(capabilities)), 0)

    def subscribe(self, id: str, position: Position | None = None, now: float = 0, number: int = 1) -> list[Output]:
        return self.session.from_viewer(id, Subscribe(id=number, position=position), now)

    def live(self, id: str, upto: int) -> None:
        """That viewer has the checkpoint and the frames up to there."""
        self.subscribe(id)
        if self.session.relay.log.checkpoint is None:
            self.session.part(part(-1, 0), 0)
        for seq in range(self.session.relay.log.next, upto + 1):
            self.session.frame(frame(seq), 0)
        assert self.pull(id)[-1] == frame(upto)

    def pull(self, id: str, now: float = 0) -> list[Any]:
        encoded, _ = self.session.relay.pull(id, 60_000, now)
        return [item for record in encoded for item in decode(record)]


class Watcher:
    """A viewer that believes nothing: it says whether what it gets is exactly what must come next."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.connected = False
        self.inbox: deque[BaseModel | Frame | Part] = deque()
        self.last_id = 0
        self.subscribed: int | None = None
        self.answered = False
        self.starting = True
        self.asked: Position | None = None
        self.parts: list[Part] = []
        self.epoch = 0
        self.next = 0

    @property
    def position(self) -> Position | None:
        return None if self.starting else Position(epoch=self.epoch, seq=self.next - 1)

    def receive(self, item: BaseModel | Frame | Part, written: dict[tuple[int, int], Frame]) -> None:
        match item:
            case Resumed(id=id) if id == self.subscribed:
                assert not self.answered, "answered twice"
                assert self.asked == self.position, "resumed from a place that was not asked for"
                self.answered = True
            case Reset(id=id) if id == self.subscribed:
                self.answered, self.starting, self.parts = True, True, []
            case Frame() if self.answered:
                assert not self.starting, "a frame before the checkpoint is whole"
                assert (item.epoch, item.seq) == (self.epoch, self.next), "a gap, or a frame twice"
                assert item == written[item.epoch, item.seq], "another frame"
                self.next += 1
            case Part() if self.answered:
                assert self.starting, "a part in the middle of frames"
                assert item.part == len(self.parts), "a part left out, twice or out of order"
                assert all((one.id, one.seq, one.epoch) == (item.id, item.seq, item.epoch) for one in self.parts)
                self.parts.append(item)
                if len(self.parts) == item.parts:
                    self.starting, self.epoch, self.next = False, item.epoch, item.seq + 1
