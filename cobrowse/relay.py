"""The relay of a session: its log, who reads it, and what that needs of the broadcaster.

Pure: no I/O, no clock (`now` is passed in, in ms), no task. It is on demand: nobody here, no frame is asked for.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from .close_codes import CloseCode
from .codec import encode
from .fields import Position
from .log import Cursor, Log
from .messages import Demand, Reset, Resumed, Subscribe
from .outputs import BROADCASTER, Drop, Output, Send, Wake
from .records import Frame, Part

SLOW_RESETS: Final = 3
SLOW_WITHIN_MS: Final = 60_000
NEAR: Final = 256
"""Frames between two viewers who were by the same road until it was lost, at most."""


@dataclass
class Subscription:
    """A viewer's reading of the log by the relay; a new one replaces the last."""

    id: int
    cursor: Cursor
    served: bool = False  # whether it has got anything since it began, or began anew


class Relay:
    """Frames and checkpoints from the broadcaster, to the viewers that read by the relay."""

    def __init__(self) -> None:
        self.log = Log()
        self._subscriptions: dict[str, Subscription] = {}
        self._resets: dict[str, deque[float]] = {}
        self._placed = False  # whether the log stands at a position that the broadcaster was told
        self._demanded = Demand(frames=False, after=None, checkpoint=False)
        self._begun = False  # whether a checkpoint was here, or a part of one, when that was said

    @property
    def readers(self) -> tuple[str, ...]:
        """The viewers that read here."""
        return tuple(self._subscriptions)

    def place(self, epoch: int, seq: int | None = None) -> None:
        """Restart the log after `seq`; None: wherever the broadcaster's next checkpoint stands."""
        self.log.begin(epoch, 0 if seq is None else seq + 1)
        self._placed = seq is not None

    # Viewers -------------------------------------------------------------------------------------------------

    def subscribe(self, viewer: str, asked: Subscribe, now: float) -> list[Output]:
        """The viewer reads on from the position that it names, or from a checkpoint; it is told which."""
        log = self.log
        movable = self._movable(viewer, asked.position)
        cursor = Cursor(log)
        self._subscriptions[viewer] = Subscription(asked.id, cursor)
        position, moved = asked.position, False
        if position is not None and position.epoch == log.epoch:
            if movable and not (self._placed and log.covers(position.seq)):
                self.place(log.epoch, position.seq)
                moved = True
            answer: BaseModel = Resumed(id=asked.id)
            if not cursor.resume(position.epoch, position.seq):
                cursor.join()
                answer = Reset(id=asked.id, reason="window")
        else:
            cursor.join()
            answer = Reset(id=asked.id, reason="join" if position is None else "epoch")
        return [Send(viewer, answer), Wake(viewer), *self.demand(now, again=moved, earlier=moved)]

    def unsubscribe(self, viewer: str, now: float, subscription: int | None = None) -> list[Output]:
        """The viewer reads here no more; a `subscription` that has been replaced changes nothing."""
        held = self._subscriptions.get(viewer)
        if held is None or subscription not in (None, held.id):
            return []
        del self._subscriptions[viewer]
        return self.demand(now)

    def forget(self, viewer: str, now: float) -> list[Output]:
        """The viewer is gone for good."""
        self._resets.pop(viewer, None)
        return self.unsubscribe(viewer, now)

    def pull(self, viewer: str, limit: int, now: float) -> tuple[list[bytes], list[Output]]:
        """Encoded messages, and records joined, that the viewer gets next, about `limit` bytes."""
        subscription = self._subscriptions.get(viewer)
        if subscription is None:
            return [], []
        cursor = subscription.cursor
        encoded: list[bytes] = []
        outputs: list[Output] = []
        if cursor.lost:
            reason: Reset = Reset(id=subscription.id, reason="window" if cursor.epoch == self.log.epoch else "epoch")
            # Whose place was gone before anything came, or whose checkpoint was given up, was not slow.
            fell = subscription.served and reason.reason == "window" and cursor.next < self.log.first
            if fell and self._slow(viewer, now):
                return [], [Drop(viewer, CloseCode.SLOW, "too slow for this page; it fell behind again and again")]
            cursor.join()
            subscription.served = False
            encoded.append(encode(reason))
            outputs += self.demand(now)
        if data := cursor.read(limit, now):
            encoded.append(data)
            subscription.served = True
        return encoded, outputs

    # The broadcaster -----------------------------------------------------------------------------------------

    def frame(self, frame: Frame, now: float) -> list[Output]:
        """The broadcaster's next frame, for all that read here."""
        log = self.log
        if frame.epoch != log.epoch or not self._placed:
            return []
        if frame.seq < log.next == log.first and log.checkpoint is None:
            log.begin(log.epoch, frame.seq)  # the broadcaster has begun earlier, as it may
        if log.append(frame, now):
            return [Wake()]
        return self.demand(now, again=True) if frame.seq > log.next else []

    def part(self, part: Part, now: float) -> list[Output]:
        """A part of a checkpoint from the broadcaster."""
        restarts = part.epoch == self.log.epoch and not self.log.covers(part.seq)
        if not self.log.add_part(part, now):
            return []
        # The broadcaster goes on from where it was: it has to be told that the log stands elsewhere now.
        again = restarts and self._placed
        self._placed = True
        if restarts:
            self._refuse_what_never_was()
        return [Wake(), *self.demand(now, again=again)]

    def demand(self, now: float, again: bool = False, earlier: bool = False) -> list[Output]:
        """What is needed of the broadcaster, if that has changed (or `again`: say it anyway).

        `earlier`: the log was placed at a viewer's position, and others may have been a little behind that one.
        """
        cursors = [subscription.cursor for subscription in self._subscriptions.values()]
        before, frames = self._demanded, bool(cursors)
        seek = frames and self._placed and (again or not before.frames)
        if seek:
            # A broadcaster that is told where to go on from leaves off the checkpoint that it was sending.
            self.log.give_up()
        # One that has begun to come is asked for until it is whole: it may be of a sending that was left off. When what
        # has come of it has left the window, it is asked for anew.
        usable = self.log.usable(now)
        checkpoint = (usable is None or not usable.complete) and any(cursor.starting for cursor in cursors)
        again = again or (checkpoint and self._begun and usable is None)
        self._begun = usable is not None
        if not again and (frames, checkpoint) == (before.frames, before.checkpoint):
            return []
        after = Position(epoch=self.log.epoch, seq=self.log.next - 1) if seek else None
        self._demanded = Demand(frames=frames, after=after, checkpoint=checkpoint, earlier=earlier)
        return [Send(BROADCASTER, self._demanded)]

    def tick(self, now: float) -> list[Output]:
        """Call about once a second: what has left the window."""
        self.log.trim(now)
        return self.demand(now)

    def _movable(self, viewer: str, position: Position | None) -> bool:
        """Whether the log may be placed at a viewer's position, and nobody else is the worse for it."""
        if not any(id != viewer for id in self._subscriptions):
            return True
        log = self.log
        # Nothing has come since it was placed: others wait for what is ahead, and get it all the same.
        empty = log.first == log.next and log.checkpoint is None
        return empty and position is not None and log.first - NEAR <= position.seq < log.first

    def _refuse_what_never_was(self) -> None:
        """The broadcaster could not go on from where the log stood: a place ahead of it was never written."""
        for subscription in self._subscriptions.values():
            if subscription.cursor.next > self.log.next:
                subscription.cursor.lose()

    def _slow(self, viewer: str, now: float) -> bool:
        resets = self._resets.setdefault(viewer, deque())
        resets.append(now)
        while resets[0] < now - SLOW_WITHIN_MS:
            resets.popleft()
        return len(resets) >= SLOW_RESETS
