"""The relay, one rule at a time: who reads what, and what the broadcaster is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from cobrowse.close_codes import CloseCode
from cobrowse.fields import Position
from cobrowse.messages import (
    Demand,
    Reset,
    Resumed,
    Unsubscribe,
)
from cobrowse.outputs import BROADCASTER, Drop, Output
from cobrowse.records import Part, decode
from cobrowse.relay import NEAR, SLOW_RESETS

from .stage import Stage, frame, known, part, sent


def test_a_checkpoint_that_was_cut_off_with_the_connection_does_not_keep_its_reader_waiting() -> None:
    stage = Stage("a")
    stage.subscribe("a")
    stage.session.part(part(-1, 0, 0, 3), 1)
    assert stage.pull("a") == [part(-1, 0, 0, 3)]
    stage.session.depart(2)
    outputs = stage.session.arrive(1, 1, False, [known("a", "chat")], 3)
    stage.pull("a", 3)
    demanded = [*sent(outputs, BROADCASTER), *sent(stage.session.tick(4), BROADCASTER)]
    asked = stage.session.relay.log.usable(4) is None and any(
        isinstance(one, Demand) and one.checkpoint for one in demanded
    )
    assert asked, "no checkpoint is demanded, and the rest of the first never comes"


def placed(stage: Stage, id: str, seq: int) -> list[Demand]:
    """That viewer's direct path is gone: it goes on by the relay after `seq`. What is demanded then."""
    outputs = stage.subscribe(id, Position(epoch=1, seq=seq))
    return [one for one in sent(outputs, BROADCASTER) if isinstance(one, Demand)]


def demands(outputs: Iterable[Output]) -> list[BaseModel]:
    return [one for one in sent(outputs, BROADCASTER) if isinstance(one, Demand)]


def test_a_part_of_a_sending_that_was_left_off_does_not_keep_a_joiner_waiting() -> None:
    stage = Stage("a", "b")
    placed(stage, "a", 9)
    for seq in range(10, 13):
        stage.session.frame(frame(seq), 1)
    stage.subscribe("b")
    for id in ("a", "b"):
        stage.session.from_viewer(id, Unsubscribe(id=1), 2)
    stage.subscribe("a", Position(epoch=1, seq=12), 3, number=2)
    stage.session.part(part(12, 1, 0, 3), 4)  # sent before the broadcaster knew that nobody reads
    assert demands(stage.subscribe("b", None, 5, number=2)) == [Demand(frames=True, after=None, checkpoint=True)]
    stage.pull("b", 6)
    assert demands(stage.session.tick(7)) == []
    for n in range(3):
        outputs = stage.session.part(part(12, 1, n, 3), 8)
    assert demands(outputs) == [Demand(frames=True, after=None, checkpoint=False)]
    assert stage.pull("b", 9) == [part(12, 1, n, 3) for n in (1, 2)]


def test_a_checkpoint_that_leaves_the_window_while_it_comes_is_asked_for_anew() -> None:
    stage = Stage("a", "b")
    placed(stage, "a", 9)
    stage.subscribe("b")
    stage.session.part(part(9, 1, 0, 3), 1)
    stage.session.relay.log.window_bytes = 20
    for seq in range(10, 15):
        stage.session.frame(frame(seq), 2)
    assert demands(stage.session.tick(3)) == [Demand(frames=True, after=None, checkpoint=True)]
    assert demands(stage.session.tick(4)) == []


def test_a_viewer_that_comes_back_from_too_far_again_and_again_is_not_taken_for_slow() -> None:
    stage = Stage("a")
    for turn in range(2 * SLOW_RESETS):
        stage.subscribe("a", Position(epoch=1, seq=3), turn, number=turn)
        stage.session.part(part(50 + turn, turn), turn)
        encoded, outputs = stage.session.relay.pull("a", 60_000, turn)
        assert not any(isinstance(output, Drop) for output in outputs)
        assert list(decode(encoded[0])) == [{"type": "reset", "id": turn, "reason": "window"}]


def test_one_who_was_a_little_behind_another_goes_on_as_well() -> None:
    stage = Stage("a", "b")
    assert placed(stage, "a", 99)[-1] == Demand(
        frames=True, after=Position(epoch=1, seq=99), checkpoint=False, earlier=True
    )
    for seq in range(90, 103):
        stage.session.frame(frame(seq), 1)
    assert stage.pull("a") == [frame(seq) for seq in range(100, 103)]
    outputs = stage.subscribe("b", Position(epoch=1, seq=93))
    assert sent(outputs, "b") == [Resumed(id=1)]
    assert stage.pull("b") == [frame(seq) for seq in range(94, 103)]


