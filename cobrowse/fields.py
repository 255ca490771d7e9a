"""What messages are made of: their words, and the values that they share."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from .records import MAX_ORDINAL

Capability = Literal["view", "pointer", "ink", "scroll", "click", "type", "navigate", "chat", "call", "record"]
CAPABILITIES: Final[tuple[Capability, ...]] = get_args(Capability)
State = Literal["pending", "active", "paused", "away", "ended"]
EndReason = Literal[
    "broadcaster", "failed", "agent", "pending_timeout", "idle_timeout", "active_timeout", "away_timeout", "server"
]
PathPolicy = Literal["auto", "relay", "direct"]
IcePolicy = Literal["all", "relay"]
"""Which candidates a browser may use (RTCIceTransportPolicy, WebRTC 1.0, section 4.2.2)."""
Role = Literal["agent", "guest"]

Text = Annotated[str, Field(max_length=2_000)]
Name = Annotated[str, Field(max_length=64)]
Id = Annotated[str, Field(min_length=1, max_length=64)]
Ordinal = Annotated[int, Field(ge=0, le=MAX_ORDINAL)]
Seq = Annotated[int, Field(ge=-1, le=MAX_ORDINAL)]
Proof = Annotated[bytes, Field(min_length=32, max_length=32, json_schema_extra={"tsType": "Uint8Array"})]


class Model(BaseModel):
    """What all messages share: strict types, unknown fields ignored, frozen."""

    model_config = ConfigDict(
        strict=True, extra="ignore", frozen=True, json_schema_serialization_defaults_required=True
    )


class Position(Model):
    """A place in the log: everything up to frame `seq` of `epoch`; -1 is the start."""

    epoch: Ordinal
    seq: Seq


class IceServer(Model):
    """A STUN or TURN server, as RTCIceServer (WebRTC 1.0, section 4.2.4)."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class Description(Model):
    """An SDP offer or answer, as RTCSessionDescription (WebRTC 1.0, section 4.6)."""

    type: Literal["offer", "answer", "rollback", "pranswer"]
    sdp: Annotated[str, Field(max_length=16_384)]


class Candidate(Model):
    """An ICE candidate, as RTCIceCandidateInit (WebRTC 1.0, section 4.8)."""

    candidate: Annotated[str, Field(max_length=1_024)]
    sdpMid: Annotated[str, Field(max_length=64)] | None = None
    sdpMLineIndex: Annotated[int, Field(ge=0, le=64)] | None = None
    usernameFragment: Annotated[str, Field(max_length=256)] | None = None


class AdmittedViewer(Model):
    """A viewer that the broadcaster has let in, with all that it may do.

    `subject` is the same for the same agent, whatever its id and name; "" for a guest.
    """

    id: Id
    name: Name
    role: Role
    subject: Name = ""
    capabilities: list[Capability]
