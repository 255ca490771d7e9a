"""The log and its cursors: nothing lost, nothing twice, nothing out of order, whatever happens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cobrowse.log import CHECKPOINT_EVERY_MS, CHECKPOINT_FLOOR, READ_WITHIN_MS, WINDOW_FRAMES, Cursor, Log
from cobrowse.records import END, MAX_CHECKPOINT, Frame, Part

WINDOW_MS = 5_000
WINDOW_BYTES = 100_000
SIZES = st.sampled_from([0, 1, 100, 5_000, 16_384])
LIMITS = st.sampled_from([0, 1, 200, 9_000, 40_000, 262_144])


def frame(seq: int, size: int = 10, epoch: int = 1) -> Frame:
    return Frame(epoch, seq, END, bytes(size))


def part(seq: int, id: int, part: int = 0, parts: int = 1, size: int = 10, epoch: int = 1) -> Part:
    return Part(epoch, seq, id, part, parts, bytes(size))


def test_frames_after_a_checkpoint_that_is_being_read_do_not_grow_old() -> None:
    log = Log(WINDOW_MS, WINDOW_BYTES)
    log.begin(1)
    log.append(frame(0), 0)
    log.add_part(part(0, 1, 0, 3), 0)
    log.append(frame(1), 0)
    log.trim(WINDOW_MS + 1)
    assert (log.first, log.next) == (1, 2), "what stands before it does"
    log.add_part(part(0, 1, 1, 3), READ_WITHIN_MS)
    cursor = Cursor(log)
    cursor.join()
    log.trim(2 * READ_WITHIN_MS)
    assert len(cursor.take(0, 2 * READ_WITHIN_MS)) == 1
    log.add_part(part(0, 1, 2, 3), 3 * READ_WITHIN_MS)
    log.trim(4 * READ_WITHIN_MS)
    assert len(cursor.take(WINDOW_BYTES, 4 * READ_WITHIN_MS)) == 3, "two parts, and the frame after them"
    log.trim(5 * READ_WITHIN_MS + 1)
    assert (log.first, log.checkpoint) == (2, None), "when nobody reads it any more they do"


def test_frames_after_a_checkpoint_that_is_being_read_are_bounded_all_the_same() -> None:
    log = Log(WINDOW_MS, WINDOW_BYTES)
    log.begin(1)
    log.add_part(part(-1, 1, 0, 2), 0)
    for seq in range(2 * WINDOW_BYTES // 10_000):
        log.append(frame(seq, 10_000), 0)
    assert log.size <= WINDOW_BYTES
    assert log.checkpoint is None


class Reading:
    """A reader that believes nothing: it says whether what it gets is exactly what must come next."""

    def __init__(self, log: Log) -> None:
        self.cursor = Cursor(log)
        self.cursor.join()
        self.join()

    def join(self) -> None:
        self.epoch = self.cursor.epoch
        self.starting = True
        self.parts: list[Part] = []
        self.next = -1

    def resume(self, epoch: int, seq: int) -> None:
        self.epoch, self.starting, self.parts, self.next = epoch, False, [], seq + 1

    def take(self, item: Frame | Part) -> None:
        assert item.epoch == self.epoch
        if isinstance(item, Part):
            assert self.starting, "a part in the middle of frames"
            assert item.part == len(self.parts), "a part left out, twice or out of order"
            assert all((one.id, one.seq, one.parts) == (item.id, item.seq, item.parts) for one in self.parts)
            self.parts.append(item)
            if len(self.parts) == item.parts:
                self.starting, self.next = False, item.seq + 1
        else:
            assert not self.starting, "a frame before the checkpoint is whole"
            assert item.seq == self.next, "a frame left out, twice or out of order"
            self.next += 1


class LogMachine(RuleBasedStateMachine):
    """One writer over a road that drops, repeats and reorders, and several readers of every speed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.log = Log(WINDOW_MS, WINDOW_BYTES)
        self.log.begin(1)
        self.written: dict[tuple[int, int], Frame] = {}
        self.parts: dict[tuple[int, int, int], Part] = {}
        self.made = 0
        self.writing: tuple[int, int, int] | None = None  # seq, parts, next part

    @initialize(count=st.integers(1, 4))
    def readers(self, count: int) -> None:
        self.reading = [Reading(self.log) for _ in range(count)]

    def the_frame(self, epoch: int, seq: int, size: int) -> Frame:
        return self.written.setdefault((epoch, seq), Frame(epoch, seq, END, bytes(size)))

    @rule(ms=st.sampled_from([1, 50, 700, 2_500]))
    def wait(self, ms: int) -> None:
        self.now += ms

    @rule(size=SIZES)
    def append(self, size: int) -> None:
        before = self.log.next
        assert self.log.append(self.the_frame(self.log.epoch, before, size), self.now)
        assert self.log.next == before + 1

    @rule(size=SIZES, count=st.integers(2, 12))
    def append_many(self, size: int, count: int) -> None:
        for _ in range(count):
            self.append(size)

    @rule(off=st.integers(-3, 3).filter(bool), epoch=st.integers(-1, 1), size=SIZES)
    def append_what_is_not_next(self, off: int, epoch: int, size: int) -> None:
        stray = Frame(self.log.epoch + epoch, max(0, self.log.next + off), END, bytes(size))
        before = (self.log.first, self.log.next, self.log.size, self.log.checkpoint)
        if stray.seq == self.log.next and epoch == 0:
            return
        assert not self.log.append(stray, self.now)
        assert before == (self.log.first, self.log.next, self.log.size, self.log.checkpoint)

    @rule(back=st.sampled_from([0, 0, 0, 1, 5, 40, -1, -7]), parts=st.integers(1, 4))
    def begin_checkpoint(self, back: int, parts: int) -> None:
        """At the head, further back than there is, or ahead: then the log restarts there."""
        self.writing = (max(-1, self.log.next - 1 - back), parts, 0)
        self.made += 1
        self.add_part(100)

    @precondition(lambda self: self.writing is not None)
    @rule(size=SIZES)
    def add_part(self, size: int) -> None:
        assert self.writing is not None
        seq, parts, part = self.writing
        sent = Part(self.log.epoch, seq, self.made, part, parts, bytes(size))
        taken = self.log.add_part(sent, self.now)
        if part == 0:
            assert taken
        self.writing = (seq, parts, part + 1) if part + 1 < parts else None

    @precondition(lambda self: self.writing is not None)
    @rule()
    def give_checkpoint_up(self) -> None:
        self.writing = None

    @rule(part=st.integers(0, 4), id=st.integers(-2, 0))
    def add_stray_part(self, part: int, id: int) -> None:
        held = self.log.checkpoint
        if held is None or self.writing is not None:
            return
        if part == len(held.parts) and id == 0:
            return
        before = len(held.parts)
        stray = Part(self.log.epoch, held.seq, held.id + id, part, held.total, b"stray")
        assert not self.log.add_part(stray, self.now)
        assert self.log.checkpoint is held
        assert len(held.parts) == before

    @rule()
    def trim(self) -> None:
        self.log.trim(self.now)

    @rule(ahead=st.sampled_from([1, 1, 5]))
    def begin(self, ahead: int) -> None:
        self.log.begin(self.log.epoch + ahead)
        self.writing = None
        assert all(reading.cursor.lost for reading in self.reading)

    @rule(which=st.integers(0, 3))
    def join(self, which: int) -> None:
        reading = self.reading[which % len(self.reading)]
        reading.cursor.join()
        reading.join()
        assert not reading.cursor.lost

    @rule(which=st.integers(0, 3), epoch=st.sampled_from([0, 0, 0, 1, -1]), share=st.floats(-0.2, 1.2))
    def resume(self, which: int, epoch: int, share: float) -> None:
        reading, log = self.reading[which % len(self.reading)], self.log
        seq = max(-1, log.first - 1 + round(share * (log.next - log.first)))
        resumed = reading.cursor.resume(log.epoch + epoch, seq)
        assert resumed == (epoch == 0 and seq >= log.first - 1)
        if resumed:
            reading.resume(log.epoch, seq)
            assert not reading.cursor.lost

    @rule(which=st.integers(0, 3), limit=LIMITS)
    def take(self, which: int, limit: int) -> None:
        reading = self.reading[which % len(self.reading)]
        lost = reading.cursor.lost
        items = reading.cursor.take(limit, self.now)
        assert not (lost and items), "something for a reader that is lost"
        size = sum(len(item.data) for item in items)
        assert len(items) <= 1 or size <= limit
        for item in items:
            reading.take(item)
            if isinstance(item, Frame):
                assert item is self.written[item.epoch, item.seq]
        if not items and not lost:
            self.has_reason_to_wait(reading)

    def has_reason_to_wait(self, reading: Reading) -> None:
        cursor, log = reading.cursor, self.log
        if cursor.waiting:
            assert log.usable(self.now) is None
        elif cursor.checkpoint is not None:
            assert not cursor.checkpoint.complete
            assert cursor.checkpoint is log.checkpoint
        else:
            assert cursor.next >= log.next

    @invariant()
    def holds_no_gap(self) -> None:
        log = self.log
        assert log.size <= WINDOW_BYTES
        kept = [log.frame(seq) for seq in range(log.first, log.next)]
        assert [one.seq for one in kept] == list(range(log.first, log.next))
        assert log.size == sum(len(one.data) for one in kept)
        held = log.checkpoint
        if held is not None:
            assert held.epoch == log.epoch
            assert log.covers(held.seq)
            assert log.since(held.seq) == sum(len(one.data) for one in kept if one.seq > held.seq)


