"""What viewers ask of the broadcaster, and its answers: a part of the control messages of `messages.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .fields import Capability, Id, Model, Ordinal, Text

Whose = Annotated[str, Field(max_length=64)]


class Chat(Model):
    """A line of chat. Its `id` stays the same however often it is sent."""

    kind: Literal["chat"] = "chat"
    id: Id
    text: Annotated[str, Field(min_length=1, max_length=2_000)]


class Request(Model):
    """A viewer asks for capabilities that it has not. The answer is `admitted` or `declined`."""

    kind: Literal["request"] = "request"
    capabilities: Annotated[list[Capability], Field(min_length=1, max_length=10)]


Input = Annotated[Chat | Request, Field(discriminator="kind")]


class InputMessage(Model):
    """A viewer asks something of the broadcaster; `n` counts its inputs, so that each is applied once, in order.

    `base` is the lowest `n` that the viewer still has: a hole below it will not be filled.
    """

    type: Literal["input"] = "input"
    n: Ordinal
    base: Ordinal
    input: Input


class ViewerInput(Model):
    """An admitted viewer's `input`, on its way to the broadcaster."""

    type: Literal["input"] = "input"
    viewer: Id
    n: Ordinal
    base: Ordinal
    input: Input


class Acknowledged(Model):
    """The broadcaster has applied the viewer's inputs up to `n`; `viewer` names whose, and is "" on a direct path."""

    type: Literal["acknowledged"] = "acknowledged"
    viewer: Whose
    n: Ordinal


class Refused(Model):
    """The broadcaster will not apply input `n` of that viewer, and says why."""

    type: Literal["refused"] = "refused"
    viewer: Whose
    n: Ordinal
    reason: Text


class Declined(Model):
    """The viewer has asked for these capabilities, and does not get them; `viewer` as in `acknowledged`."""

    type: Literal["declined"] = "declined"
    viewer: Whose
    capabilities: list[Capability]
    reason: Text
