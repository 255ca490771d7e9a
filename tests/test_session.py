"""A session on the server, one rule at a time: who takes part, what each may, states and their ends."""

from __future__ import annotations

from typing import Any

import pytest

from cobrowse.close_codes import CloseCode
from cobrowse.codec import FROM_VIEWER
from cobrowse.fields import Position
from cobrowse.inputs import Acknowledged, Chat, Declined, InputMessage, Refused, Request, ViewerInput
from cobrowse.messages import (
    Admit,
    Admitted,
    Begin,
    Begun,
    Demand,
    End,
    Ended,
    Known,
    Left,
    Link,
    Pause,
    Remove,
    Requested,
    Reset,
    Signal,
)
from cobrowse.outputs import BROADCASTER, Drop, Forward, Send
from cobrowse.records import decode
from cobrowse.session import LEFT_AFTER_MS, MAX_VIEWERS, Session
from cobrowse.viewer import INPUT_NEEDS

from .page import welcome
from .stage import ENDLESS, PROOF, Stage, frame, known, part, sent


def test_a_viewer_put_out_while_the_broadcaster_was_away_gets_nothing_more() -> None:
    stage = Stage("a", "b")
    stage.live("a", 3)
    stage.session.depart(1)
    outputs = stage.session.arrive(1, 1, False, [known("b")], 2)
    stage.session.frame(frame(4), 3)
    assert stage.pull("a", 3) == []
    assert [output.to for output in outputs if isinstance(output, Drop)] == ["a"]


def test_one_that_was_put_out_does_not_come_back_by_a_page_that_is_behind() -> None:
    stage = Stage("a", "b")
    stage.session.from_broadcaster(Remove(viewer="a"), 1)
    stage.session.depart(2)
    outputs = stage.session.arrive(1, 1, False, [known("a"), known("b")], 3)
    assert list(stage.session.viewers) == ["b"]
    assert sent(outputs, "a") == []