LogMachine.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=60,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLogMachine = LogMachine.TestCase


# Rules, one by one -------------------------------------------------------------------------------------------


@pytest.fixture
def log() -> Log:
    log = Log(WINDOW_MS, WINDOW_BYTES)
    log.begin(1)
    return log


def test_frames_leave_by_age_and_by_bytes(log: Log) -> None:
    log.append(frame(0, 60_000), 0)
    log.append(frame(1, 40_000), 1)
    assert (log.first, log.size) == (0, 100_000)
    log.append(frame(2, 1), 2)
    assert (log.first, log.size) == (1, 40_001)
    log.trim(1 + WINDOW_MS)
    assert log.first == 1
    log.trim(2 + WINDOW_MS)
    assert log.first == 2
    log.trim(10 * WINDOW_MS)
    assert (log.first, log.next, log.size) == (3, 3, 0)


def test_frames_leave_by_number(log: Log) -> None:
    for seq in range(WINDOW_FRAMES + 3):
        log.append(Frame(log.epoch, log.next, 0, b""), seq / 1_000)
    assert log.next - log.first == WINDOW_FRAMES


def test_a_frame_larger_than_the_window_does_not_stay(log: Log) -> None:
    assert log.append(frame(0, WINDOW_BYTES + 1), 0)
    assert (log.first, log.next, log.size) == (1, 1, 0)


