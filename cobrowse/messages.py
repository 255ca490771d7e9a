"""The wire's control messages and close codes, written once.

One class per message; its docstring says who sends it, and when. `client/src/protocol.gen.ts` is made from their
JSON Schema by `make protocol`. Imperative names ask, past tenses report. A viewer speaks
the same messages to the server (by relay) and to the broadcaster (direct). Text: `docs/protocol.md`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from .records import InvalidMessage, packed

WIRE_VERSION: Final = 1
"""Between browser and server; the server speaks this and the one before."""
LOG_VERSION: Final = 1
"""Between broadcaster and viewer: what is inside of frames and checkpoints."""


class CloseCode(IntEnum):
    """Why a connection ended. 4000-4099: come back; 4100-4199: do not, the reason says what to mend."""

    RESTARTING = 4000
    BUSY = 4001
    SLOW = 4002
    SILENT = 4003
    INVALID = 4100
    UNAUTHORIZED = 4101
    ORIGIN_NOT_ALLOWED = 4102
    UNKNOWN_SESSION = 4103
    UNKNOWN_SITE = 4104
    VERSION_MISMATCH = 4105
    TOO_LARGE = 4106
    NOT_PERMITTED = 4107
    REFUSED = 4108
    REMOVED = 4109
    ENDED = 4110
    REPLACED = 4111
    NO_HELLO = 4112


Capability = Literal["view", "pointer", "ink", "scroll", "click", "type", "navigate", "chat", "call", "record"]
CAPABILITIES: Final[tuple[Capability, ...]] = get_args(Capability)
State = Literal["pending", "active", "paused", "away", "ended"]
EndReason = Literal[
    "broadcaster", "agent", "pending_timeout", "idle_timeout", "active_timeout", "away_timeout", "server"
]
PathPolicy = Literal["auto", "relay", "direct"]
Role = Literal["agent", "guest"]

M = TypeVar("M", bound=BaseModel)

Text = Annotated[str, Field(max_length=2_000)]
Name = Annotated[str, Field(max_length=64)]
Id = Annotated[str, Field(min_length=1, max_length=64)]
Ordinal = Annotated[int, Field(ge=0, le=2**53)]
Seq = Annotated[int, Field(ge=-1, le=2**53)]
Proof = Annotated[bytes, Field(min_length=32, max_length=32, json_schema_extra={"tsType": "Uint8Array"})]


class _Model(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="ignore", frozen=True, json_schema_serialization_defaults_required=True
    )


class Position(_Model):
    """A place in the log: everything up to frame `seq` of `epoch`; -1 is the start."""

    epoch: Ordinal
    seq: Seq


class IceServer(_Model):
    """A STUN or TURN server, as RTCIceServer (WebRTC 1.0, section 4.2.4)."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class Description(_Model):
    """An SDP offer or answer, as RTCSessionDescription (WebRTC 1.0, section 4.6)."""

    type: Literal["offer", "answer", "rollback", "pranswer"]
    sdp: Annotated[str, Field(max_length=16_384)]


class Candidate(_Model):
    """An ICE candidate, as RTCIceCandidateInit (WebRTC 1.0, section 4.8)."""

    candidate: Annotated[str, Field(max_length=1_024)]
    sdpMid: Annotated[str, Field(max_length=64)] | None = None
    sdpMLineIndex: Annotated[int, Field(ge=0, le=64)] | None = None
    usernameFragment: Annotated[str, Field(max_length=256)] | None = None


class AdmittedViewer(_Model):
    """A viewer that the broadcaster has let in, with all that it may do."""

    id: Id
    name: Name
    role: Role
    capabilities: list[Capability]


# Either side -------------------------------------------------------------------------------------------------


class Ping(_Model):
    """Anybody asks the other end for a sign of life; `at` is the asker's own clock, in ms."""

    type: Literal["ping"] = "ping"
    at: float


class Pong(_Model):
    """The answer to `ping`, at once, with its `at`."""

    type: Literal["pong"] = "pong"
    at: float


class Signal(_Model):
    """WebRTC signaling between two admitted participants: a description, a candidate, or a refusal.

    Going up `peer` is whom it is for, coming down whom it is from; "" is the broadcaster.
    """

    type: Literal["signal"] = "signal"
    peer: Annotated[str, Field(max_length=64)]
    description: Description | None = None
    candidate: Candidate | None = None
    declined: Text | None = None


