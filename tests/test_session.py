"""A session on the server, with a model of everybody who takes part: nobody ever gets a gap, or what is not theirs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import BaseModel

from cobrowse.close_codes import CloseCode
from cobrowse.codec import FROM_VIEWER, parse
from cobrowse.fields import AdmittedViewer, Capability, EndReason, Position
from cobrowse.inputs import Acknowledged, Chat, Declined, InputMessage, Refused, Request, ViewerInput
from cobrowse.log import CHECKPOINT_EVERY_MS, Log
from cobrowse.messages import (
    Admit,
    Admitted,
    Begin,
    Begun,
    Demand,
    End,
    Ended,
    ExpectAway,
    FromBroadcaster,
    Left,
    Link,
    Pause,
    Remove,
    Requested,
    Reset,
    Resumed,
    Signal,
    Subscribe,
    Unsubscribe,
    Updated,
)
from cobrowse.outputs import BROADCASTER, Drop, Forward, Output, Send, Wake
from cobrowse.records import END, Frame, Part, decode
from cobrowse.relay import NEAR, SLOW_RESETS
from cobrowse.session import LEFT_AFTER_MS, LEGAL, MAX_VIEWERS, Limits, Session
from cobrowse.viewer import INPUT_NEEDS

from .page import NEVER, Page, welcome

ENDLESS = Limits(NEVER, NEVER, NEVER, NEVER)
PROOF = b"p" * 32
SIZES = st.sampled_from([1, 500, 4_000, 16_384])
TO_VIEWERS: dict[str, Any] = {"resumed": Resumed, "reset": Reset}


# The model of a viewer ---------------------------------------------------------------------------------------


class Watcher:
    """A viewer that believes nothing: it says whether what it gets is exactly what must come next."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.connected = False
        self.inbox: deque[BaseModel | Frame | Part] = deque()
        self.last_id = 0
        self.subscribed: int | None = None
        self.answered = False
        self.starting = True
        self.asked: Position | None = None
        self.parts: list[Part] = []
        self.epoch = 0
        self.next = 0

    @property
    def position(self) -> Position | None:
        return None if self.starting else Position(epoch=self.epoch, seq=self.next - 1)

    def receive(self, item: BaseModel | Frame | Part, written: dict[tuple[int, int], Frame]) -> None:
        match item:
            case Resumed(id=id) if id == self.subscribed:
                assert not self.answered, "answered twice"
                assert self.asked == self.position, "resumed from a place that was not asked for"
                self.answered = True
            case Reset(id=id) if id == self.subscribed:
                self.answered, self.starting, self.parts = True, True, []
            case Frame() if self.answered:
                assert not self.starting, "a frame before the checkpoint is whole"
                assert (item.epoch, item.seq) == (self.epoch, self.next), "a gap, or a frame twice"
                assert item == written[item.epoch, item.seq], "another frame"
                self.next += 1
            case Part() if self.answered:
                assert self.starting, "a part in the middle of frames"
                assert item.part == len(self.parts), "a part left out, twice or out of order"
                assert all((one.id, one.seq, one.epoch) == (item.id, item.seq, item.epoch) for one in self.parts)
                self.parts.append(item)
                if len(self.parts) == item.parts:
                    self.starting, self.epoch, self.next = False, item.epoch, item.seq + 1


# Everybody together ------------------------------------------------------------------------------------------