def test_a_checkpoint_goes_with_the_frames_after_it(log: Log) -> None:
    log.append(frame(0), 0)
    log.add_part(part(0, 1), 0)
    log.append(frame(1), 100)
    log.trim(WINDOW_MS + 50)
    assert log.checkpoint is not None
    log.append(frame(2), READ_WITHIN_MS)
    log.trim(READ_WITHIN_MS + 1)
    assert log.checkpoint is None


def test_a_checkpoint_outside_of_the_frames_restarts_the_log(log: Log) -> None:
    log.append(frame(0), 0)
    cursor = Cursor(log)
    assert cursor.resume(1, -1)
    assert log.add_part(part(40, 1), 0)
    assert (log.epoch, log.first, log.next) == (1, 41, 41)
    assert cursor.lost


@pytest.mark.parametrize(
    ("size", "after", "age", "usable"),
    [
        (10, CHECKPOINT_FLOOR, CHECKPOINT_EVERY_MS, True),
        (10, CHECKPOINT_FLOOR + 1, CHECKPOINT_EVERY_MS, False),
        (10, CHECKPOINT_FLOOR + 1, CHECKPOINT_EVERY_MS - 1, True),
        (50_000, 50_000, CHECKPOINT_EVERY_MS, True),
        (50_000, 50_001, CHECKPOINT_EVERY_MS, False),
    ],
)
def test_a_checkpoint_is_usable_until_it_is_stale(log: Log, size: int, after: int, age: int, usable: bool) -> None:
    log.add_part(part(-1, 0, size=size), 0)
    log.append(frame(0, after), 0)
    assert (log.usable(age) is not None) is usable


