"""The wire's control messages, written once.

One class per message; its docstring says who sends it, and when. `client/src/protocol.gen.ts` is made from their
JSON Schema by `make protocol`. Imperative names ask, past tenses report. A viewer speaks
the same messages to the server (by relay) and to the broadcaster (direct). Text: `docs/protocol.md`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from .fields import (
    AdmittedViewer,
    Candidate,
    Capability,
    Description,
    EndReason,
    IcePolicy,
    IceServer,
    Id,
    Model,
    Name,
    Ordinal,
    PathPolicy,
    Position,
    Proof,
    Role,
    State,
    Text,
)
from .inputs import Acknowledged, Declined, InputMessage, Refused, ViewerInput
from .privacy import SitePrivacy

WIRE_VERSION: Final = 1
"""Between browser and server; the server speaks this and the one before."""
LOG_VERSION: Final = 1
"""Between broadcaster and viewer: what is inside of frames and checkpoints."""
MAX_NAMED: Final = 64
"""Viewers that one message names: with names as long as they may be, these are 47 KB."""


# Either side -------------------------------------------------------------------------------------------------


class Ping(Model):
    """Anybody asks the other end for a sign of life; `at` is the asker's own clock, in ms."""

    type: Literal["ping"] = "ping"
    at: float


class Pong(Model):
    """The answer to `ping`, at once, with its `at`."""

    type: Literal["pong"] = "pong"
    at: float


class Signal(Model):
    """WebRTC signaling between two admitted participants: a description, a candidate, or a refusal.

    Going up `peer` is whom it is for, coming down whom it is from; "" is the broadcaster, "server" the server
    itself, for a relay by WebRTC.
    """

    type: Literal["signal"] = "signal"
    peer: Annotated[str, Field(max_length=64)]
    description: Description | None = None
    candidate: Candidate | None = None
    declined: Text | None = None


class Closed(Model):
    """The last message by a transport that has no close code of its own (WebRTC): the code, and the reason."""

    type: Literal["closed"] = "closed"
    code: int
    reason: Text


class Ice(Model):
    """The server's ICE servers anew, before the credentials of the last ones expire."""

    type: Literal["ice"] = "ice"
    ice_servers: list[IceServer]


# Broadcaster to server ---------------------------------------------------------------------------------------


class HelloBroadcaster(Model):
    """The broadcaster's first message. `token` continues a session, without one a new session begins.

    `proof` is HKDF(secret, "auth"); `epoch` is the running epoch of a mere reconnect, or null for a new one,
    which then follows `last_epoch`. `path` is the page's wish where the site's policy is "auto". `viewers` are
    those it has let in: the server may not know them, and puts out whom it does not name. `more`: `known` names others.
    """

    type: Literal["hello"] = "hello"
    role: Literal["broadcaster"] = "broadcaster"
    wire: int
    log: int
    site: Id
    token: Annotated[str, Field(max_length=4_096)] | None = None
    proof: Proof
    epoch: Ordinal | None = None
    last_epoch: Ordinal = 0
    paused: bool = False
    path: PathPolicy = "auto"
    viewers: Annotated[list[AdmittedViewer], Field(max_length=MAX_NAMED)] = Field(default_factory=list)
    more: bool = False


class Known(Model):
    """After a `hello` with `more`, or another of these with it: others that the broadcaster has let in."""

    type: Literal["known"] = "known"
    viewers: Annotated[list[AdmittedViewer], Field(max_length=MAX_NAMED)]
    more: bool = False


class Begin(Model):
    """The broadcaster asks for the next epoch: the recorder starts again (unpause)."""

    type: Literal["begin"] = "begin"


class Pause(Model):
    """The broadcaster stops sharing for now; `begin` takes it up again."""

    type: Literal["pause"] = "pause"


class End(Model):
    """The broadcaster ends the session, or an agent does. `failed`: the broadcaster cannot share its page."""

    type: Literal["end"] = "end"
    failed: bool = False


class ExpectAway(Model):
    """The broadcaster will be away, and come back within `seconds`; viewers are shown `message` meanwhile."""

    type: Literal["expect_away"] = "expect_away"
    seconds: Annotated[float, Field(gt=0, le=3_600)]
    message: Text = ""


class Admit(Model):
    """The broadcaster lets a viewer in, or sets anew all that it may do."""

    type: Literal["admit"] = "admit"
    viewer: Id
    capabilities: list[Capability]


class Remove(Model):
    """The broadcaster refuses a viewer, or puts it out: then neither it nor its agent comes back to this session."""

    type: Literal["remove"] = "remove"
    viewer: Id
    reason: Text = ""


class Link(Model):
    """The broadcaster has made another link, of which this is the proof: the one before opens nothing more."""

    type: Literal["link"] = "link"
    proof: Proof


# Server to broadcaster ---------------------------------------------------------------------------------------


