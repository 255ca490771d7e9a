"""A session on the server, with a model of everybody who takes part: nobody ever gets a gap, or what is not theirs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cobrowse.codec import parse
from cobrowse.fields import AdmittedViewer, Capability, Position
from cobrowse.inputs import Acknowledged
from cobrowse.log import CHECKPOINT_EVERY_MS, Log
from cobrowse.messages import (
    Admit,
    Admitted,
    Begin,
    Demand,
    FromBroadcaster,
    Pause,
    Remove,
    Reset,
    Resumed,
    Signal,
    Subscribe,
    Unsubscribe,
)
from cobrowse.outputs import BROADCASTER, Forward, Output, Send, Wake
from cobrowse.records import Frame, Part, decode
from cobrowse.session import LEGAL, Session

from .page import Page, welcome
from .stage import ENDLESS, PROOF, Watcher

SIZES = st.sampled_from([1, 500, 4_000, 16_384])


TO_VIEWERS: dict[str, Any] = {"resumed": Resumed, "reset": Reset}


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
