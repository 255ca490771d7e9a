"""Control messages: what is taken, what is refused and why, and the schema that the client is generated from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgpack
import pytest

from cobrowse import messages
from cobrowse.close_codes import CloseCode
from cobrowse.codec import FROM_BROADCASTER, FROM_VIEWER, encode, parse, schema, validated
from cobrowse.fields import CAPABILITIES, Position
from cobrowse.inputs import InputMessage
from cobrowse.messages import Admit, HelloBroadcaster, Remove, Signal, Subscribe
from cobrowse.records import InvalidMessage

PROOF = b"p" * 32
HELLO: dict[str, Any] = {
    "type": "hello",
    "role": "broadcaster",
    "wire": 1,
    "log": 1,
    "site": "demo",
    "proof": PROOF,
}


def test_a_message_survives_the_wire() -> None:
    message = Subscribe(id=3, position=Position(epoch=1, seq=-1))
    assert parse(msgpack.unpackb(encode(message)), FROM_VIEWER) == message


def test_nothing_is_left_out_of_what_is_sent() -> None:
    sent = msgpack.unpackb(encode(Signal(peer="a")))
    assert sent == {"type": "signal", "peer": "a", "description": None, "candidate": None, "declined": None}


def test_unknown_types_and_fields_are_ignored() -> None:
    assert parse({"type": "later"}, FROM_VIEWER) is None
    assert parse({"type": "remove", "viewer": "a", "later": 1}, FROM_BROADCASTER) == Remove(viewer="a")


def test_a_viewer_may_not_speak_as_a_broadcaster_nor_the_other_way() -> None:
    assert parse({"type": "admit", "viewer": "a", "capabilities": []}, FROM_VIEWER) is None
    assert parse({"type": "demand", "frames": True}, FROM_BROADCASTER) is None
    assert parse({"type": "subscribe", "id": 1, "position": None}, FROM_BROADCASTER) is None


@pytest.mark.parametrize(
    ("known", "value", "where"),
    [
        (FROM_BROADCASTER, {"type": "admit", "viewer": "a", "capabilities": ["fly"]}, "admit: capabilities.0"),
        (FROM_BROADCASTER, {"type": "admit", "viewer": "", "capabilities": []}, "admit: viewer"),
        (FROM_BROADCASTER, {"type": "admit", "viewer": "x" * 65, "capabilities": []}, "admit: viewer"),
        (FROM_BROADCASTER, {"type": "remove", "viewer": "a", "reason": "y" * 2_001}, "remove: reason"),
        (FROM_BROADCASTER, {"type": "acknowledged", "viewer": "a", "n": -1}, "acknowledged: n"),
        (FROM_BROADCASTER, {"type": "ping", "at": "now"}, "ping: at"),
        (FROM_VIEWER, {"type": "subscribe", "id": "1", "position": None}, "subscribe: id"),
        (FROM_VIEWER, {"type": "subscribe", "id": True, "position": None}, "subscribe: id"),
        (FROM_VIEWER, {"type": "subscribe", "id": 1}, "subscribe: position"),
        (FROM_VIEWER, {"type": "subscribe", "id": 1, "position": {"epoch": 1, "seq": -2}}, "position.seq"),
        (FROM_VIEWER, {"type": "subscribe", "id": 1, "position": {"epoch": 1, "seq": 2**53 + 1}}, "position.seq"),
        (FROM_VIEWER, {"type": "input", "n": 1, "base": 0, "input": {"kind": "fly"}}, "input: input"),
        (FROM_VIEWER, {"type": "input", "n": 1, "base": 0, "input": {"kind": "chat", "id": "a", "text": ""}}, "text"),
        (FROM_VIEWER, {"type": "signal", "peer": "", "description": {"type": "x", "sdp": ""}}, "description.type"),
        (FROM_VIEWER, {"type": "signal", "peer": "", "candidate": {"candidate": "c" * 1_025}}, "candidate.candidate"),
    ],
)
def test_bad_content_is_refused_by_the_name_of_its_field(known: Any, value: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidMessage, match=where):
        parse(value, known)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"proof": b"short"}, "proof"),
        ({"proof": "p" * 32}, "proof"),
        ({"site": ""}, "site"),
        ({"token": "t" * 4_097}, "token"),
        ({"wire": "1"}, "wire"),
        ({"epoch": -1}, "epoch"),
        ({"viewers": [{"id": "a", "name": "a", "role": "boss", "capabilities": []}]}, "viewers.0.role"),
        (
            {"viewers": [{"id": str(n), "name": "", "role": "guest", "capabilities": []} for n in range(1_001)]},
            "viewers",
        ),
    ],
)
def test_a_bad_hello_is_refused_by_the_name_of_its_field(change: dict[str, Any], where: str) -> None:
    assert validated(HelloBroadcaster, HELLO).site == "demo"
    with pytest.raises(InvalidMessage, match=f"hello: {where}"):
        validated(HelloBroadcaster, HELLO | change)


def test_the_reason_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(InvalidMessage) as caught:
        parse({"type": "input", "n": 1, "base": 0, "input": {"kind": "chat", "id": "a", "text": 7}}, FROM_VIEWER)
    assert "secret" not in str(caught.value)
    with pytest.raises(InvalidMessage) as caught:
        validated(HelloBroadcaster, HELLO | {"token": 1234567})
    assert "1234567" not in str(caught.value)


def test_messages_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Admit(viewer="a", capabilities=[]).viewer = "b"  # type: ignore[misc]


def test_close_codes_say_whether_to_come_back() -> None:
    again = {code.name for code in CloseCode if 4_000 <= code < 4_100}
    assert again == {"RESTARTING", "BUSY", "SLOW", "SILENT", "GARBLED"}
    assert all(4_100 <= code < 4_200 for code in CloseCode if code.name not in again)
    assert len(set(CloseCode)) == len(list(CloseCode))


@pytest.mark.parametrize("union", ["FromBroadcaster", "ToBroadcaster", "FromViewer", "ToViewer"])
def test_every_message_is_documented_and_in_the_schema(union: str) -> None:
    made = schema()
    for model in get_args(getattr(messages, union)):
        assert model.__doc__
        assert model.__name__ in made["$defs"]
        assert "type" in made["$defs"][model.__name__]["required"]


def test_every_capability_and_input_is_known() -> None:
    assert schema()["capabilities"] == list(CAPABILITIES)
    kinds = get_args(InputMessage.model_fields["input"].annotation)
    assert {model.model_fields["kind"].default for model in kinds} == {"chat", "request"}


def test_the_generated_client_types_name_every_message_and_code() -> None:
    text = (Path(__file__).parent.parent / "client" / "src" / "protocol.gen.ts").read_text("utf-8")
    assert [code.name for code in CloseCode if f"  {code.name}: {code.value}," not in text] == []
    assert [
        name for name in schema()["$defs"] if f"export interface {name} " not in text and f" {name} =" not in text
    ] == []