class SessionMachine(RuleBasedStateMachine):
    """Connections drop with what is on its way, everybody is slow at times, and the windows are small."""

    @initialize(
        window=st.sampled_from([40_000, 120_000]),
        parts=st.sampled_from([1, 4, 9]),
        admitted=st.sets(st.integers(0, 2)),
    )
    def begin(self, window: int, parts: int, admitted: set[int]) -> None:
        self.now = 1_000.0
        self.page = Page(window, parts)
        self.watchers = [Watcher(id) for id in ("a", "b", "c")]
        self.create_session()
        self.connect_page()
        for which in admitted:
            self.admit(which)
            self.viewer_comes(which)

    def create_session(self) -> None:
        self.session = Session("s", PROOF, self.now, ENDLESS)
        self.session.relay.log.window_bytes = self.page.log.window_bytes
        self.state = self.session.state
        self.let_in: set[str] = set()  # whom the broadcaster has let in, as far as the server was told
        self.demanded: Demand | None = None

    def carry_out(self, outputs: Iterable[Output], before: set[str]) -> None:
        known = {BROADCASTER} | before | set(self.session.viewers)
        by_id = {watcher.id: watcher for watcher in self.watchers}
        for output in outputs:
            if isinstance(output, Wake):
                assert output.viewer is None or output.viewer in known
                continue
            assert output.to in known, "for somebody unknown"
            if isinstance(output, Send) and output.to == BROADCASTER:
                if isinstance(output.message, Demand):
                    self.demanded = output.message
                if self.page.connected:
                    self.page.inbox.append(output.message)
            elif isinstance(output, Send):
                if isinstance(output.message, Admitted | Resumed | Reset | Acknowledged | Signal):
                    assert output.to in self.let_in
                if by_id[output.to].connected:
                    by_id[output.to].inbox.append(output.message)
            elif isinstance(output, Forward):
                assert output.to == BROADCASTER or output.to in self.let_in
            elif output.to != BROADCASTER:
                self.drop(by_id[output.to])
        if self.session.state != self.state:
            assert self.session.state in LEGAL[self.state]
            self.state = self.session.state

    def call(self, method: Any, *arguments: Any) -> None:
        before = set(self.session.viewers)
        self.carry_out(method(*arguments, self.now), before)

    # The broadcaster

    def connect_page(self) -> None:
        page = self.page
        page.connected = True
        page.inbox.clear()
        page.outbox.clear()
        page.forget_demands()
        self.demanded = None
        self.let_in = set(page.admitted)
        before = set(self.session.viewers)
        admitted = list(page.admitted.values())
        outputs = self.session.arrive(page.granted or None, page.last, page.paused, admitted, self.now)
        assert self.session.relay.log.epoch >= page.last
        # The driver sends welcome before what `arrive` says.
        page.inbox.append(welcome(self.session))
        self.carry_out(outputs, before)

    @rule()
    def page_comes_back(self) -> None:
        """With or without the server having noticed that it was gone."""
        self.connect_page()

    @precondition(lambda self: self.page.connected)
    @rule()
    def page_goes(self) -> None:
        self.page.connected = False
        self.page.inbox.clear()
        self.page.outbox.clear()
        self.call(self.session.depart)

    @rule()
    def page_loads_anew(self) -> None:
        if self.page.connected:
            self.page_goes()
        self.page.granted = 0
        self.page.log = Log(window_bytes=self.page.log.window_bytes)
        self.connect_page()
        assert self.session.relay.log.epoch > self.page.last

    @precondition(lambda self: self.page.log.epoch > 0)
    @rule(size=SIZES, count=st.integers(1, 6))
    def page_writes(self, size: int, count: int) -> None:
        for _ in range(count):
            self.page.write(size, self.now)

    @precondition(lambda self: self.page.log.epoch > 0)
    @rule()
    def page_makes_its_checkpoint(self) -> None:
        self.page.cut(self.now)

    @rule(limit=st.sampled_from([1, 5_000, 60_000]), turns=st.integers(1, 4))
    def page_pumps(self, limit: int, turns: int) -> None:
        self.page.pump(limit, self.now, turns)

    @rule(count=st.integers(1, 4))
    def page_receives(self, count: int) -> None:
        for _ in range(min(count, len(self.page.inbox))):
            self.page.receive(self.page.inbox.popleft(), self.now)

    @rule(count=st.integers(1, 8))
    def server_receives(self, count: int) -> None:
        for _ in range(min(count, len(self.page.outbox))):
            item = self.page.outbox.popleft()
            if isinstance(item, Frame):
                self.call(self.session.frame, item)
            elif isinstance(item, Part):
                self.call(self.session.part, item)
            else:
                if isinstance(item, Admit) and item.viewer in self.session.viewers:
                    self.let_in.add(item.viewer)
                if isinstance(item, Remove):
                    self.let_in.discard(item.viewer)
                self.call(self.session.from_broadcaster, item)

    def tell(self, message: FromBroadcaster) -> None:
        """What is told without a connection is lost."""
        if self.page.connected:
            self.page.outbox.append(message)

    @rule(which=st.integers(0, 2), more=st.booleans())
    def admit(self, which: int, more: bool = False) -> None:
        id = self.watchers[which].id
        if id in self.page.removed:
            return
        capabilities: list[Capability] = ["view", "chat"] if more else ["view"]
        self.page.admitted[id] = AdmittedViewer(id=id, name=id, role="guest", capabilities=capabilities)
        self.tell(Admit(viewer=id, capabilities=capabilities))
        self.page.record(self.now)

    @rule(which=st.integers(0, 2))
    def remove(self, which: int) -> None:
        id = self.watchers[which].id
        if self.page.admitted.pop(id, None) is not None:
            self.page.removed.add(id)
            self.tell(Remove(viewer=id))

    @rule()
    def pause(self) -> None:
        if not self.page.paused:
            self.page.paused = True
            self.tell(Pause())

    @rule()
    def unpause(self) -> None:
        if self.page.paused:
            self.page.paused = False
            self.tell(Begin())

    # Viewers

    def drop(self, watcher: Watcher) -> None:
        watcher.connected = watcher.answered = False
        watcher.subscribed = None
        watcher.inbox.clear()
        self.call(self.session.leave, watcher.id)

    def subscribe(self, watcher: Watcher, position: Position | None) -> None:
        watcher.last_id += 1
        watcher.subscribed, watcher.answered, watcher.asked = watcher.last_id, False, position
        if position is None:
            watcher.starting, watcher.parts = True, []
        message = Subscribe(id=watcher.last_id, position=position)
        before = set(self.session.viewers)
        self.carry_out(self.session.from_viewer(watcher.id, message, self.now), before)

    @rule(which=st.integers(0, 2))
    def viewer_comes(self, which: int) -> None:
        """Or comes anew, before its last connection was missed."""
        watcher = self.watchers[which]
        if self.session.access.is_removed(watcher.id, ""):
            watcher = self.watchers[which] = Watcher(f"{watcher.id}+")  # as somebody else: it was put out
        watcher.connected = True
        watcher.inbox.clear()
        watcher.subscribed = None
        before = set(self.session.viewers) | {watcher.id}
        self.carry_out(self.session.join(watcher.id, watcher.id, "guest", True, self.now), before)
        self.subscribe(watcher, watcher.position)

    @rule(which=st.integers(0, 2))
    def viewer_goes(self, which: int) -> None:
        if self.watchers[which].connected:
            self.drop(self.watchers[which])

    @rule(which=st.integers(0, 2), anew=st.booleans())
    def viewer_subscribes(self, which: int, anew: bool) -> None:
        watcher = self.watchers[which]
        if watcher.connected:
            self.subscribe(watcher, None if anew else watcher.position)

    @rule(which=st.integers(0, 2), read=st.integers(0, 8))
    def viewer_reads_direct(self, which: int, read: int) -> None:
        """It leaves the relay, and goes on from its position by another path."""
        watcher, log = self.watchers[which], self.page.log
        if not watcher.connected:
            return
        if watcher.subscribed is not None:
            message = Unsubscribe(id=watcher.subscribed)
            watcher.subscribed, watcher.answered = None, False
            before = set(self.session.viewers)
            self.carry_out(self.session.from_viewer(watcher.id, message, self.now), before)
        if not watcher.starting and watcher.epoch == log.epoch and log.covers(watcher.next - 1):
            watcher.next = min(log.next, watcher.next + read)

    @rule(which=st.integers(0, 2), limit=st.sampled_from([0, 1, 20_000, 65_536]))
    def viewer_pulls(self, which: int, limit: int) -> None:
        watcher = self.watchers[which]
        if not watcher.connected:
            return
        encoded, outputs = self.session.relay.pull(watcher.id, limit, self.now)
        if encoded:
            assert watcher.id in self.let_in, "for a viewer that was not let in, or was put out"
        items = [item for record in encoded for item in decode(record)]
        for item in items:
            if isinstance(item, dict):
                watcher.inbox.append(parse(item, TO_VIEWERS))
            else:
                assert isinstance(item, Frame | Part)
                watcher.inbox.append(item)
        records = [item for item in items if isinstance(item, Frame | Part)]
        assert len(records) <= 1 or sum(len(item.data) for item in records) <= limit
        self.carry_out(outputs, set(self.session.viewers))

    @rule(which=st.integers(0, 2), count=st.integers(1, 9))
    def viewer_receives(self, which: int, count: int) -> None:
        watcher = self.watchers[which]
        for _ in range(min(count, len(watcher.inbox))):
            watcher.receive(watcher.inbox.popleft(), self.page.written)

    # The rest

    @rule()
    def everything_flows(self) -> None:
        self.page_receives(10_000)
        self.page.pump(60_000, self.now)
        self.server_receives(10_000)
        for which in range(3):
            self.viewer_pulls(which, 65_536)
            self.viewer_receives(which, 10_000)

    @rule(ms=st.sampled_from([1, 100, 2_100, 30_000]))
    def wait(self, ms: int) -> None:
        self.now += ms
        self.call(self.session.tick)

    @rule()
    def server_forgets(self) -> None:
        """It was restarted: every connection is gone, and the session with it, until the broadcaster is back."""
        for watcher in self.watchers:
            watcher.connected = watcher.answered = False
            watcher.subscribed = None
            watcher.inbox.clear()
        self.create_session()
        self.connect_page()

    @invariant()
    def only_what_is_needed_is_demanded(self) -> None:
        if not hasattr(self, "session") or not self.session.present:
            return
        reading = any(
            watcher.connected and watcher.subscribed is not None and watcher.id in self.let_in
            for watcher in self.watchers
        )
        assert self.demanded is not None
        assert self.demanded.frames == reading

    def teardown(self) -> None:
        """Once all is well for a while, everybody who may see the page sees all of it."""
        if not hasattr(self, "session"):
            return
        if not self.page.connected:
            self.connect_page()
        for _ in range(12):
            self.now += CHECKPOINT_EVERY_MS
            self.call(self.session.tick)
            for _ in range(8):
                self.page.cut(self.now)
                self.everything_flows()
        if self.let_in and not self.page.paused:
            assert self.session.state == "active"
        for watcher in self.watchers:
            if watcher.connected and watcher.subscribed is not None and watcher.id in self.page.admitted:
                where = (watcher.starting, watcher.epoch, watcher.next)
                assert where == (False, self.page.log.epoch, self.page.log.next), f"{watcher.id} is not live"


