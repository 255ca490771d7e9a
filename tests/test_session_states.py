"""The states of a session, how long it may stay in each, and absences that were told of."""

from __future__ import annotations

from typing import Any

import pytest

from cobrowse.fields import EndReason
from cobrowse.messages import (
    Begin,
    Ended,
    ExpectAway,
    Pause,
    Updated,
)
from cobrowse.outputs import BROADCASTER
from cobrowse.session import LEGAL, Limits

from .page import NEVER
from .stage import Stage, known, sent


def test_states_are_told_to_everybody() -> None:
    stage = Stage("a")
    for message, state in ((Pause(), "paused"), (Begin(), "active")):
        outputs = stage.session.from_broadcaster(message, 1)
        assert stage.session.state == state
        for id in (BROADCASTER, "a"):
            assert Updated(state=state) in sent(outputs, id)
    assert Updated(state="away") in sent(stage.session.depart(2), "a")
    assert stage.session.depart(3) == []
    assert Updated(state="paused") in sent(stage.session.arrive(2, 2, True, [known("a")], 4), "a")


@pytest.mark.parametrize(
    ("prepare", "limits", "reason"),
    [
        (lambda stage: None, Limits(1_000, NEVER, NEVER, NEVER), "pending_timeout"),
        (lambda stage: stage.session.depart(0), Limits(NEVER, NEVER, NEVER, 1_000), "away_timeout"),
        (lambda stage: stage.session.from_broadcaster(Begin(), 0), Limits(NEVER, 1_000, NEVER, NEVER), "idle_timeout"),
        (lambda stage: stage.session.from_broadcaster(Pause(), 0), Limits(NEVER, 1_000, NEVER, NEVER), "idle_timeout"),
        (lambda stage: None, Limits(NEVER, NEVER, 1_000, NEVER), "active_timeout"),
    ],
)
def test_every_state_has_its_longest(prepare: Any, limits: Limits, reason: EndReason) -> None:
    stage = Stage(limits=limits)
    prepare(stage)
    assert stage.session.tick(999) == []
    assert Ended(reason=reason) in sent(stage.session.tick(1_000), BROADCASTER)
    assert stage.session.ended_reason == reason


def test_a_session_that_is_watched_is_not_idle() -> None:
    stage = Stage("a", limits=Limits(NEVER, 1_000, NEVER, NEVER))
    for now in (900, 1_800):
        assert stage.session.tick(now) == []
    stage.session.leave("a", 1_900)
    stage.session.tick(2_799)
    assert stage.session.state == "active"
    stage.session.tick(2_800)
    assert stage.session.ended_reason == "idle_timeout"


def test_an_absence_that_was_told_of_is_explained_and_waited_for() -> None:
    stage = Stage("a", limits=Limits(NEVER, NEVER, NEVER, 1_000))
    stage.session.from_broadcaster(ExpectAway(seconds=30, message="at the bank"), 0)
    assert sent(stage.session.depart(100), "a") == [Updated(state="away", message="at the bank")]
    assert sent(stage.session.join("a", "a", "guest", False, 200), "a")[0] == Updated(
        state="away", message="at the bank"
    )
    stage.session.tick(29_999)
    assert stage.session.state == "away"
    stage.session.tick(30_000)
    assert stage.session.ended_reason == "away_timeout"


def test_an_absence_counts_once() -> None:
    stage = Stage("a", limits=Limits(NEVER, NEVER, NEVER, 1_000))
    stage.session.from_broadcaster(ExpectAway(seconds=3_600), 0)
    stage.session.depart(100)
    stage.session.arrive(1, 1, False, [known("a")], 200)
    assert sent(stage.session.depart(300), "a") == [Updated(state="away")]
    stage.session.tick(1_300)
    assert stage.session.ended_reason == "away_timeout"


def test_nothing_leads_out_of_the_end() -> None:
    assert LEGAL["ended"] == frozenset()
    assert all("ended" in states for state, states in LEGAL.items() if state != "ended")
    stage = Stage("a")
    stage.session.end("server", 1)
    assert stage.session.end("agent", 2) == []
    assert stage.session.ended_reason == "server"
