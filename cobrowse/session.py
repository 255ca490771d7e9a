"""A session on the server: who takes part, what the relay needs, and what each may have.

Pure: no I/O, no clock (`now` is passed in, in ms), no task. Every input returns outputs, frozen values that
`hub.py` carries out. The server believes no claim: roles come in from verified tokens, admission and capabilities
from the broadcaster alone, and frames are opaque bytes at a position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from .access import Access
from .close_codes import CloseCode
from .fields import CAPABILITIES, AdmittedViewer, Capability, EndReason, PathPolicy, Role, State
from .inputs import Acknowledged, Declined, InputMessage, Refused, ViewerInput
from .messages import (
    Admit,
    Admitted,
    Begin,
    Begun,
    End,
    Ended,
    ExpectAway,
    FromBroadcaster,
    FromViewer,
    Known,
    Left,
    Link,
    Pause,
    Remove,
    Requested,
    Signal,
    Subscribe,
    Unsubscribe,
    Updated,
)
from .outputs import BROADCASTER, Drop, Forward, Output, Send, Wake
from .pace import A_SECOND, AT_ONCE
from .records import Frame, Part, Volatile, packed
from .relay import Relay
from .revocations import Login
from .viewer import Viewer

MAX_VIEWERS: Final = 1_000
LEFT_AFTER_MS: Final = 8_000

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


class Session:
    """One live broadcast of one visitor."""

    def __init__(
        self,
        id: str,
        proof: bytes,
        now: float,
        limits: Limits | None = None,
        path: PathPolicy = "auto",
        allowed: Iterable[Capability] = CAPABILITIES,
    ) -> None:
        self.id = id
        self.access = Access(proof)
        self.allowed = frozenset(allowed)
        self.limits = limits or Limits()
        self.path = path
        self.relay = Relay()
        self.viewers: dict[str, Viewer] = {}
        self.state: State = "pending"
        self.ended_reason: EndReason | None = None
        self.present = False
        self._resting: State = "pending"  # the state to come back to from away
        self._created = now
        self._since = now  # when the state was entered
        self._watched = now  # when a viewer was last connected
        self._expected: tuple[float, str] | None = None  # until when it is known to be away, and why
        self._named: set[str] | None = None  # viewers that the broadcaster has named, while it names more

    def arrive(
        self,
        epoch: int | None,
        last_epoch: int,
        paused: bool,
        admitted: Iterable[AdmittedViewer],
        now: float,
        more: bool = False,
    ) -> list[Output]:
        """The broadcaster is connected: anew (`epoch` None: it gets the next one), or again, in a running epoch.

        `admitted` are the viewers that it has let in; those the server does not know are expected back. `more`: it is
        about to name others.
        """
        self.present, self._expected = True, None
        outputs: list[Output] = []
        if epoch is None or epoch < self.epoch or epoch == 0:
            outputs += self._begin(max(self.epoch, last_epoch) + 1)
        elif epoch > self.epoch:
            self.relay.place(epoch)
        self._named = set()
        outputs += self._know(admitted, more, now)
        if paused:
            outputs += self._enter("paused", now)
        elif self.state in ("active", "paused") or self._resting != "pending" or self._anybody_admitted:
            outputs += self._enter("active", now)
        else:
            outputs += self._enter("pending", now)
        # Those it has let in are named too: a page that has just loaded does not know who is here.
        outputs += [self._request(viewer) for viewer in self.viewers.values() if viewer.connected]
        return outputs + self.relay.demand(now, again=True)

    def depart(self, now: float) -> list[Output]:
        """The broadcaster's connection is gone."""
        if not self.present or self.state == "ended":
            return []
        self.present = False
        self.relay.log.give_up()
        return self._enter("away", now)

    def join(
        self, id: str, name: str, role: Role, link: bool, now: float, subject: str = "", login: Login | None = None
    ) -> list[Output]:
        """A viewer is connected, with a role that was verified; `id` is an earlier one's if it comes back.

        `link`: it has shown the link's proof; `subject`: which agent it is; `login`: what that one has come by.

        Raises OverflowError when the session is full.
        """
        outputs: list[Output] = []
        viewer = self.viewers.get(id)
        if viewer is None:
            outputs += self._make_room(now)
            viewer = self.viewers[id] = Viewer(id, name, role)
        viewer.connected, viewer.name, viewer.role, viewer.subject = True, name, role, subject
        viewer.link, viewer.login = viewer.link or link, login
        viewer.asked = None
        self._watched = now
        outputs += self.relay.unsubscribe(id, now)
        if self.state == "away" and self._expected:
            outputs.append(Send(id, self._updated()))
        if viewer.admitted:
            outputs.append(Send(id, Admitted(capabilities=sorted(viewer.capabilities))))
        if viewer.admitted or self.present:
            outputs.append(self._request(viewer))
        return outputs

    def leave(self, id: str, now: float, heard: float | None = None) -> list[Output]:
        """A viewer's connection is gone; it may come back for a while if it was let in.

        `heard`: when there was the last sign of life of it, from when on it counts as gone.
        """
        viewer = self.viewers.get(id)
        if viewer is None:
            return []
        viewer.connected, viewer.gone_at = False, now if heard is None else heard
        viewer.asked = None
        if viewer.admitted:
            return self.relay.unsubscribe(id, now)
        del self.viewers[id]
        return [Send(BROADCASTER, Left(viewer=id)), *self.relay.forget(id, now)]

    def relink(self, proof: bytes) -> None:
        """There is another link, with this proof. Who has shown the one before has shown nothing."""
        if self.access.relink(proof):
            for viewer in self.viewers.values():
                viewer.link = False

    def revoke(self, revoked: Callable[[Login], bool], now: float) -> list[Output]:
        """Put out the agents whose logins are `revoked`, on direct paths too."""
        out = [viewer.id for viewer in self.viewers.values() if viewer.login and revoked(viewer.login)]
        outputs: list[Output] = []
        for id in out:
            del self.viewers[id]
            self.access.remove(id, "")
            outputs += [
                Drop(id, CloseCode.UNAUTHORIZED, "this login was revoked; ask for a new one"),
                Send(BROADCASTER, Left(viewer=id, removed=True)),
                *self.relay.forget(id, now),
            ]
        return outputs

    def from_broadcaster(self, message: FromBroadcaster, now: float) -> list[Output]:
        """Carry out what the broadcaster says. Raises PermissionError for what it may not say now."""
        match message:
            case Known(viewers=admitted, more=more) if self._named is not None:
                return self._know(admitted, more, now)
            case Begin():
                outputs = self._begin(self.epoch + 1) + self._enter("active", now)
                return outputs + self.relay.demand(now, again=True)
            case Pause():
                return self._enter("paused", now)
            case End(failed=failed):
                return self.end("failed" if failed else "broadcaster", now)
            case ExpectAway(seconds=seconds, message=text):
                self._expected = (now + seconds * 1_000, text)
                return []
            case Admit(viewer=id, capabilities=capabilities):
                viewer = self.viewers.get(id)
                if viewer is None:
                    return []
                entered = self._enter("active", now) if self.state == "pending" else []
                return self._admit(viewer, capabilities, now) + entered + self.relay.demand(now)
            case Remove(viewer=id, reason=reason):
                viewer = self.viewers.pop(id, None)
                if viewer is None:
                    return []
                code = CloseCode.REMOVED if viewer.admitted else CloseCode.REFUSED
                if viewer.admitted:
                    self.access.remove(id, viewer.subject)
                return [Drop(id, code, reason or "the visitor did not let you in"), *self.relay.forget(id, now)]
            case Link(proof=proof):
                self.relink(proof)
                return []
            case Acknowledged(viewer=id) | Refused(viewer=id) | Declined(viewer=id):
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
        if not viewer.pace.allows(now):
            if not isinstance(message, InputMessage):
                raise PermissionError(f"too many messages: {A_SECOND} a second are allowed, and {AT_ONCE} at once")
            return [Send(id, Refused(viewer="", n=message.n, reason="too many at once; wait a moment"))]
        match message:
            case Subscribe():
                if self.path == "direct":
                    return []  # said before the viewer could know
                if viewer.admitted:
                    return self.relay.subscribe(id, message, now)
                viewer.asked = message
                return []
            case Unsubscribe(id=subscription):
                viewer.asked = None
                return self.relay.unsubscribe(id, now, subscription)
            case InputMessage(n=n, base=base, input=input):
                if not viewer.may_input(input.kind):
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

    @property
    def epoch(self) -> int:
        """The running epoch; 0 before the first."""
        return self.relay.log.epoch

    def frame(self, frame: Frame, now: float) -> list[Output]:
        """The broadcaster's next frame. Raises PermissionError where none may come by the relay."""
        self._may_relay()
        return self.relay.frame(frame, now)

    def part(self, part: Part, now: float) -> list[Output]:
        """A part of a checkpoint from the broadcaster. Raises PermissionError where none may come by the relay."""
        self._may_relay()
        return self.relay.part(part, now)

    def volatile(self, sender: str, record: Volatile) -> list[Output]:
        """Pass a volatile record on, stamped with its sender; what the sender may not send is dropped."""
        kind, party, rest = record[2], record[1], record[2:]
        stamped = packed([record[0], sender, *rest])
        key = (sender, kind)
        if sender != BROADCASTER:
            viewer = self.viewers.get(sender)
            allowed = viewer is not None and viewer.may_send(kind)
            return [Forward(BROADCASTER, key, stamped)] if allowed else []
        if party != "":
            viewer = self.viewers.get(party)
            return [Forward(party, key, stamped)] if viewer is not None and viewer.admitted else []
        return [Forward(id, key, stamped) for id in self.relay.readers]

    def tick(self, now: float) -> list[Output]:
        """Call about once a second: windows, viewers that did not come back, timeouts."""
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
        return outputs + self.relay.tick(now)

    def end(self, reason: EndReason, now: float) -> list[Output]:
        """End the session: everybody is told, and every connection closed."""
        if self.state == "ended":
            return []
        self._enter("ended", now)
        self.ended_reason = reason
        everybody = [BROADCASTER, *self.viewers]
        told: list[Output] = [Send(id, Ended(reason=reason)) for id in everybody]
        return told + [Drop(id, CloseCode.ENDED, f"the session is over: {reason}") for id in everybody]

    def _enter(self, state: State, now: float) -> list[Output]:
        if state == self.state:
            return []
        if state not in LEGAL[self.state]:
            raise PermissionError(f"a session cannot go from {self.state!r} to {state!r}")
        if self.state != "away" and state == "away":
            self._resting = self.state
        self.state, self._since = state, now
        return [Send(id, self._updated()) for id in [BROADCASTER, *self.viewers]]

    def _updated(self) -> Updated:
        expected = self._expected if self.state == "away" else None
        return Updated(state=self.state, message=expected[1] if expected else "")

    def _begin(self, epoch: int) -> list[Output]:
        self.relay.place(epoch)
        begun = Begun(epoch=epoch)
        return [Send(BROADCASTER, begun), *(Send(id, begun) for id in self.viewers), Wake()]

    def _may_relay(self) -> None:
        if self.path == "direct":
            raise PermissionError("this session is direct: nothing of its page goes by the relay")

    def _admit(self, viewer: Viewer, capabilities: Iterable[Capability], now: float) -> list[Output]:
        granted = frozenset[Capability](["view"]) | (self.allowed & frozenset(capabilities))
        if viewer.admitted and viewer.capabilities == granted:
            return []
        newly = not viewer.admitted
        viewer.admitted, viewer.capabilities = True, granted
        outputs: list[Output] = [Send(viewer.id, Admitted(capabilities=sorted(granted)))]
        asked, viewer.asked = viewer.asked, None
        if newly and viewer.connected and asked is not None:
            outputs += self.relay.subscribe(viewer.id, asked, now)
        return outputs

    @property
    def _anybody_admitted(self) -> bool:
        return any(viewer.admitted for viewer in self.viewers.values())

    def _know(self, admitted: Iterable[AdmittedViewer], more: bool, now: float) -> list[Output]:
        """The broadcaster names viewers that it has let in. When it has named all, the others are put out."""
        outputs: list[Output] = []
        named = self._named or set()
        for known in admitted:
            if self.access.is_removed(known.id, known.subject):
                # The page is behind: it was put out by another one of the session, or its login was revoked.
                outputs.append(Send(BROADCASTER, Left(viewer=known.id, removed=True)))
                continue
            named.add(known.id)
            if len(self.viewers) < MAX_VIEWERS and known.id not in self.viewers:
                self.viewers[known.id] = Viewer(
                    known.id, known.name, known.role, known.subject, connected=False, gone_at=now
                )
            viewer = self.viewers.get(known.id)
            if viewer is not None:
                if not viewer.connected and not viewer.gone_at:
                    viewer.gone_at = now  # that it has left may have been said to a connection that was lost
                outputs += self._admit(viewer, known.capabilities, now)
        self._named = named if more else None
        return outputs if more else outputs + self._put_out(named, now)

    def _make_room(self, now: float) -> list[Output]:
        """Let go of the place of one that has left, if there is none for another. Raises OverflowError."""
        if len(self.viewers) < MAX_VIEWERS:
            return []
        gone = next((viewer for viewer in self.viewers.values() if not viewer.connected), None)
        if gone is None:
            raise OverflowError(f"the session has {MAX_VIEWERS} viewers, which is the most")
        del self.viewers[gone.id]
        return [Send(BROADCASTER, Left(viewer=gone.id)), *self.relay.forget(gone.id, now)]

    def _put_out(self, admitted: set[str], now: float) -> list[Output]:
        """Viewers that the broadcaster has put out while it was not connected."""
        out = [viewer.id for viewer in self.viewers.values() if viewer.admitted and viewer.id not in admitted]
        outputs: list[Output] = []
        for id in out:
            self.access.remove(id, self.viewers.pop(id).subject)
            outputs += [Drop(id, CloseCode.REMOVED, "the visitor has ended your access"), *self.relay.forget(id, now)]
        return outputs

    def _request(self, viewer: Viewer) -> Send:
        id, name, role, subject, link = viewer.id, viewer.name, viewer.role, viewer.subject, viewer.link
        return Send(BROADCASTER, Requested(viewer=id, name=name, role=role, subject=subject, link=link))

    def _overdue(self, now: float) -> EndReason | None:
        limits, age = self.limits, now - self._since
        if now - self._created >= limits.active_ms:
            return "active_timeout"
        if self.state == "pending" and age >= limits.pending_ms:
            return "pending_timeout"
        known_until = self._expected[0] if self._expected else 0
        if self.state == "away" and age >= limits.away_ms and now >= known_until:
            return "away_timeout"
        if self.state in ("active", "paused") and now - self._watched >= limits.idle_ms:
            return "idle_timeout"
        return None