# Broadcaster to server ---------------------------------------------------------------------------------------


class HelloBroadcaster(_Model):
    """The broadcaster's first message. `token` continues a session, without one a new session begins.

    `proof` is HKDF(secret, "auth"); `epoch` is the running epoch of a mere reconnect, or null for a new one,
    which then follows `last_epoch`. `viewers` are those it has let in, should the server not know them.
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
    viewers: Annotated[list[AdmittedViewer], Field(max_length=1_000)] = []


class Begin(_Model):
    """The broadcaster asks for the next epoch: the recorder starts again (unpause)."""

    type: Literal["begin"] = "begin"


class Pause(_Model):
    """The broadcaster stops sharing for now; `begin` takes it up again."""

    type: Literal["pause"] = "pause"


class End(_Model):
    """The broadcaster ends the session, or an agent does."""

    type: Literal["end"] = "end"


class Admit(_Model):
    """The broadcaster lets a viewer in, or sets anew all that it may do."""

    type: Literal["admit"] = "admit"
    viewer: Id
    capabilities: list[Capability]


class Remove(_Model):
    """The broadcaster refuses a viewer, or puts it out."""

    type: Literal["remove"] = "remove"
    viewer: Id
    reason: Text = ""


# Server to broadcaster ---------------------------------------------------------------------------------------


class WelcomeBroadcaster(_Model):
    """The answer to the broadcaster's `hello`: what it is to be from now on."""

    type: Literal["welcome"] = "welcome"
    wire: int
    session: Id
    token: str
    code: str
    epoch: Ordinal
    state: State
    path: PathPolicy
    consent: Literal["ask", "granted"]
    capabilities: list[Capability]
    ice_servers: list[IceServer]


class Begun(_Model):
    """The server grants an epoch; frames of lower ones are ignored from now on. Told to viewers too."""

    type: Literal["begun"] = "begun"
    epoch: Ordinal


class Demand(_Model):
    """The server says what it needs, whenever that changes; each one replaces the one before.

    `frames`: whether frames are wanted at all; with `after`, from right after that position, else from where they
    were, or after the checkpoint. `checkpoint`: one is needed that can be joined from. Where the broadcaster cannot
    go on after the position, it sends a checkpoint too, and the server's log restarts there.
    """

    type: Literal["demand"] = "demand"
    frames: bool
    after: Position | None
    checkpoint: bool


class Requested(_Model):
    """A viewer asks to be let in. The server vouches for its role, for an agent's name, and for `link`: whether it
    has shown the link's proof."""

    type: Literal["requested"] = "requested"
    viewer: Id
    name: Name
    role: Role
    link: bool


class Left(_Model):
    """A viewer is gone: its connection closed and it did not come back."""

    type: Literal["left"] = "left"
    viewer: Id


class ViewerInput(_Model):
    """An admitted viewer's `input`, on its way to the broadcaster."""

    type: Literal["input"] = "input"
    viewer: Id
    n: Ordinal
    base: Ordinal
    input: Input


# Viewer to server, or direct to the broadcaster --------------------------------------------------------------


class HelloViewer(_Model):
    """A viewer's first message: the link's `proof`, an agent's `token`, or the token of an earlier `welcome`."""

    type: Literal["hello"] = "hello"
    role: Literal["viewer"] = "viewer"
    wire: int
    log: int
    session: Id
    name: Name = ""
    proof: Proof | None = None
    token: Annotated[str, Field(max_length=4_096)] | None = None


class Subscribe(_Model):
    """A viewer wants the log on this path, after `position`, or from a checkpoint. A new `id` replaces the last."""

    type: Literal["subscribe"] = "subscribe"
    id: Ordinal
    position: Position | None


class Unsubscribe(_Model):
    """A viewer wants no more of subscription `id` on this path."""

    type: Literal["unsubscribe"] = "unsubscribe"
    id: Ordinal


class Chat(_Model):
    """A line of chat. Its `id` stays the same however often it is sent."""

    kind: Literal["chat"] = "chat"
    id: Id
    text: Annotated[str, Field(min_length=1, max_length=2_000)]


Input = Chat


class InputMessage(_Model):
    """A viewer asks something of the broadcaster; `n` counts its inputs, so that each is applied once, in order.

    `base` is the lowest `n` that the viewer still has: a hole below it will not be filled.
    """

    type: Literal["input"] = "input"
    n: Ordinal
    base: Ordinal
    input: Input