SessionMachine.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=50,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
TestSessionMachine = SessionMachine.TestCase


# Rules, one by one -------------------------------------------------------------------------------------------


def frame(seq: int, epoch: int = 1, size: int = 10) -> Frame:
    return Frame(epoch, seq, END, bytes(size))


def part(seq: int, id: int, part: int = 0, parts: int = 1, epoch: int = 1) -> Part:
    return Part(epoch, seq, id, part, parts, b"page")


def sent(outputs: Iterable[Output], to: str) -> list[BaseModel]:
    return [output.message for output in outputs if isinstance(output, Send) and output.to == to]


def known(id: str, *capabilities: Capability) -> AdmittedViewer:
    return AdmittedViewer(id=id, name=id, role="guest", capabilities=list(capabilities))


class Stage:
    """A session whose broadcaster is there, and viewers that were let in."""

    def __init__(self, *viewers: str, limits: Limits = ENDLESS) -> None:
        self.session = Session("s", PROOF, 0, limits)
        self.session.arrive(None, 0, False, [], 0)
        for id in viewers:
            self.session.join(id, id, "guest", True, 0)
            self.admit(id, "chat")

    def admit(self, id: str, *capabilities: Capability) -> list[Output]:
        return self.session.from_broadcaster(Admit(viewer=id, capabilities=list(capabilities)), 0)

    def subscribe(self, id: str, position: Position | None = None, now: float = 0, number: int = 1) -> list[Output]:
        return self.session.from_viewer(id, Subscribe(id=number, position=position), now)

    def live(self, id: str, upto: int) -> None:
        """That viewer has the checkpoint and the frames up to there."""
        self.subscribe(id)
        if self.session.relay.log.checkpoint is None:
            self.session.part(part(-1, 0), 0)
        for seq in range(self.session.relay.log.next, upto + 1):
            self.session.frame(frame(seq), 0)
        assert self.pull(id)[-1] == frame(upto)

    def pull(self, id: str, now: float = 0) -> list[Any]:
        encoded, _ = self.session.relay.pull(id, 60_000, now)
        return [item for record in encoded for item in decode(record)]


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


