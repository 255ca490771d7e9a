"""A model of a broadcaster: its log, its recorder's checkpoints, and how it answers what the server demands."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from pydantic import BaseModel

from cobrowse.fields import AdmittedViewer
from cobrowse.log import CHECKPOINT_EVERY_MS, Checkpoint, Log
from cobrowse.messages import Admit, Begun, Demand, FromBroadcaster, Remove, Requested, WelcomeBroadcaster
from cobrowse.privacy import SitePrivacy
from cobrowse.records import END, Frame, Part
from cobrowse.session import Session

NEVER: Final = 1e15
EARLIER: Final = 6  # frames; a broadcaster counts bytes


class Page:
    """It feeds the relay by the rules of `RelayFeed` in `client/src/broadcaster/feeds.ts`."""

    def __init__(self, window_bytes: int, parts: int) -> None:
        self.parts = parts
        self.log = Log(window_bytes=window_bytes)
        self.granted = 0  # the epoch the server has granted
        self.last = 0  # the highest it ever granted: kept across page loads
        self.connected = False
        self.paused = False
        self.admitted: dict[str, AdmittedViewer] = {}
        self.removed: set[str] = set()
        self.inbox: deque[BaseModel] = deque()
        self.outbox: deque[FromBroadcaster | Frame | Part] = deque()
        self.written: dict[tuple[int, int], Frame] = {}
        self.checkpoint_wanted = False
        self.checkpoints = 0
        self.sealed_at = -NEVER
        self.forget_demands()

    def forget_demands(self) -> None:
        self.epoch, self.next, self.part = -1, 0, 0
        self.following = self.wanted = self.feed_wants = False
        self.checkpoint: Checkpoint | None = None

    def record(self, now: float) -> None:
        if self.admitted and self.granted and self.log.epoch != self.granted:
            self.log.begin(self.granted)
            self.seal(now)

    def write(self, size: int, now: float) -> None:
        frame = Frame(self.log.epoch, self.log.next, END, bytes(size))
        self.written[frame.epoch, frame.seq] = frame
        self.log.append(frame, now)

    def seal(self, now: float) -> None:
        seq, id = self.log.next - 1, self.checkpoints
        for part in range(self.parts):
            assert self.log.add_part(Part(self.log.epoch, seq, id, part, self.parts, b"%d" % id), now)
        self.checkpoints += 1
        self.sealed_at = now
        self.checkpoint_wanted = False

    def cut(self, now: float) -> None:
        """Make the checkpoint that is wanted, in a task of its own."""
        if self.checkpoint_wanted and now - self.sealed_at >= CHECKPOINT_EVERY_MS:
            self.write(5, now)
            self.seal(now)

    def receive(self, message: BaseModel, now: float) -> None:
        match message:
            case WelcomeBroadcaster(epoch=epoch):
                self.forget_demands()
                self.granted = self.last = epoch
                self.record(now)
            case Begun(epoch=epoch):
                self.granted = self.last = epoch
                self.record(now)
            case Demand():
                self.demand(message)
            case Requested(viewer=id) if id in self.admitted:
                self.outbox.append(Admit(viewer=id, capabilities=self.admitted[id].capabilities))
            case Requested(viewer=id) if id in self.removed:
                self.outbox.append(Remove(viewer=id))

    def demand(self, demand: Demand) -> None:
        self.wanted = demand.frames
        if not demand.frames:
            self.following = self.feed_wants = False
            self.checkpoint = None
            return
        if demand.after is not None:
            self.following = demand.after.epoch == self.log.epoch and self.log.covers(demand.after.seq)
            self.next, self.epoch, self.checkpoint = demand.after.seq + 1, demand.after.epoch, None
            if self.following and demand.earlier:
                self.next = max(self.log.first, self.next - EARLIER)
        if demand.checkpoint and self.checkpoint is not None and not self.log.covers(self.checkpoint.seq):
            self.checkpoint = None  # too old to be of use when it is whole
        self.feed_wants = demand.checkpoint and self.checkpoint is None

    def pump(self, limit: int, now: float, turns: int = 10_000) -> None:
        """Hand over what is next, until there is nothing, or the transport takes no more."""
        while self.connected and turns > 0 and (items := self.take(limit, now)):
            self.outbox.extend(items)
            turns -= 1

    def take(self, limit: int, now: float) -> list[Frame | Part]:
        log = self.log
        items: list[Frame | Part] = []
        if not self.wanted or log.epoch == 0:
            return items
        if self.epoch != log.epoch or (self.following and self.next < log.first):
            self.epoch, self.following, self.checkpoint = log.epoch, False, None
        if self.checkpoint is None and (self.feed_wants or not self.following):
            self.attach(now)
        room = limit

        def add(item: Frame | Part) -> bool:
            nonlocal room
            if items and item.size > room:
                return False
            items.append(item)
            room -= item.size
            return True

        checkpoint = self.checkpoint
        if checkpoint is not None and not self.following:
            self.following, self.next = True, checkpoint.seq + 1
        if checkpoint is not None and self.part == 0 and self.next > checkpoint.seq and not self.add_part(add):
            return items
        while self.following and self.next < log.next and add(log.frame(self.next)):
            self.next += 1
        if checkpoint is not None and self.part > 0 and self.next >= log.next and self.checkpoint is checkpoint:
            self.add_part(add)
        return items

    def attach(self, now: float) -> None:
        usable = self.log.usable(now)
        if usable is None:
            self.checkpoint_wanted = True
        else:
            self.checkpoint, self.part, self.feed_wants = usable, 0, False

    def add_part(self, add: Any) -> bool:
        assert self.checkpoint is not None
        if not add(self.checkpoint.parts[self.part]):
            return False
        self.part += 1
        if self.part >= self.checkpoint.total:
            self.checkpoint = None
        return True


def welcome(session: Session) -> WelcomeBroadcaster:
    """What the driver answers to the broadcaster's hello."""
    return WelcomeBroadcaster(
        wire=1,
        session=session.id,
        token="",
        code="",
        link=True,
        epoch=session.relay.log.epoch,
        state=session.state,
        path="auto",
        consent="ask",
        capabilities=[],
        ice_servers=[],
        ice_policy="all",
        privacy=SitePrivacy(),
    )