# To a viewer, from the server or direct from the broadcaster -------------------------------------------------


class WelcomeViewer(_Model):
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


class Admitted(_Model):
    """The broadcaster has let the viewer in; these are all of its capabilities from now on."""

    type: Literal["admitted"] = "admitted"
    capabilities: list[Capability]


class Updated(_Model):
    """The session's state has changed."""

    type: Literal["updated"] = "updated"
    state: State


class Ended(_Model):
    """The session is over; the connection closes after this."""

    type: Literal["ended"] = "ended"
    reason: EndReason


class Resumed(_Model):
    """Subscription `id` goes on right after the position it named."""

    type: Literal["resumed"] = "resumed"
    id: Ordinal


class Reset(_Model):
    """Subscription `id` starts over: a checkpoint comes, then the frames after it."""

    type: Literal["reset"] = "reset"
    id: Ordinal
    reason: Literal["join", "epoch", "window"]


class Acknowledged(_Model):
    """The broadcaster has applied the viewer's inputs up to `n`; `viewer` names whose, and is "" on a direct path."""

    type: Literal["acknowledged"] = "acknowledged"
    viewer: Annotated[str, Field(max_length=64)]
    n: Ordinal


class Refused(_Model):
    """The broadcaster will not apply input `n` of that viewer, and says why."""

    type: Literal["refused"] = "refused"
    viewer: Annotated[str, Field(max_length=64)]
    n: Ordinal
    reason: Text


ViewerInput.model_rebuild()

FromBroadcaster = (
    HelloBroadcaster | Begin | Pause | End | Admit | Remove | Acknowledged | Refused | Signal | Ping | Pong
)
ToBroadcaster = (
    WelcomeBroadcaster | Begun | Demand | Requested | Left | ViewerInput | Updated | Ended | Signal | Ping | Pong
)
FromViewer = HelloViewer | Subscribe | Unsubscribe | InputMessage | End | Signal | Ping | Pong
ToViewer = (
    WelcomeViewer | Admitted | Updated | Begun | Ended | Resumed | Reset | Acknowledged | Refused | Signal | Ping | Pong
)
Message = FromBroadcaster | ToBroadcaster | FromViewer | ToViewer


def _by_type(union: Any) -> dict[str, type[_Model]]:
    return {model.model_fields["type"].default: model for model in get_args(union)}


FROM_BROADCASTER: Final = _by_type(FromBroadcaster)
FROM_VIEWER: Final = _by_type(FromViewer)
HELLOS: Final[dict[object, type[HelloBroadcaster | HelloViewer]]] = {
    "broadcaster": HelloBroadcaster,
    "viewer": HelloViewer,
}


def parse(value: dict[str, Any], known: dict[str, type[_Model]]) -> Any:
    """The message in a control map; None for a type that is not in `known`: it is to be ignored.

    Raises InvalidMessage, naming the field, for a known type with bad content.
    """
    model = known.get(value["type"])
    if model is None:
        return None
    return validated(model, value)


def validated(model: type[M], value: dict[str, Any]) -> M:
    """The value as that model. Raises InvalidMessage, naming the field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidMessage(f"{value.get('type')}: {where}: {first['msg']}") from None


def encode(message: BaseModel) -> bytes:
    """One message as MessagePack, every field of it: a field that is None is there as nil."""
    return packed(message.model_dump())


def schema() -> dict[str, Any]:
    """JSON Schema of all messages, one definition each, and of the close codes."""
    unions: dict[str, Any] = {
        "FromBroadcaster": FromBroadcaster,
        "ToBroadcaster": ToBroadcaster,
        "FromViewer": FromViewer,
        "ToViewer": ToViewer,
    }
    definitions: dict[str, Any] = {}
    for name, union in unions.items():
        adapter: TypeAdapter[Any] = TypeAdapter(union)
        part = adapter.json_schema(mode="serialization", ref_template="#/$defs/{model}")
        definitions |= part.pop("$defs")
        definitions[name] = part
    for definition in definitions.values():
        for field in definition.get("properties", {}).values():
            field.pop("title", None)
    return {
        "title": "Protocol",
        "$defs": definitions,
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in unions],
        "closeCodes": {code.name: code.value for code in CloseCode},
        "capabilities": list(CAPABILITIES),
        "versions": {"WIRE_VERSION": WIRE_VERSION, "LOG_VERSION": LOG_VERSION},
    }