def test_a_joiner_is_served_though_the_checkpoint_stands_before_the_servers_log() -> None:
    """One viewer made the server's log begin late; a checkpoint that stands earlier makes it begin anew, and the
    broadcaster is sent back to there in the middle of the checkpoint."""
    machine = SessionMachine()
    machine.begin(window=1_000_000, parts=9, admitted={0})
    for _ in range(4):
        machine.everything_flows()
    machine.page_writes(size=1, count=6)
    machine.everything_flows()
    machine.server_forgets()
    machine.everything_flows()
    machine.viewer_comes(0)
    assert machine.session.relay.log.first == 6
    machine.everything_flows()
    machine.admit(1)
    machine.viewer_comes(1)
    machine.server_receives(count=99)
    machine.page_receives(count=99)
    machine.page_pumps(limit=60_000, turns=1)
    machine.server_receives(count=99)
    assert machine.session.relay.log.first == 0
    machine.viewer_pulls(1, limit=60_000)
    machine.page_writes(size=1, count=1)
    machine.page_pumps(limit=60_000, turns=1)
    machine.server_receives(count=99)
    machine.page_receives(count=99)
    machine.teardown()


def test_a_joiner_has_the_last_frame_though_nothing_more_happens() -> None:
    """The checkpoint makes the server's log begin anew, before a frame that the broadcaster takes for known."""
    machine = SessionMachine()
    machine.begin(window=1_000_000, parts=1, admitted={0})
    for _ in range(4):
        machine.everything_flows()
    machine.admit(1)
    machine.page_writes(size=1, count=1)
    machine.viewer_reads_direct(0, read=1)
    machine.viewer_comes(0)
    machine.viewer_comes(1)
    machine.teardown()


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