def test_one_who_was_a_little_behind_another_goes_on_though_nothing_has_come_yet() -> None:
    stage = Stage("a", "b")
    placed(stage, "a", 99)
    assert placed(stage, "b", 97)[-1].after == Position(epoch=1, seq=97)
    for seq in range(98, 102):
        stage.session.frame(frame(seq), 1)
    assert stage.pull("a") == [frame(100), frame(101)]
    assert stage.pull("b") == [frame(seq) for seq in range(98, 102)]


def test_one_who_is_far_behind_another_moves_nobody() -> None:
    stage = Stage("a", "b")
    placed(stage, "a", 999)
    outputs = stage.subscribe("b", Position(epoch=1, seq=1_000 - NEAR - 1))
    assert sent(outputs, "b") == [Reset(id=1, reason="window")]
    stage.session.frame(frame(1_000), 1)
    assert stage.pull("a") == [frame(1_000)]


def test_a_viewer_from_too_far_back_starts_over_alone() -> None:
    stage = Stage("a", "b")
    stage.live("a", 50)
    stage.session.relay.log.window_bytes = 100
    stage.session.frame(frame(51), 1)
    assert stage.session.relay.log.first > 10
    stage.pull("a")
    outputs = stage.subscribe("b", Position(epoch=1, seq=3), 2)
    assert sent(outputs, "b") == [Reset(id=1, reason="window")]
    stage.session.frame(frame(52), 3)
    assert stage.pull("a") == [frame(52)], "one in step must not be held up by one that is not"


def test_a_frame_ahead_makes_the_server_say_where_it_stands() -> None:
    stage = Stage("a")
    stage.live("a", 3)
    outputs = stage.session.frame(frame(9), 1)
    assert sent(outputs, BROADCASTER) == [Demand(frames=True, after=Position(epoch=1, seq=3), checkpoint=False)]
    assert stage.session.frame(frame(2), 1) == []
    assert stage.pull("a") == []


def test_a_joiner_does_not_hold_up_a_viewer_in_step() -> None:
    stage = Stage("a", "b")
    stage.live("a", 3)
    stage.subscribe("b")
    stage.session.part(part(3, 1, 0, 9), 1)
    stage.session.frame(frame(4), 1)
    assert stage.pull("a") == [frame(4)]


def test_nobody_by_the_relay_no_frames() -> None:
    stage = Stage("a")
    assert sent(stage.subscribe("a"), BROADCASTER) == [Demand(frames=True, after=None, checkpoint=True)]
    outputs = stage.session.from_viewer("a", Unsubscribe(id=1), 1)
    assert sent(outputs, BROADCASTER) == [Demand(frames=False, after=None, checkpoint=False)]
    stage.subscribe("a", number=2)
    outputs = stage.session.leave("a", 2)
    assert Demand(frames=False, after=None, checkpoint=False) in sent(outputs, BROADCASTER)


def test_a_subscription_of_before_is_not_ended_by_a_straggler() -> None:
    stage = Stage("a")
    stage.subscribe("a", number=1)
    stage.subscribe("a", number=2)
    stage.session.from_viewer("a", Unsubscribe(id=1), 1)
    assert stage.session.relay.readers == ("a",)


def test_a_viewer_alone_ahead_of_the_log_moves_it_there() -> None:
    stage = Stage("a")
    outputs = stage.subscribe("a", Position(epoch=1, seq=70))
    assert sent(outputs, "a") == [Resumed(id=1)]
    assert sent(outputs, BROADCASTER)[-1] == Demand(
        frames=True, after=Position(epoch=1, seq=70), checkpoint=False, earlier=True
    )
    stage.session.frame(frame(71), 1)
    assert stage.pull("a") == [frame(71)]


def test_a_viewer_that_falls_off_again_and_again_is_too_slow() -> None:
    stage = Stage("a")
    stage.live("a", 0)
    stage.session.relay.log.window_bytes = 20
    dropped: list[Output] = []
    for turn in range(SLOW_RESETS):
        for _ in range(5):
            stage.session.frame(frame(stage.session.relay.log.next), turn)
        encoded, outputs = stage.session.relay.pull("a", 60_000, turn)
        dropped += [output for output in outputs if isinstance(output, Drop)]
        if turn < SLOW_RESETS - 1:
            assert {"type": "reset", "id": 1, "reason": "window"} in list(decode(encoded[0]))
            stage.session.part(part(stage.session.relay.log.next - 1, turn + 1), turn)
            stage.pull("a", turn)
    assert [output.code for output in dropped if isinstance(output, Drop)] == [CloseCode.SLOW]


def test_a_place_that_never_was_is_refused_once_that_is_known() -> None:
    stage = Stage("a")
    outputs = stage.subscribe("a", Position(epoch=1, seq=5_000))
    assert sent(outputs, "a") == [Resumed(id=1)]
    stage.session.part(part(9, 0), 1)  # all that the broadcaster has
    assert [type(item) for item in stage.pull("a", 1)] == [dict, Part]
    stage.session.frame(frame(10), 2)
    assert stage.pull("a", 2) == [frame(10)]