class WelcomeBroadcaster(Model):
    """The answer to the broadcaster's `hello`: what it is to be from now on.

    `link` false: the proof that it showed is that of a link that was ended, and it must make another one.
    """

    type: Literal["welcome"] = "welcome"
    wire: int
    session: Id
    token: str
    code: str
    link: bool
    epoch: Ordinal
    state: State
    path: PathPolicy
    consent: Literal["ask", "granted"]
    capabilities: list[Capability]
    ice_servers: list[IceServer]
    ice_policy: IcePolicy
    privacy: SitePrivacy


class Begun(Model):
    """The server grants an epoch; frames of lower ones are ignored from now on. Told to viewers too."""

    type: Literal["begun"] = "begun"
    epoch: Ordinal


class Demand(Model):
    """The server says what it needs, whenever that changes; each one replaces the one before.

    `frames`: whether frames are wanted at all; with `after`, from right after that position, else from where they
    were, or after the checkpoint. `checkpoint`: one is needed that can be joined from. Where the broadcaster cannot
    go on after the position, it sends a checkpoint too, and the server's log restarts there. `earlier`: the server's
    log begins at the position, and up to 32 KiB of frames before it are of use as well, for viewers that were there.
    """

    type: Literal["demand"] = "demand"
    frames: bool
    after: Position | None
    checkpoint: bool
    earlier: bool = False


class Requested(Model):
    """A viewer asks to be let in. The server vouches for its role, for an agent's name and `subject`, which is "" for a
    guest, and for `link`: whether it has shown the link's proof."""

    type: Literal["requested"] = "requested"
    viewer: Id
    name: Name
    role: Role
    subject: Name
    link: bool


class Left(Model):
    """A viewer is gone: its connection closed and it did not come back. `removed`: its login was revoked, so that it
    is not to be served directly either."""

    type: Literal["left"] = "left"
    viewer: Id
    removed: bool = False


# Viewer to server, or direct to the broadcaster --------------------------------------------------------------


class HelloViewer(Model):
    """A viewer's first message: the link's `proof`, an agent's `token`, or the token of an earlier `welcome`."""

    type: Literal["hello"] = "hello"
    role: Literal["viewer"] = "viewer"
    wire: int
    log: int
    session: Id
    name: Name = ""
    proof: Proof | None = None
    token: Annotated[str, Field(max_length=4_096)] | None = None


class Subscribe(Model):
    """A viewer wants the log on this path, after `position`, or from a checkpoint. A new `id` replaces the last."""

    type: Literal["subscribe"] = "subscribe"
    id: Ordinal
    position: Position | None


class Unsubscribe(Model):
    """A viewer wants no more of subscription `id` on this path."""

    type: Literal["unsubscribe"] = "unsubscribe"
    id: Ordinal


# To a viewer, from the server or direct from the broadcaster -------------------------------------------------


class WelcomeViewer(Model):
    """The answer to a viewer's `hello`. It may have to wait for `admitted`."""

    type: Literal["welcome"] = "welcome"
    wire: int
    session: Id
    viewer: Id
    token: str
    name: Name
    role: Role
    site: str
    state: State
    path: PathPolicy
    ice_servers: list[IceServer]
    ice_policy: IcePolicy


class Admitted(Model):
    """The broadcaster has let the viewer in; these are all of its capabilities from now on."""

    type: Literal["admitted"] = "admitted"
    capabilities: list[Capability]


class Updated(Model):
    """The session's state has changed; `message` is what the site says of it, or ""."""

    type: Literal["updated"] = "updated"
    state: State
    message: Text = ""


class Ended(Model):
    """The session is over; the connection closes after this."""

    type: Literal["ended"] = "ended"
    reason: EndReason


class Resumed(Model):
    """Subscription `id` goes on right after the position it named."""

    type: Literal["resumed"] = "resumed"
    id: Ordinal


class Reset(Model):
    """Subscription `id` starts over: a checkpoint comes, then the frames after it."""

    type: Literal["reset"] = "reset"
    id: Ordinal
    reason: Literal["join", "epoch", "window"]


FromBroadcaster = (
    HelloBroadcaster
    | Known
    | Begin
    | Pause
    | End
    | ExpectAway
    | Admit
    | Remove
    | Link
    | Acknowledged
    | Refused
    | Declined
    | Signal
    | Ping
    | Pong
)
ToBroadcaster = (
    WelcomeBroadcaster
    | Begun
    | Demand
    | Requested
    | Left
    | ViewerInput
    | Updated
    | Ended
    | Ice
    | Closed
    | Signal
    | Ping
    | Pong
)
FromViewer = HelloViewer | Subscribe | Unsubscribe | InputMessage | End | Signal | Ping | Pong
ToViewer = (
    WelcomeViewer
    | Admitted
    | Updated
    | Begun
    | Ended
    | Resumed
    | Reset
    | Acknowledged
    | Refused
    | Declined
    | Ice
    | Closed
    | Signal
    | Ping
    | Pong
)
Message = FromBroadcaster | ToBroadcaster | FromViewer | ToViewer
