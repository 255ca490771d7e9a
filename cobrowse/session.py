"""A session on the server: who takes part, what the relay needs, and what each may have.

Pure: no I/O, no clock (`now` is passed in, in ms), no task. Every input returns outputs, frozen values that
`hub.py` carries out. The server believes no claim: roles come in from verified tokens, admission and capabilities
from the broadcaster alone, and frames are opaque bytes at a position.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel

from .log import Cursor, Log
from .messages import (
    Acknowledged,
    Admit,
    Admitted,
    AdmittedViewer,
    Begin,
    Begun,
    Capability,
    CloseCode,
    Demand,
    End,
    Ended,
    EndReason,
    FromBroadcaster,
    FromViewer,
    InputMessage,
    Left,
    Pause,
    Position,
    Refused,
    Remove,
    Requested,
    Reset,
    Resumed,
    Role,
    Signal,
    State,
    Subscribe,
    Unsubscribe,
    Updated,
    ViewerInput,
    encode,
)
from .records import Frame, Part, Volatile, packed

BROADCASTER: Final = ""
"""The broadcaster's participant id; viewers have random ones."""

MAX_VIEWERS: Final = 1_000
LEFT_AFTER_MS: Final = 10_000
SLOW_RESETS: Final = 3
SLOW_WITHIN_MS: Final = 60_000
VOLATILE_NEEDS: Final[dict[str, Capability]] = {"pointer": "pointer", "typing": "chat", "probe": "view"}
"""The volatile kinds that a viewer may send, and the capability that each needs."""

LEGAL: Final[dict[State, frozenset[State]]] = {
    "pending": frozenset({"active", "paused", "away", "ended"}),
    "active": frozenset({"paused", "away", "ended"}),
    "paused": frozenset({"active", "away", "ended"}),
    "away": frozenset({"pending", "active", "paused", "ended"}),
    "ended": frozenset(),
}


@dataclass(frozen=True)
class Limits:
    """How long a session may stay in a state, in ms."""

    pending_ms: float = 20 * 60_000
    idle_ms: float = 30 * 60_000
    active_ms: float = 8 * 3_600_000
    away_ms: float = 60_000


@dataclass(frozen=True)
class Send:
    """Send a control message to a participant, if it is connected."""

    to: str
    message: BaseModel


@dataclass(frozen=True)
class Forward:
    """Send a volatile record to a participant; it may be dropped, and a later one of the same `key` replaces it."""

    to: str
    key: tuple[str, str]
    record: bytes


@dataclass(frozen=True)
class Wake:
    """There may be something to `pull` for these viewers."""

    viewers: tuple[str, ...]


@dataclass(frozen=True)
class Drop:
    """Close a participant's connection."""

    to: str
    code: CloseCode
    reason: str


Output = Send | Forward | Wake | Drop


@dataclass
class Subscription:
    """A viewer's reading of the log by the relay; a new one replaces the last."""

    id: int
    cursor: Cursor


@dataclass
class Viewer:
    """Somebody who watches, or asks to."""

    id: str
    name: str
    role: Role
    link: bool = False
    connected: bool = True
    admitted: bool = False
    capabilities: frozenset[Capability] = frozenset()
    gone_at: float = 0
    asked: Subscribe | None = None
    subscription: Subscription | None = None
    resets: deque[float] = field(default_factory=deque)


