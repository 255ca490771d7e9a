"""Every viewer shows every event once and in order, whatever the roads do, and is live again once they are well.

The model of `model.py`, at random; and the same with a rule broken on purpose, which it must find.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cobrowse.log import Cursor, Log
from cobrowse.outputs import Output, Wake
from cobrowse.records import Frame
from cobrowse.relay import Relay
from cobrowse.session import Session

from .model import Visitor, World, set_low_limits
from .watcher import Path as Road
from .watcher import Reader, Watcher, Wrong

STEPS = 600_000
"""Of the model in Python; that in TypeScript takes more (`client/src/model.test.ts`)."""
TOGETHER = 1_000_000
STEPS_A_WORLD = 3_000
PARTS = 2
"""The steps are taken by so many tests, which may run side by side."""
FIRST_SEED = int(os.environ.get("COBROWSE_MODEL_SEED", "0"))


@pytest.fixture(autouse=True)
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is bounded, and grows stale, does so within a world's steps."""
    set_low_limits(monkeypatch.setattr)


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_repeated_or_out_of_order_and_everybody_is_live_again(part: int) -> None:
    steps = worlds = 0
    while steps < STEPS // PARTS:
        steps += World(FIRST_SEED + worlds * PARTS + part).run(STEPS_A_WORLD)
        worlds += 1
    print(f"{steps} steps in {worlds} worlds")
    assert steps * PARTS >= STEPS


def test_both_languages_together_take_a_million_steps() -> None:
    """Each asserts that it has taken its own; here the two numbers are put together."""
    text = (Path(__file__).parents[1] / "client" / "src" / "model.test.ts").read_text()
    found = re.search(r"^const STEPS = ([\d_]+);$", text, re.MULTILINE)
    assert found is not None
    assert STEPS + int(found[1]) >= TOGETHER


def test_a_history_is_the_same_each_time() -> None:
    """What fails can be seen again by its seed."""
    worlds = [World(7) for _ in range(2)]
    for world in worlds:
        world.run(STEPS_A_WORLD)
    one, other = ([(step, name) for step, name, *_ in world.last] for world in worlds)
    assert one == other
    assert worlds[0].page.happened == worlds[1].page.happened


def test_what_is_wrong_is_said_with_what_is_needed_to_see_it_again() -> None:
    with pytest.raises(Wrong, match=r"(?s)World\(0\)\.run\(\d+\) fails at step \d+, after.* viewer_hears v\d"):
        World(0, reader=Repeats).run(STEPS)


# Rules broken on purpose -------------------------------------------------------------------------------------


class JumpsGaps(Reader):
    def take(self, frame: Frame) -> str:
        taken = super().take(frame)
        return self.apply(frame) if taken == "gap" else taken


class Repeats(Reader):
    def take(self, frame: Frame) -> str:
        taken = super().take(frame)
        return self.apply(frame) if taken == "duplicate" else taken


class NeverAsks(Watcher):
    def receive(self, path: Road, item: Any) -> Any:
        commands = super().receive(path, item)
        return commands if not isinstance(item, Frame) else []


class CutsInABatch(Visitor):
    """The snapshot knows of events that the log does not have yet at its position."""

    def cut(self, now: float) -> None:
        waiting, self.waiting = self.waiting, []
        super().cut(now)
        self.waiting = waiting + self.waiting


class LetsOneSlipBetween(Visitor):
    def full_flush(self, now: float) -> None:
        super().full_flush(now)
        self.happen()


class FlushesByHalf(Visitor):
    """A fresh inflater cannot begin there."""

    def full_flush(self, now: float) -> None:
        self.happen()
        self.flush(now)


class PlacesItABatchBefore(Visitor):
    def seal(self, now: float) -> None:
        self.place_checkpoint(max(self.log.first - 1, self.log.next - 4), now)


class PlacesItAFrameAfter(Visitor):
    def seal(self, now: float) -> None:
        happened = self.happened
        if self.log.next > 0:
            self.happen()
            self.flush(now)
            self.happened = happened
        super().seal(now)
        self.happened += self.log.next > 0


def takes_frames_ahead(self: Log, frame: Frame, now: float) -> bool:
    if frame.epoch != self.epoch or frame.seq < self.next:
        return False
    self.next = frame.seq
    return taking(self, frame, now)


def takes_frames_again(self: Log, frame: Frame, now: float) -> bool:
    if frame.epoch == self.epoch and self.first <= frame.seq < self.next:
        frame = Frame(frame.epoch, self.next, frame.flags, frame.data)
    return taking(self, frame, now)


def keeps_all(self: Log, now: float) -> None:
    self._joined.clear()


def never_falls_off(self: Cursor) -> bool:
    if not self.waiting and self.epoch == self.log.epoch and self.checkpoint is None:
        self.next = max(self.next, self.log.first)
    return self.epoch != self.log.epoch


def begins_the_same_epoch(self: Session, epoch: int) -> list[Output]:
    return beginning(self, max(1, epoch - 1))


def never_says_where_it_stands(self: Relay, frame: Frame, now: float) -> list[Output]:
    return [Wake()] if self.log.append(frame, now) else []


def asks_for_none_of_which_a_part_is_here(self: Cursor) -> bool:
    return self.log.checkpoint is None and (self.waiting or self.lost)


def keeps_demanding(self: Relay, now: float, again: bool = False, earlier: bool = False) -> list[Output]:
    return demanding(self, now, again, earlier) if self.readers or again else []


taking, beginning, demanding = Log.append, Session._begin, Relay.demand


@pytest.mark.parametrize("reader", [JumpsGaps, Repeats])
def test_it_finds_a_reader_that(reader: type[Reader]) -> None:
    finds(lambda seed: World(seed, reader=reader))


def test_it_finds_a_viewer_that_never_asks() -> None:
    finds(lambda seed: World(seed, watcher=NeverAsks))


@pytest.mark.parametrize(
    "visitor", [CutsInABatch, LetsOneSlipBetween, FlushesByHalf, PlacesItABatchBefore, PlacesItAFrameAfter]
)
def test_it_finds_a_broadcaster_that(visitor: type[Visitor]) -> None:
    finds(lambda seed: World(seed, visitor=visitor))


@pytest.mark.parametrize(
    ("owner", "name", "broken"),
    [
        (Log, "append", takes_frames_ahead),
        (Log, "append", takes_frames_again),
        (Log, "trim", keeps_all),
        (Cursor, "lost", property(never_falls_off)),
        (Cursor, "starting", property(asks_for_none_of_which_a_part_is_here)),
        (Session, "_begin", begins_the_same_epoch),
        (Relay, "frame", never_says_where_it_stands),
        (Relay, "demand", keeps_demanding),
    ],
    ids=lambda value: getattr(getattr(value, "fget", value), "__name__", str(value)),
)
def test_it_finds_a_server_that(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, broken: object) -> None:
    monkeypatch.setattr(owner, name, broken)
    finds(World)


def finds(make: Callable[[int], World]) -> None:
    steps = 0
    for seed in range(STEPS // STEPS_A_WORLD):
        world = make(seed)
        try:
            steps += world.run(STEPS_A_WORLD)
        except Wrong as wrong:
            print(f"found after {steps + world.steps} steps: {str(wrong).splitlines()[0]}")
            return
    pytest.fail(f"not found in {steps} steps")