def test_a_direct_session_has_no_relay() -> None:
    stage = Stage("a")
    stage.session.path = "direct"
    assert stage.subscribe("a") == []
    assert stage.session.relay.readers == ()
    with pytest.raises(PermissionError, match="direct"):
        stage.session.frame(frame(0), 1)
    with pytest.raises(PermissionError, match="direct"):
        stage.session.part(part(-1, 0), 1)


def test_a_place_that_never_was_is_refused_once_that_is_known() -> None:
    stage = Stage("a")
    outputs = stage.subscribe("a", Position(epoch=1, seq=5_000))
    assert sent(outputs, "a") == [Resumed(id=1)]
    stage.session.part(part(9, 0), 1)  # all that the broadcaster has
    assert [type(item) for item in stage.pull("a", 1)] == [dict, Part]
    stage.session.frame(frame(10), 2)
    assert stage.pull("a", 2) == [frame(10)]


def test_what_neither_may_say_is_refused() -> None:
    stage = Stage("a")
    with pytest.raises(PermissionError, match="'welcome'"):
        stage.session.from_broadcaster(welcome(stage.session), 1)  # type: ignore[arg-type]
    assert set(FROM_VIEWER) == {"hello", "subscribe", "unsubscribe", "input", "end", "signal", "ping", "pong"}
    with pytest.raises(PermissionError, match="'begin'"):
        stage.session.from_viewer("a", Begin(), 1)  # type: ignore[arg-type]


def test_nothing_leads_out_of_the_end() -> None:
    assert LEGAL["ended"] == frozenset()
    assert all("ended" in states for state, states in LEGAL.items() if state != "ended")
    stage = Stage("a")
    stage.session.end("server", 1)
    assert stage.session.end("agent", 2) == []
    assert stage.session.ended_reason == "server"