class Session:
    """One live broadcast of one visitor."""

    def __init__(self, id: str, proof_hash: bytes, now: float, limits: Limits | None = None) -> None:
        self.id = id
        self.proof_hash = proof_hash
        self.limits = limits or Limits()
        self.log = Log()
        self.viewers: dict[str, Viewer] = {}
        self.state: State = "pending"
        self.ended_reason: EndReason | None = None
        self.present = False
        self._placed = False  # whether the log stands at a position that the broadcaster was told
        self._demanded = Demand(frames=False, after=None, checkpoint=False)
        self._resting: State = "pending"  # the state to come back to from away
        self._created = now
        self._since = now  # when the state was entered
        self._watched = now  # when a viewer was last connected

    # The broadcaster comes and goes --------------------------------------------------------------------------

    def arrive(
        self, epoch: int | None, last_epoch: int, paused: bool, admitted: Iterable[AdmittedViewer], now: float
    ) -> list[Output]:
        """The broadcaster is connected: anew (`epoch` None: it gets the next one), or again, in a running epoch.

        `admitted` are the viewers that it has let in; those the server does not know are expected back.
        """
        self.present = True
        outputs: list[Output] = []
        if epoch is None or epoch < self.log.epoch or epoch == 0:
            outputs += self._begin(max(self.log.epoch, last_epoch) + 1)
        elif epoch > self.log.epoch:
            self._place(epoch, None)
        for known in admitted:
            if len(self.viewers) < MAX_VIEWERS and known.id not in self.viewers:
                self.viewers[known.id] = Viewer(known.id, known.name, known.role, connected=False, gone_at=now)
            viewer = self.viewers.get(known.id)
            if viewer is not None:
                outputs += self._admit(viewer, known.capabilities, now)
        outputs += self._put_out({known.id for known in admitted})
        if paused:
            outputs += self._enter("paused", now)
        elif self.state in ("active", "paused") or self._resting != "pending" or self._anybody_admitted:
            outputs += self._enter("active", now)
        else:
            outputs += self._enter("pending", now)
        # Those it has let in are named too: a page that has just loaded does not know who is here.
        outputs += [self._request(viewer) for viewer in self.viewers.values() if viewer.connected]
        return outputs + self._demand(now, again=True)

    def depart(self, now: float) -> list[Output]:
        """The broadcaster's connection is gone."""
        if not self.present or self.state == "ended":
            return []
        self.present = False
        self.log.give_up()
        return self._enter("away", now)

    # Viewers come and go -------------------------------------------------------------------------------------

    def join(self, id: str, name: str, role: Role, link: bool, now: float) -> list[Output]:
        """A viewer is connected, with a role that was verified; `id` is an earlier one's if it comes back.

        `link`: it has shown the link's proof.

        Raises OverflowError when the session is full.
        """
        viewer = self.viewers.get(id)
        if viewer is None:
            if len(self.viewers) >= MAX_VIEWERS:
                raise OverflowError(f"the session has {MAX_VIEWERS} viewers, which is the most")
            viewer = self.viewers[id] = Viewer(id, name, role)
        viewer.connected, viewer.name, viewer.role = True, name, role
        viewer.link = viewer.link or link
        viewer.subscription = viewer.asked = None
        self._watched = now
        if viewer.admitted:
            return [Send(id, Admitted(capabilities=sorted(viewer.capabilities))), self._request(viewer)]
        return [self._request(viewer)] if self.present else []

    def leave(self, id: str, now: float) -> list[Output]:
        """A viewer's connection is gone; it may come back for a while if it was let in."""
        viewer = self.viewers.get(id)
        if viewer is None:
            return []
        viewer.connected, viewer.gone_at = False, now
        viewer.subscription = viewer.asked = None
        outputs: list[Output] = []
        if not viewer.admitted:
            del self.viewers[id]
            outputs.append(Send(BROADCASTER, Left(viewer=id)))
        return outputs + self._demand(now)

    # Messages ------------------------------------------------------------------------------------------------

    def from_broadcaster(self, message: FromBroadcaster, now: float) -> list[Output]:
        """Carry out what the broadcaster says. Raises PermissionError for what it may not say now."""
        match message:
            case Begin():
                outputs = self._begin(self.log.epoch + 1) + self._enter("active", now)
                return outputs + self._demand(now, again=True)
            case Pause():
                return self._enter("paused", now)
            case End():
                return self.end("broadcaster", now)
            case Admit(viewer=id, capabilities=capabilities):
                viewer = self.viewers.get(id)
                if viewer is None:
                    return []
                entered = self._enter("active", now) if self.state == "pending" else []
                return self._admit(viewer, capabilities, now) + entered + self._demand(now)
            case Remove(viewer=id, reason=reason):
                viewer = self.viewers.pop(id, None)
                if viewer is None:
                    return []
                code = CloseCode.REMOVED if viewer.admitted else CloseCode.REFUSED
                return [Drop(id, code, reason or "the visitor did not let you in"), *self._demand(now)]
            case Acknowledged(viewer=id) | Refused(viewer=id):
                return [Send(id, message.model_copy(update={"viewer": ""}))] if id in self.viewers else []
            case Signal(peer=id):
                viewer = self.viewers.get(id)
                if viewer is None or not viewer.admitted:
                    return []
                return [Send(id, message.model_copy(update={"peer": BROADCASTER}))]
        raise PermissionError(f"a broadcaster may not send {message.type!r} now")

    def from_viewer(self, id: str, message: FromViewer, now: float) -> list[Output]:
        """Carry out what a viewer says. Raises PermissionError for what it may not say."""
        viewer = self.viewers[id]
        match message:
            case Subscribe():
                viewer.asked = message
                return self._subscribe(viewer, now) if viewer.admitted else []
            case Unsubscribe(id=subscription):
                viewer.asked = None
                if viewer.subscription is None or viewer.subscription.id != subscription:
                    return []
                viewer.subscription = None
                return self._demand(now)
            case InputMessage(n=n, base=base, input=input):
                if input.kind not in viewer.capabilities:
                    reason = f"the visitor has not allowed {input.kind!r}"
                    return [Send(id, Refused(viewer="", n=n, reason=reason))]
                return [Send(BROADCASTER, ViewerInput(viewer=id, n=n, base=base, input=input))]
            case Signal():
                if not viewer.admitted:
                    raise PermissionError("signaling is for viewers that were let in")
                return [Send(BROADCASTER, message.model_copy(update={"peer": id}))]
            case End():
                if viewer.role != "agent" or not viewer.admitted:
                    raise PermissionError("only an agent that was let in may end the session")
                return self.end("agent", now)
        raise PermissionError(f"a viewer may not send {message.type!r} now")

    # Records -------------------------------------------------------------------------------------------------

    def frame(self, frame: Frame, now: float) -> list[Output]:
        """The broadcaster's next frame, for all that read by the relay."""
        log = self.log
        if frame.epoch != log.epoch or not self._placed:
            return []
        if log.append(frame, now):
            return [self._wake()]
        return self._demand(now, again=True) if frame.seq > log.next else []

    def part(self, part: Part, now: float) -> list[Output]:
        """A part of a checkpoint from the broadcaster."""
        restarts = part.epoch == self.log.epoch and not self.log.covers(part.seq)
        if not self.log.add_part(part, now):
            return []
        # The broadcaster goes on from where it was: it has to be told that the log stands elsewhere now.
        again = restarts and self._placed
        self._placed = True
        return [self._wake(), *self._demand(now, again=again)]

    def volatile(self, sender: str, record: Volatile) -> list[Output]:
        """Pass a volatile record on, stamped with its sender; what the sender may not send is dropped."""
        kind, party, rest = record[2], record[1], record[2:]
        stamped = packed([record[0], sender, *rest])
        key = (sender, kind)
        if sender != BROADCASTER:
            viewer = self.viewers.get(sender)
            needs = VOLATILE_NEEDS.get(kind)
            allowed = viewer is not None and viewer.admitted and needs in viewer.capabilities
            return [Forward(BROADCASTER, key, stamped)] if allowed else []
        if party != "":
            viewer = self.viewers.get(party)
            return [Forward(party, key, stamped)] if viewer is not None and viewer.admitted else []
        return [Forward(id, key, stamped) for id in self._relayed()]

    def pull(self, id: str, limit: int, now: float) -> tuple[list[bytes], list[Output]]:
        """Encoded messages and records that the viewer gets next by the relay, about `limit` bytes."""
        viewer = self.viewers.get(id)
        if viewer is None or viewer.subscription is None:
            return [], []
        subscription, cursor = viewer.subscription, viewer.subscription.cursor
        encoded: list[bytes] = []
        outputs: list[Output] = []
        if cursor.lost:
            reason: Reset = Reset(id=subscription.id, reason="window" if cursor.epoch == self.log.epoch else "epoch")
            if reason.reason == "window" and self._slow(viewer, now):
                return [], [Drop(id, CloseCode.SLOW, "too slow for this page; it fell behind again and again")]
            cursor.join()
            encoded.append(encode(reason))
            outputs += self._demand(now)
        encoded += [item.record for item in cursor.take(limit, now)]
        return encoded, outputs

    # Time and the end ----------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Output]:
        """Call about once a second: windows, viewers that did not come back, timeouts."""
        self.log.trim(now)
        outputs: list[Output] = []
        for viewer in list(self.viewers.values()):
            if viewer.connected:
                self._watched = now
            elif viewer.gone_at and now - viewer.gone_at >= LEFT_AFTER_MS:
                viewer.gone_at = 0
                outputs.append(Send(BROADCASTER, Left(viewer=viewer.id)))
        reason = self._overdue(now)
        if reason is not None:
            return outputs + self.end(reason, now)
        return outputs + self._demand(now)

    def end(self, reason: EndReason, now: float) -> list[Output]:
        """End the session: everybody is told, and every connection closed."""
        if self.state == "ended":
            return []
        self._enter("ended", now)
        self.ended_reason = reason
        everybody = [BROADCASTER, *self.viewers]
        told: list[Output] = [Send(id, Ended(reason=reason)) for id in everybody]
        return told + [Drop(id, CloseCode.ENDED, f"the session is over: {reason}") for id in everybody]

    # Inside --------------------------------------------------------------------------------------------------

    def _enter(self, state: State, now: float) -> list[Output]:
        if state == self.state:
            return []
        if state not in LEGAL[self.state]:
            raise PermissionError(f"a session cannot go from {self.state!r} to {state!r}")
        if self.state != "away" and state == "away":
            self._resting = self.state
        self.state, self._since = state, now
        return [Send(id, Updated(state=state)) for id in [BROADCASTER, *self.viewers]]

    def _begin(self, epoch: int) -> list[Output]:
        self._place(epoch, None)
        begun = Begun(epoch=epoch)
        return [Send(BROADCASTER, begun), *(Send(id, begun) for id in self.viewers), self._wake()]

    def _place(self, epoch: int, seq: int | None) -> None:
        """Restart the log after `seq`; None: wherever the broadcaster's next checkpoint stands."""
        self.log.begin(epoch, 0 if seq is None else seq + 1)
        self._placed = seq is not None

    def _admit(self, viewer: Viewer, capabilities: Iterable[Capability], now: float) -> list[Output]:
        granted: frozenset[Capability] = frozenset(["view", *capabilities])
        if viewer.admitted and viewer.capabilities == granted:
            return []
        newly = not viewer.admitted
        viewer.admitted, viewer.capabilities = True, granted
        outputs: list[Output] = [Send(viewer.id, Admitted(capabilities=sorted(granted)))]
        if newly and viewer.connected and viewer.asked is not None:
            outputs += self._subscribe(viewer, now)
        return outputs

    def _subscribe(self, viewer: Viewer, now: float) -> list[Output]:
        asked, log = viewer.asked, self.log
        assert asked is not None
        viewer.asked = None
        others = self._relayed(but=viewer.id)
        cursor = Cursor(log)
        viewer.subscription = Subscription(asked.id, cursor)
        position, again = asked.position, False
        if position is not None and position.epoch == log.epoch:
            seq = position.seq
            here = self._placed and log.covers(seq)
            ahead = self._placed and bool(others) and seq >= log.next
            if not here and not ahead and not others:
                self._place(log.epoch, seq)
                again = True
            answer: BaseModel = Resumed(id=asked.id)
            if not cursor.resume(position.epoch, seq):
                cursor.join()
                answer = Reset(id=asked.id, reason="window")
        else:
            cursor.join()
            answer = Reset(id=asked.id, reason="join" if position is None else "epoch")
        return [Send(viewer.id, answer), Wake((viewer.id,)), *self._demand(now, again=again)]

    def _demand(self, now: float, again: bool = False) -> list[Output]:
        """What the relay needs of the broadcaster, if that has changed (or `again`: say it anyway)."""
        cursors = [viewer.subscription.cursor for viewer in self.viewers.values() if viewer.subscription]
        before, frames = self._demanded, bool(cursors)
        seek = frames and self._placed and (again or not before.frames)
        if seek:
            # A broadcaster that is told where to go on from leaves off the checkpoint that it was sending.
            self.log.give_up()
        starting = any(cursor.waiting or cursor.lost for cursor in cursors)
        checkpoint = starting and self.log.usable(now) is None
        if not again and (frames, checkpoint) == (before.frames, before.checkpoint):
            return []
        after = Position(epoch=self.log.epoch, seq=self.log.next - 1) if seek else None
        self._demanded = Demand(frames=frames, after=after, checkpoint=checkpoint)
        return [Send(BROADCASTER, self._demanded)] if self.present else []

    @property
    def _anybody_admitted(self) -> bool:
        return any(viewer.admitted for viewer in self.viewers.values())

    def _put_out(self, admitted: set[str]) -> list[Output]:
        """Viewers that the broadcaster has put out while it was not connected."""
        out = [viewer.id for viewer in self.viewers.values() if viewer.admitted and viewer.id not in admitted]
        for id in out:
            del self.viewers[id]
        return [Drop(id, CloseCode.REMOVED, "the visitor has ended your access") for id in out]

    def _relayed(self, but: str | None = None) -> tuple[str, ...]:
        return tuple(id for id, viewer in self.viewers.items() if viewer.subscription and id != but)

    def _wake(self) -> Wake:
        return Wake(self._relayed())

    def _request(self, viewer: Viewer) -> Send:
        return Send(BROADCASTER, Requested(viewer=viewer.id, name=viewer.name, role=viewer.role, link=viewer.link))

    def _slow(self, viewer: Viewer, now: float) -> bool:
        viewer.resets.append(now)
        while viewer.resets[0] < now - SLOW_WITHIN_MS:
            viewer.resets.popleft()
        return len(viewer.resets) >= SLOW_RESETS

    def _overdue(self, now: float) -> EndReason | None:
        limits, age = self.limits, now - self._since
        if now - self._created >= limits.active_ms:
            return "active_timeout"
        if self.state == "pending" and age >= limits.pending_ms:
            return "pending_timeout"
        if self.state == "away" and age >= limits.away_ms:
            return "away_timeout"
        if self.state in ("active", "paused") and now - self._watched >= limits.idle_ms:
            return "idle_timeout"
        return None