def test_an_agent_that_was_put_out_is_known_by_its_subject_and_a_refused_viewer_may_ask_again() -> None:
    stage = Stage()
    for id, subject in (("a", "s"), ("b", "t"), ("c", "")):
        stage.session.join(id, id, "agent" if subject else "guest", False, 0, subject)
    stage.admit("a")
    for id in ("a", "b", "c"):
        stage.session.from_broadcaster(Remove(viewer=id), 1)
    removed = stage.session.access.is_removed
    assert [removed("a", ""), removed("x", "s"), removed("b", "t"), removed("c", ""), removed("x", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_another_link_takes_back_what_the_one_before_has_shown() -> None:
    stage = Stage("a")
    stage.session.join("b", "b", "guest", True, 1)
    stage.session.from_broadcaster(Link(proof=b"2" * 32), 2)
    outputs = stage.session.arrive(1, 1, False, [known("a")], 3)
    shown = {one.viewer: one.link for one in sent(outputs, BROADCASTER) if isinstance(one, Requested)}
    assert shown == {"a": False, "b": False}
    assert stage.session.viewers["a"].admitted


def test_nothing_is_granted_that_the_site_does_not_allow() -> None:
    session = Session("s", PROOF, 0, ENDLESS, allowed=["view", "chat"])
    session.arrive(None, 0, False, [], 0)
    session.join("a", "a", "guest", True, 0)
    outputs = session.from_broadcaster(Admit(viewer="a", capabilities=["click", "chat", "pointer"]), 1)
    assert sent(outputs, "a")[0] == Admitted(capabilities=["chat", "view"])
    assert session.volatile("a", [3, "", "pointer", 1]) == []


def test_every_input_that_the_wire_knows_is_in_the_table() -> None:
    kinds = {model.model_fields["kind"].default for model in (Chat, Request)}
    assert set(INPUT_NEEDS) == kinds
    stage = Stage("a")
    asks = InputMessage(n=0, base=0, input=Request(capabilities=["click"]))
    assert sent(stage.session.from_viewer("a", asks, 1), BROADCASTER)[0].input == asks.input  # type: ignore[attr-defined]
    said = Declined(viewer="a", capabilities=["click"], reason="no")
    assert stage.session.from_broadcaster(said, 2) == [Send("a", said.model_copy(update={"viewer": ""}))]


def test_a_flood_is_not_passed_on() -> None:
    stage = Stage("a", "b")
    passed = 0
    for n in range(1_000):
        line = InputMessage(n=n, base=n, input=Chat(id="c", text="x"))
        passed += len(sent(stage.session.from_viewer("a", line, 1_000 + n), BROADCASTER))
    assert 290 <= passed <= 310
    for _ in range(200):
        stage.session.from_viewer("b", Signal(peer=""), 2_000)
    with pytest.raises(PermissionError, match="100 a second"):
        stage.session.from_viewer("b", Signal(peer=""), 2_000)


def test_capabilities_are_those_that_the_broadcaster_says_when_it_is_back() -> None:
    stage = Stage("a")
    stage.session.depart(1)
    outputs = stage.session.arrive(1, 1, False, [known("a", "view")], 2)
    assert sent(outputs, "a")[0] == Admitted(capabilities=["view"])
    line = InputMessage(n=0, base=0, input=Chat(id="c", text="x"))
    assert isinstance(sent(stage.session.from_viewer("a", line, 3), "a")[0], Refused)


def test_a_broadcaster_comes_back_though_nobody_noticed_that_it_was_gone() -> None:
    stage = Stage("a")
    stage.session.from_broadcaster(Remove(viewer="a"), 1)
    assert stage.session.state == "active"
    stage.session.arrive(1, 1, False, [], 2)
    assert stage.session.state == "active"


def test_a_broadcaster_that_unpaused_while_it_was_away_is_active() -> None:
    stage = Stage()
    stage.session.from_broadcaster(Pause(), 1)
    stage.session.arrive(1, 1, False, [], 2)
    assert stage.session.state == "active"


def test_one_that_asks_before_it_is_let_in_is_served_when_it_is() -> None:
    stage = Stage()
    stage.session.join("a", "a", "guest", True, 0)
    assert stage.subscribe("a") == []
    stage.session.part(part(-1, 0), 0)
    assert stage.pull("a") == []
    outputs = stage.admit("a")
    assert sent(outputs, "a")[:2] == [Admitted(capabilities=["view"]), Reset(id=1, reason="join")]


def test_a_refused_viewer_and_one_put_out_are_told_so() -> None:
    stage = Stage("a")
    stage.session.join("b", "b", "guest", True, 0)
    [put_out, *_] = stage.session.from_broadcaster(Remove(viewer="a", reason="enough"), 1)
    [refused, *_] = stage.session.from_broadcaster(Remove(viewer="b"), 1)
    assert put_out == Drop("a", CloseCode.REMOVED, "enough")
    assert refused == Drop("b", CloseCode.REFUSED, "the visitor did not let you in")
    assert stage.session.viewers == {}


@pytest.mark.parametrize("message", [Remove(viewer="x"), Acknowledged(viewer="x", n=1), Signal(peer="x")])
def test_what_is_for_somebody_unknown_goes_nowhere(message: Any) -> None:
    assert Stage("a").session.from_broadcaster(message, 1) == []
    assert Stage("a").admit("x") == []


def test_inputs_need_their_capability_and_carry_their_viewer() -> None:
    stage = Stage("a")
    line = InputMessage(n=7, base=6, input=Chat(id="c", text="hello"))
    outputs = stage.session.from_viewer("a", line, 1)
    assert outputs == [Send(BROADCASTER, ViewerInput(viewer="a", n=7, base=6, input=line.input))]
    stage.admit("a", "pointer")
    [refused] = sent(stage.session.from_viewer("a", line, 2), "a")
    assert isinstance(refused, Refused)
    assert (refused.n, refused.viewer) == (7, "")


def test_answers_lose_their_viewer_on_the_way_to_it() -> None:
    stage = Stage("a")
    assert stage.session.from_broadcaster(Acknowledged(viewer="a", n=3), 1) == [Send("a", Acknowledged(viewer="", n=3))]


def test_signaling_is_between_those_let_in_and_stamped() -> None:
    stage = Stage("a")
    stage.session.join("b", "b", "guest", True, 0)
    assert sent(stage.session.from_viewer("a", Signal(peer="b"), 1), BROADCASTER) == [Signal(peer="a")]
    assert stage.session.from_broadcaster(Signal(peer="a"), 1) == [Send("a", Signal(peer=BROADCASTER))]
    assert stage.session.from_broadcaster(Signal(peer="b"), 1) == []
    with pytest.raises(PermissionError, match="let in"):
        stage.session.from_viewer("b", Signal(peer=""), 1)


def test_only_an_agent_that_was_let_in_may_end_it() -> None:
    stage = Stage("a")
    stage.session.join("b", "Bo", "agent", False, 0)
    for id in ("a", "b"):
        with pytest.raises(PermissionError, match="only an agent"):
            stage.session.from_viewer(id, End(), 1)
    stage.admit("b")
    outputs = stage.session.from_viewer("b", End(), 2)
    assert (stage.session.state, stage.session.ended_reason) == ("ended", "agent")
    for id in (BROADCASTER, "a", "b"):
        assert Ended(reason="agent") in sent(outputs, id)
        assert Drop(id, CloseCode.ENDED, "the session is over: agent") in outputs


def test_an_end_for_a_page_that_cannot_be_shared_says_so() -> None:
    stage = Stage("a")
    outputs = stage.session.from_broadcaster(End(failed=True), 1)
    assert (stage.session.state, stage.session.ended_reason) == ("ended", "failed")
    assert Ended(reason="failed") in sent(outputs, "a")


def test_the_end_is_quiet_for_whoever_leaves_after_it() -> None:
    stage = Stage("a")
    stage.session.end("server", 1)
    stage.session.leave("a", 2)
    stage.session.depart(2)
    assert stage.session.tick(3) == []
    assert stage.session.state == "ended"


@pytest.mark.parametrize("kind", ["pointer", "echo", "unknown"])
def test_volatile_records_need_their_capability_and_are_stamped(kind: str) -> None:
    stage = Stage("a")
    assert stage.session.volatile("a", [3, "x", kind, 1]) == []
    stage.admit("a", "pointer")
    outputs = stage.session.volatile("a", [3, "x", kind, 1])
    if kind == "pointer":
        [output] = outputs
        assert isinstance(output, Forward)
        assert (output.to, list(decode(output.record))) == (BROADCASTER, [[3, "a", "pointer", 1]])
    else:
        assert outputs == []


def test_volatile_records_of_the_broadcaster_go_to_relayed_viewers_or_to_the_one_named() -> None:
    stage = Stage("a", "b")
    stage.session.join("c", "c", "guest", True, 0)
    stage.subscribe("a")
    to_all = stage.session.volatile(BROADCASTER, [3, "", "pointer", 1])
    assert [output.to for output in to_all if isinstance(output, Forward)] == ["a"]
    to_one = stage.session.volatile(BROADCASTER, [3, "b", "echo", 1])
    assert [output.to for output in to_one if isinstance(output, Forward)] == ["b"]
    assert stage.session.volatile(BROADCASTER, [3, "c", "echo", 1]) == []
    assert stage.session.volatile(BROADCASTER, [3, "x", "echo", 1]) == []


def test_a_new_epoch_resets_and_is_told_to_all() -> None:
    stage = Stage("a")
    stage.live("a", 2)
    outputs = stage.session.from_broadcaster(Begin(), 1)
    assert Begun(epoch=2) in sent(outputs, BROADCASTER)
    assert Begun(epoch=2) in sent(outputs, "a")
    assert stage.pull("a") == [{"type": "reset", "id": 1, "reason": "epoch"}]
    assert stage.session.frame(frame(3), 2) == []
    stage.session.part(part(-1, 0, epoch=2), 2)
    stage.session.frame(frame(0, epoch=2), 2)
    assert stage.pull("a") == [part(-1, 0, epoch=2), frame(0, epoch=2)]


def test_a_mere_reconnect_keeps_the_epoch_and_everybodys_place() -> None:
    stage = Stage("a")
    stage.live("a", 2)
    stage.session.depart(1)
    outputs = stage.session.arrive(1, 1, False, [known("a", "chat")], 2)
    assert sent(outputs, BROADCASTER)[-1] == Demand(frames=True, after=Position(epoch=1, seq=2), checkpoint=False)
    stage.session.frame(frame(3), 3)
    assert stage.pull("a") == [frame(3)]


@pytest.mark.parametrize(("epoch", "last", "granted"), [(None, 0, 2), (None, 7, 8), (0, 0, 2), (1, 1, 1), (5, 5, 5)])
def test_epochs_only_grow(epoch: int | None, last: int, granted: int) -> None:
    stage = Stage("a")
    stage.session.depart(1)
    stage.session.arrive(epoch, last, False, [], 2)
    assert stage.session.relay.log.epoch == granted


def test_an_old_epoch_is_not_taken_up_again() -> None:
    stage = Stage("a")
    stage.session.from_broadcaster(Begin(), 1)
    stage.session.arrive(1, 1, False, [], 2)
    assert stage.session.relay.log.epoch == 3


def test_those_let_in_before_a_page_load_are_let_in_again_and_the_rest_asks() -> None:
    session = Session("s", PROOF, 0, ENDLESS)
    session.arrive(None, 3, False, [known("a", "chat")], 0)
    outputs = session.join("a", "a", "guest", False, 1)
    assert sent(outputs, "a") == [Admitted(capabilities=["chat", "view"])]
    assert session.state == "active"
    outputs = session.join("b", "b", "guest", False, 1)
    assert sent(outputs, BROADCASTER) == [Requested(viewer="b", name="b", role="guest", subject="", link=False)]


def test_who_asked_while_the_broadcaster_was_away_is_told_of_when_it_is_back() -> None:
    stage = Stage()
    stage.session.depart(1)
    assert stage.session.join("a", "Ann", "guest", True, 2) == []
    outputs = stage.session.arrive(1, 1, False, [], 3)
    assert Requested(viewer="a", name="Ann", role="guest", subject="", link=True) in sent(outputs, BROADCASTER)


def test_one_that_was_let_in_may_be_away_for_a_while() -> None:
    stage = Stage("a")
    stage.session.leave("a", 1_000)
    assert stage.session.tick(1_000 + LEFT_AFTER_MS - 1) == []
    outputs = stage.session.tick(1_000 + LEFT_AFTER_MS)
    assert sent(outputs, BROADCASTER) == [Left(viewer="a")]
    assert stage.session.tick(99_000) == []
    assert sent(stage.session.join("a", "a", "guest", False, 100_000), "a") == [Admitted(capabilities=["chat", "view"])]


def test_that_one_has_left_is_said_again_to_a_page_that_may_not_have_heard_it() -> None:
    stage = Stage("a")
    stage.session.leave("a", 1_000)
    assert sent(stage.session.tick(1_000 + LEFT_AFTER_MS), BROADCASTER) == [Left(viewer="a")]  # into the void
    stage.session.arrive(1, 1, False, [known("a", "view")], 20_000)
    assert stage.session.tick(20_000 + LEFT_AFTER_MS - 1) == []
    assert sent(stage.session.tick(20_000 + LEFT_AFTER_MS), BROADCASTER) == [Left(viewer="a")]


def test_one_counts_as_gone_from_its_last_sign_of_life() -> None:
    stage = Stage("a")
    stage.session.leave("a", 1_000 + LEFT_AFTER_MS, heard=1_000)
    assert sent(stage.session.tick(1_000 + LEFT_AFTER_MS), BROADCASTER) == [Left(viewer="a")]


def test_one_that_was_not_let_in_is_forgotten_at_once() -> None:
    stage = Stage()
    stage.session.join("a", "a", "guest", True, 0)
    assert sent(stage.session.leave("a", 1), BROADCASTER) == [Left(viewer="a")]
    assert stage.session.viewers == {}


def test_a_session_has_a_most_of_viewers() -> None:
    stage = Stage(*(str(n) for n in range(MAX_VIEWERS)))
    with pytest.raises(OverflowError, match=str(MAX_VIEWERS)):
        stage.session.join("one more", "", "guest", True, 1)
    stage.session.join("7", "", "guest", True, 1)


def test_who_has_left_makes_room_in_a_full_session() -> None:
    stage = Stage(*(str(n) for n in range(MAX_VIEWERS)))
    stage.session.leave("3", 1)
    assert Send(BROADCASTER, Left(viewer="3")) in stage.session.join("one more", "", "guest", True, 2)
    assert not stage.session.viewers.keys() & {"3"}
    assert len(stage.session.viewers) == MAX_VIEWERS
    # It is let in by what the broadcaster knows of it, should it come back.
    with pytest.raises(OverflowError):
        stage.session.join("3", "", "guest", True, 3)


def test_a_broadcaster_names_its_viewers_in_more_than_one_message() -> None:
    stage = Stage("a", "b", "c")
    stage.session.depart(1)
    outputs = stage.session.arrive(1, 1, False, [known("a", "view")], 2, more=True)
    assert not any(isinstance(output, Drop) for output in outputs)
    outputs = stage.session.from_broadcaster(Known(viewers=[known("d", "view")], more=True), 3)
    assert not any(isinstance(output, Drop) for output in outputs)
    outputs = stage.session.from_broadcaster(Known(viewers=[known("c", "view")]), 4)
    assert [output.to for output in outputs if isinstance(output, Drop)] == ["b"]
    assert list(stage.session.viewers) == ["a", "c", "d"]
    with pytest.raises(PermissionError, match="'known'"):
        stage.session.from_broadcaster(Known(viewers=[]), 5)


def test_a_direct_session_has_no_relay() -> None:
    stage = Stage("a")
    stage.session.path = "direct"
    assert stage.subscribe("a") == []
    assert stage.session.relay.readers == ()
    with pytest.raises(PermissionError, match="direct"):
        stage.session.frame(frame(0), 1)
    with pytest.raises(PermissionError, match="direct"):
        stage.session.part(part(-1, 0), 1)


def test_what_neither_may_say_is_refused() -> None:
    stage = Stage("a")
    with pytest.raises(PermissionError, match="'welcome'"):
        stage.session.from_broadcaster(welcome(stage.session), 1)  # type: ignore[arg-type]
    assert set(FROM_VIEWER) == {"hello", "subscribe", "unsubscribe", "input", "end", "signal", "ping", "pong"}
    with pytest.raises(PermissionError, match="'begin'"):
        stage.session.from_viewer("a", Begin(), 1)  # type: ignore[arg-type]