def test_one_that_is_arriving_is_usable_however_old(log: Log) -> None:
    log.add_part(part(-1, 0, parts=2), 0)
    log.append(frame(0, 60_000), 0)
    assert log.usable(WINDOW_MS) is log.checkpoint


def test_a_checkpoint_has_a_most(log: Log) -> None:
    half = MAX_CHECKPOINT // 2
    assert log.add_part(part(-1, 0, 0, 3, half), 0)
    assert log.add_part(part(-1, 0, 1, 3, half), 0)
    assert not log.add_part(part(-1, 0, 2, 3, 1), 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log.add_part(part(-1, 1), 1),  # another is made
        lambda log: log.begin(1),  # the log begins anew
    ],
)
def test_a_reader_of_a_checkpoint_that_is_given_up_is_lost(log: Log, change: Callable[[Log], object]) -> None:
    log.add_part(part(-1, 0, 0, 2), 0)
    cursor = Cursor(log)
    assert len(cursor.take(1_000, 0)) == 1
    assert not cursor.lost
    change(log)
    assert cursor.lost
    assert cursor.take(1_000, 0) == []


def test_a_whole_checkpoint_is_read_to_its_end_though_another_is_made(log: Log) -> None:
    log.add_part(part(-1, 0, 0, 2), 0)
    log.add_part(part(-1, 0, 1, 2), 0)
    cursor = Cursor(log)
    assert [item.seq for item in cursor.take(10, 0)] == [-1]
    log.append(frame(0), 0)
    log.add_part(part(0, 1), 0)
    assert not cursor.lost
    assert [type(item) for item in cursor.take(1_000, 0)] == [Part, Frame]


def test_a_cursor_ahead_of_the_log_waits_for_it(log: Log) -> None:
    cursor = Cursor(log)
    assert cursor.resume(1, 2)
    for seq in range(3):
        log.append(frame(seq), 0)
        assert cursor.take(1_000, 0) == []
    log.append(frame(3), 0)
    assert [item.seq for item in cursor.take(1_000, 0)] == [3]


def test_readers_in_step_get_the_same_bytes_and_others_their_own() -> None:
    log = Log(WINDOW_MS, WINDOW_BYTES)
    log.begin(1)
    frames = [frame(seq, 100) for seq in range(5)]
    for one in frames:
        log.append(one, 0)
    readers = [Cursor(log) for _ in range(3)]
    for reader, seq in zip(readers, (-1, -1, 2), strict=True):
        assert reader.resume(1, seq)
    first, second, ahead = (reader.read(60_000, 0) for reader in readers)
    assert first is second, "joined once"
    assert first == b"".join(one.record for one in frames)
    assert ahead == frames[3].record + frames[4].record
    assert [reader.read(60_000, 0) for reader in readers] == [b"", b"", b""]
    log.append(frame(5), 0)
    assert [reader.read(60_000, 0) for reader in readers] == [frame(5).record] * 3


def test_what_is_read_is_what_is_taken() -> None:
    log = Log(WINDOW_MS, WINDOW_BYTES)
    log.begin(1)
    log.add_part(part(-1, 1, 0, 2, 100), 0)
    log.add_part(part(-1, 1, 1, 2, 100), 0)
    for seq in range(20):
        log.append(frame(seq, 50 * seq), 0)
    for limit in (0, 150, 300, 1_000, 60_000):
        taking, reading = Cursor(log), Cursor(log)
        taking.join()
        reading.join()
        while items := taking.take(limit, 0):
            assert reading.read(limit, 0) == b"".join(item.record for item in items)
        assert reading.read(limit, 0) == b""
        assert reading.next == taking.next == 20
