"""A randomised model of a session: a broadcaster, the server's core, and viewers, on roads that harm what they carry.

The core is the product's own: `Session`, `Relay`, `Log`, `Cursor`. What the broadcaster (`page.py`) and the viewers
(`watcher.py`) do are models of the rules in `client/src`, whose own code is in `client/src/model.test.ts`. One number
makes a whole history: what fails says it, with the last steps.
"""

from __future__ import annotations

import random
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from pydantic import BaseModel

from cobrowse import log as limits
from cobrowse import relay
from cobrowse.codec import parse
from cobrowse.fields import AdmittedViewer
from cobrowse.log import CHECKPOINT_EVERY_MS, Cursor, Log
from cobrowse.messages import Begin, Demand, Pause, Reset, Resumed, Subscribe, Unsubscribe
from cobrowse.outputs import BROADCASTER, Drop, Output, Send
from cobrowse.records import END, FULL, Frame, Part, decode
from cobrowse.session import Limits, Session

from .page import NEVER, Page, welcome
from .watcher import EVENT, PATHS, STATE, WINDOW_BITS, Command, Path, Reader, Watcher, Wrong

PROOF: Final = b"p" * 32
ENDLESS: Final = Limits(NEVER, NEVER, NEVER, NEVER)
MAX_DIRECT: Final = 4
MAX_ON_THE_WAY: Final = 40
"""Items that wait in a road; a transport takes no more."""
UNREST: Final = 500
"""Steps between two times at which all roads are well, and everybody must be live."""
LOW: Final = {(limits, "WINDOW_FRAMES"): 80, (limits, "CHECKPOINT_FLOOR"): 300, (relay, "NEAR"): 8}
TO_VIEWERS: Final[dict[str, Any]] = {"resumed": Resumed, "reset": Reset}
Item = BaseModel | Frame | Part
Step = Callable[..., bool]


def set_low_limits(set_one: Callable[[Any, str, int], None]) -> None:
    for (module, name), value in LOW.items():
        set_one(module, name, value)


class Road:
    """One direction of a connection. What it carries comes whole and in order, until it is harmed."""

    def __init__(self) -> None:
        self.items: deque[Item] = deque()
        self.broken = False
        """Whether what a reader cannot ask for again was harmed: only another connection mends that."""

    def harm(self, rng: random.Random, gently: bool) -> bool:
        """Lose an item, repeat it, or have it come at another time; `gently`: frames only."""
        if not self.items:
            return False
        at = rng.randrange(len(self.items))
        item = self.items[at]
        if not isinstance(item, Frame):
            if gently:
                return False
            self.broken = True
        how = rng.random()
        if how < 0.7:
            del self.items[at]
        if how > 0.4:
            self.items.insert(rng.randrange(len(self.items) + 1), item)
        return True


class Link:
    """A connection: two roads, and whether each end believes in it."""

    def __init__(self) -> None:
        self.is_open = False
        self.silent = False
        """Nothing passes, and nobody has noticed yet."""
        self.up, self.down = Road(), Road()

    def open(self) -> None:
        self.is_open, self.silent = True, False
        self.up, self.down = Road(), Road()

    def close(self) -> None:
        self.is_open = False
        self.up, self.down = Road(), Road()

    def put(self, road: Road, items: Iterable[Item]) -> None:
        if self.is_open and not self.silent:
            road.items.extend(items)

    @property
    def is_broken(self) -> bool:
        return self.silent or self.up.broken or self.down.broken


class Visitor(Page):
    """A broadcaster whose log is a real stream of numbered events."""

    def __init__(self, rng: random.Random, window_bytes: int) -> None:
        super().__init__(window_bytes, parts=rng.choice([1, 2, 5]))
        self.rng = rng
        self.happened = 0
        self.waiting: list[bytes] = []
        self.upto: dict[tuple[int, int], int] = {}  # events in the log up to a batch's last frame
        self.part_size = rng.choice([10, 300])

    def record(self, now: float) -> None:
        if self.admitted and self.granted and self.log.epoch != self.granted:
            self.log.begin(self.granted)
            self.upto.clear()
            self.waiting.clear()
            self.stream = zlib.compressobj(1, zlib.DEFLATED, WINDOW_BITS, 1)
            self.seal(now)

    def happen(self) -> None:
        self.happened += 1
        more = self.rng.choice((b"", b"a line that comes again", b"a line that comes again", self.rng.randbytes(90)))
        self.waiting.append(EVENT.pack(self.happened, len(more)) + more)

    def flush(self, now: float) -> None:
        if self.waiting:
            data = self.stream.compress(b"".join(self.waiting))
            self.waiting.clear()
            self.put(data + self.stream.flush(zlib.Z_SYNC_FLUSH), END, now)

    def put(self, data: bytes, flags: int, now: float) -> None:
        size = self.rng.choice((20, 90, 1_000))
        for at in range(0, len(data), size):
            seq, last = self.log.next, at + size >= len(data)
            self.log.append(Frame(self.log.epoch, seq, flags if last else 0, data[at : at + size]), now)
            if last:
                self.upto[self.log.epoch, seq] = self.happened

    def cut(self, now: float) -> None:
        if self.checkpoint_wanted and now - self.sealed_at >= CHECKPOINT_EVERY_MS:
            self.flush(now)
            self.full_flush(now)
            self.seal(now)

    def full_flush(self, now: float) -> None:
        self.put(self.stream.flush(zlib.Z_FULL_FLUSH), END | FULL, now)

    def seal(self, now: float) -> None:
        self.place_checkpoint(self.log.next - 1, now)

    def place_checkpoint(self, seq: int, now: float) -> None:
        id, state = self.checkpoints, STATE.pack(self.happened, self.checkpoints)
        for part in range(self.parts):
            data = state + bytes(self.part_size)
            assert self.log.add_part(Part(self.log.epoch, seq, id, part, self.parts, data), now)
        self.checkpoints += 1
        self.sealed_at, self.checkpoint_wanted = now, False


class DirectReading:
    """A direct viewer's reading of the broadcaster's log: the rules of `DirectFeed` in `feeds.ts`."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.subscription: tuple[int, Cursor] | None = None
        self.answers: list[Item] = []

    def receive(self, message: Item) -> None:
        log = self.visitor.log
        if isinstance(message, Unsubscribe):
            if self.subscription and self.subscription[0] == message.id:
                self.subscription = None
        elif isinstance(message, Subscribe):
            position, cursor = message.position, Cursor(log)
            self.subscription = (message.id, cursor)
            known = position is not None and position.epoch == log.epoch and log.covers(position.seq)
            if position is not None and known and cursor.resume(position.epoch, position.seq):
                self.answers.append(Resumed(id=message.id))
            else:
                self.answers.append(Reset(id=message.id, reason="join"))

    def take(self, limit: int, now: float) -> list[Item]:
        items, self.answers = self.answers, []
        if self.subscription is None:
            return items
        id, cursor = self.subscription
        if cursor.lost:
            cursor.join()
            items.append(Reset(id=id, reason="window"))
        if cursor.waiting and self.visitor.log.usable(now) is None:
            self.visitor.checkpoint_wanted = True
        return [*items, *cursor.take(limit, now)]


class World:
    """Everybody together. `run` takes random steps, with times between at which all is well."""

    def __init__(
        self,
        seed: int,
        visitor: type[Visitor] = Visitor,
        watcher: type[Watcher] = Watcher,
        reader: type[Reader] = Reader,
    ) -> None:
        self.seed = seed
        self.steps = 0
        self.rng = rng = random.Random(seed)
        self.now = 1_000.0
        self.last: deque[tuple[Any, ...]] = deque(maxlen=40)
        self.gently = rng.random() < 0.6
        self.harmful = rng.choice([0.0, 0.01, 0.05])
        self.window_bytes = rng.choice([600, 3_000, 20_000])
        self.window_ms = rng.choice([4_000.0, 120_000.0])
        self.page = visitor(rng, self.window_bytes)
        self.page.log.window_ms = self.window_ms
        self.line = Link()  # between the page and the server
        self.session: Session | None = None
        self.demanded: Demand | None = None
        self.joined: set[str] = set()
        self.kinds = (watcher, reader)
        self.watchers = [watcher(f"v{n}", reader) for n in range(rng.choice([1, 2, 3, 6]))]
        self.links: dict[str, dict[Path, Link]] = {one.id: {path: Link() for path in PATHS} for one in self.watchers}
        self.direct: dict[str, DirectReading] = {}
        self.usual = [step for step, weight in self.usual_steps() for _ in range(weight)]
        self.rare = self.rare_steps()
        self.unrest = rng.choice([0.002, 0.01, 0.05])
        self.slow = {one.id for one in self.watchers if rng.random() < 0.2}
        if rng.random() < 0.3:  # paths come and go
            self.usual += [self.viewer_goes_direct] * 10 + [self.viewer_leaves_direct] * 8
        self.page_connects()

    def usual_steps(self) -> list[tuple[Step, int]]:
        return [
            (self.page_changes, 10),
            (self.page_flushes, 8),
            (self.page_cuts, 4),
            (self.page_pumps, 14),
            (self.page_receives, 8),
            (self.server_hears_page, 24),
            (self.server_hears, 12),
            (self.server_sends, 30),
            (self.viewer_hears, 50),
            (self.viewer_connects, 6),
            (self.viewer_goes_direct, 2),
            (self.direct_hears, 8),
            (self.direct_sends, 20),
            (self.link_harms, 12),
            (self.time_passes, 3),
        ]

    def rare_steps(self) -> list[Step]:
        return [
            self.page_connects,
            self.page_loads,
            self.page_pauses,
            *[self.server_misses] * 6,
            self.server_restarts,
            self.viewer_loads,
            *[self.link_dies] * 12,
        ]

    # Running -------------------------------------------------------------------------------------------------

    def run(self, steps: int) -> int:
        """Take that many steps, or a few more. Raises Wrong, with what is needed to see it again."""
        try:
            while self.steps < steps:
                until = self.steps + UNREST
                while self.steps < until:
                    table = self.rare if self.rng.random() < self.unrest else self.usual
                    self.take(table[int(self.rng.random() * len(table))])
                self.heal()
        except Exception as error:
            last = "\n  ".join(" ".join(map(str, one)) for one in self.last)
            raise Wrong(
                f"{error!r}\nWorld({self.seed}).run({steps}) fails at step {self.steps}, after\n  {last}"
            ) from error
        return self.steps

    def take(self, step: Callable[..., bool], *arguments: Any) -> bool:
        """One step; it counts if anything happened."""
        if not step(*arguments):
            return False
        self.last.append((self.steps, step.__name__, *arguments))
        self.steps += 1
        self.check_bounds()
        return True

    def some(self) -> Watcher:
        return self.watchers[int(self.rng.random() * len(self.watchers))]

    def tell(self, watcher: Watcher, commands: Iterable[Command]) -> None:
        for path, message in commands:
            link = self.links[watcher.id][path]
            link.put(link.up, [message])

    # The page ------------------------------------------------------------------------------------------------

    def page_changes(self) -> bool:
        if self.page.log.epoch == 0:
            return False
        self.page.happen()
        return True

    def page_flushes(self) -> bool:
        if not self.page.waiting:
            return False
        self.page.flush(self.now)
        return True

    def page_cuts(self) -> bool:
        before = self.page.checkpoints
        self.page.cut(self.now)
        return self.page.checkpoints > before

    def page_pumps(self, limit: int = 0) -> bool:
        road = self.line.up
        if not self.line.is_open or len(road.items) > MAX_ON_THE_WAY:
            return False
        limit = limit or self.rng.choice((1, 200, 2_000))
        items = self.page.take(limit, self.now)
        if len(items) > 1 and sum(item.size for item in items) > limit:
            raise Wrong(f"{len(items)} items for {limit} bytes")
        self.line.put(road, items)
        return bool(items)

    def page_receives(self) -> bool:
        if not self.line.down.items:
            return False
        message = self.line.down.items.popleft()
        assert isinstance(message, BaseModel)
        self.page.receive(message, self.now)
        self.line.put(self.line.up, self.page.outbox)
        self.page.outbox.clear()
        return True

    def page_connects(self) -> bool:
        """Anew, whether or not the server has missed it; to a server that may have forgotten everything."""
        page = self.page
        if self.session is None:
            self.session = Session("s", PROOF, self.now, ENDLESS)
            log = self.session.relay.log
            log.window_bytes, log.window_ms = self.window_bytes, self.window_ms
        for watcher in self.watchers:
            if watcher.id not in page.admitted:
                known = AdmittedViewer(id=watcher.id, name=watcher.id, role="guest", capabilities=["view"])
                page.admitted[watcher.id] = known
        self.line.open()
        page.connected = True
        page.forget_demands()
        self.demanded = None
        admitted = list(page.admitted.values())
        outputs = self.session.arrive(page.granted or None, page.last, page.paused, admitted, self.now)
        self.line.put(self.line.down, [welcome(self.session)])
        self.carry_out(outputs)
        return True

    def page_lost(self) -> None:
        """The page has noticed that its connection is gone."""
        self.line.close()
        self.page.connected = False
        self.page.forget_demands()

    def page_loads(self) -> bool:
        """Another page: another log, and no direct path is left."""
        self.page_lost()
        self.page.granted = 0
        self.page.log = Log(self.window_ms, self.window_bytes)
        for watcher in self.watchers:
            self.direct_ends(watcher)
        return self.page_connects()

    def page_pauses(self) -> bool:
        page = self.page
        page.paused = not page.paused
        if self.line.is_open:
            self.line.put(self.line.up, [Pause() if page.paused else Begin()])
        elif not page.paused:
            page.granted = 0  # the next connection asks for another epoch
        return True

    # The server ----------------------------------------------------------------------------------------------

    def carry_out(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                if output.to == BROADCASTER:
                    if isinstance(output.message, Demand):
                        self.demanded = output.message
                    self.line.put(self.line.down, [output.message])
                elif output.to in self.joined:
                    link = self.links[output.to]["relay"]
                    link.put(link.down, [output.message])
            elif isinstance(output, Drop) and output.to in self.joined:
                self.relay_ends(next(one for one in self.watchers if one.id == output.to), noticed=True)

    def server_hears_page(self) -> bool:
        if self.session is None or not self.line.up.items:
            return False
        item = self.line.up.items.popleft()
        if isinstance(item, Frame):
            outputs = self.session.frame(item, self.now)
        elif isinstance(item, Part):
            outputs = self.session.part(item, self.now)
        else:
            outputs = self.session.from_broadcaster(item, self.now)  # type: ignore[arg-type]
        self.carry_out(outputs)
        return True

    def server_hears(self, watcher: Watcher | None = None) -> bool:
        watcher = watcher or self.some()
        road = self.links[watcher.id]["relay"].up
        if self.session is None or watcher.id not in self.joined or not road.items:
            return False
        self.carry_out(self.session.from_viewer(watcher.id, road.items.popleft(), self.now))  # type: ignore[arg-type]
        return True

    def server_sends(self, watcher: Watcher | None = None, limit: int = 0) -> bool:
        """What the log has for a viewer; the records go into the void where the connection is no more."""
        if watcher is None:
            watcher = self.some()
            if watcher.id in self.slow and self.rng.random() < 0.9:
                return False
        link = self.links[watcher.id]["relay"]
        if self.session is None or watcher.id not in self.joined or len(link.down.items) > MAX_ON_THE_WAY:
            return False
        limit = limit or self.rng.choice((1, 300, 4_000))
        encoded, outputs = self.session.relay.pull(watcher.id, limit, self.now)
        items = [self.decoded(item) for data in encoded for item in decode(data)]
        records = [item for item in items if isinstance(item, Frame | Part)]
        if len(records) > 1 and sum(item.size for item in records) > limit:
            raise Wrong(f"{len(records)} records for {limit} bytes")
        link.put(link.down, items)
        self.carry_out(outputs)
        return bool(encoded or outputs)

    def decoded(self, item: Any) -> Item:
        return parse(item, TO_VIEWERS) if isinstance(item, dict) else item  # type: ignore[no-any-return]

    def server_misses(self) -> bool:
        """It notices that somebody is gone."""
        if self.session is None:
            return False
        watcher = self.some()
        if not self.line.is_open and self.session.present:
            self.carry_out(self.session.depart(self.now))
            return True
        if watcher.id in self.joined and not self.links[watcher.id]["relay"].is_open:
            self.joined.discard(watcher.id)
            self.carry_out(self.session.leave(watcher.id, self.now))
            return True
        return False

    def server_restarts(self) -> bool:
        """Everything is forgotten, and every connection is gone."""
        self.session = None
        self.joined.clear()
        self.page_lost()
        for watcher in self.watchers:
            if self.links[watcher.id]["relay"].is_open:
                self.relay_ends(watcher)
        return True

    # Viewers -------------------------------------------------------------------------------------------------

    def viewer_connects(self, watcher: Watcher | None = None) -> bool:
        """To the server, if its session is there: anew, or before the last connection was missed."""
        watcher = watcher or self.some()
        link = self.links[watcher.id]["relay"]
        if self.session is None or link.is_open:
            return False
        link.open()
        self.joined.add(watcher.id)
        self.carry_out(self.session.join(watcher.id, watcher.id, "guest", True, self.now))
        self.tell(watcher, watcher.opened("relay"))
        return True

    def relay_ends(self, watcher: Watcher, noticed: bool = False) -> None:
        """The connection to the server is closed, and both ends know, or the server does not yet."""
        link = self.links[watcher.id]["relay"]
        if link.is_open:
            link.close()
            self.tell(watcher, watcher.closed("relay"))
        if self.session is not None and watcher.id in self.joined and (noticed or self.rng.random() < 0.5):
            self.joined.discard(watcher.id)
            self.carry_out(self.session.leave(watcher.id, self.now))

    def viewer_goes_direct(self, watcher: Watcher | None = None) -> bool:
        """It opens a direct path, or tries again by the one that it has."""
        watcher = watcher or self.some()
        link = self.links[watcher.id]["direct"]
        if link.is_open:
            if "direct" in watcher.subscribed or watcher.reader.starting:
                return False
        else:
            if len(self.direct) >= MAX_DIRECT or self.page.log.epoch == 0:
                return False
            link.open()
            self.direct[watcher.id] = DirectReading(self.page)
        self.tell(watcher, watcher.opened("direct"))
        return True

    def viewer_leaves_direct(self) -> bool:
        watcher = self.some()
        if watcher.id not in self.direct:
            return False
        self.direct_ends(watcher)
        return True

    def direct_ends(self, watcher: Watcher) -> None:
        if self.direct.pop(watcher.id, None) is not None:
            self.links[watcher.id]["direct"].close()
            self.tell(watcher, watcher.closed("direct"))

    def direct_hears(self, watcher: Watcher | None = None) -> bool:
        watcher = watcher or self.some()
        items = self.links[watcher.id]["direct"].up.items
        if watcher.id not in self.direct or not items:
            return False
        self.direct[watcher.id].receive(items.popleft())
        return True

    def direct_sends(self, watcher: Watcher | None = None, limit: int = 0) -> bool:
        watcher = watcher or self.some()
        link = self.links[watcher.id]["direct"]
        if watcher.id not in self.direct or len(link.down.items) > MAX_ON_THE_WAY:
            return False
        items = self.direct[watcher.id].take(limit or self.rng.choice((1, 300, 4_000)), self.now)
        link.put(link.down, items)
        return bool(items)

    def viewer_hears(self, watcher: Watcher | None = None, path: Path | None = None) -> bool:
        watcher = watcher or self.some()
        path = path or PATHS[int(self.rng.random() * 2)]
        items = self.links[watcher.id][path].down.items
        if not items:
            return False
        before = watcher.reader.next
        self.tell(watcher, watcher.receive(path, items.popleft()))
        if watcher.reader.next != before:
            self.check_shown(watcher)
        return True

    def viewer_loads(self) -> bool:
        """It opens its page anew, as who it was."""
        watcher = self.some()
        self.direct_ends(watcher)
        if self.links[watcher.id]["relay"].is_open:
            self.relay_ends(watcher)
        make, reader = self.kinds
        self.watchers[self.watchers.index(watcher)] = make(watcher.id, reader)
        return True

    # What happens to all -------------------------------------------------------------------------------------

    def link_dies(self) -> bool:
        """A connection is cut, or falls silent first; what is on its way is lost."""
        watcher = self.some()
        which: Path | None = self.rng.choice((None, "relay", "direct", "direct"))
        link = self.line if which is None else self.links[watcher.id][which]
        if not link.is_open:
            return False
        if not link.silent and self.rng.random() < 0.5:
            link.silent = True
            link.up, link.down = Road(), Road()
            return True
        self.end(watcher, which)
        return True

    def end(self, watcher: Watcher, which: Path | None) -> None:
        if which is None:
            self.page_lost()
        elif which == "relay":
            self.relay_ends(watcher)
        else:
            self.direct_ends(watcher)

    def link_harms(self) -> bool:
        if self.rng.random() > self.harmful * 10:
            return False
        which: Path | None = self.rng.choice((None, "relay", "direct"))
        link = self.line if which is None else self.links[self.some().id][which]
        road = link.down if which is not None or self.rng.random() < 0.2 else link.up
        return road.harm(self.rng, self.gently)

    def time_passes(self, ms: float = 0) -> bool:
        self.now += ms or self.rng.choice((20, 200, 2_100))
        self.page.log.trim(self.now)
        if self.session is not None:
            self.carry_out(self.session.tick(self.now))
        return True

    # What must hold ------------------------------------------------------------------------------------------

    def check_shown(self, watcher: Watcher) -> None:
        """What a viewer shows at a position is what had happened there."""
        reader, page = watcher.reader, self.page
        upto = page.upto.get((reader.epoch, reader.next - 1))
        if reader.epoch == page.log.epoch and upto is not None and upto != reader.shown:
            raise Wrong(f"{watcher.id} shows {reader.shown} at {reader.position}, where it was {upto}")

    def check_bounds(self) -> None:
        """Logs keep to their windows, and nothing is asked of the page unless somebody reads."""
        for log in (self.page.log, self.session.relay.log) if self.session else (self.page.log,):
            if log.size > self.window_bytes or log.next - log.first > limits.WINDOW_FRAMES:
                raise Wrong(f"a log of {log.size} bytes in {log.next - log.first} frames")
        if self.session is not None and self.session.present and self.demanded is not None:
            reading = bool(self.session.relay.readers)
            if self.demanded.frames != reading:
                raise Wrong(f"frames {self.demanded.frames} are demanded, somebody reads: {reading}")

    def heal(self) -> None:
        """All roads are well, and carry: after a while everybody shows everything."""
        if self.line.is_broken or not self.line.is_open or self.session is None:
            self.page_lost()
            self.take(self.page_connects)
        for watcher in self.watchers:
            for path in PATHS:
                if self.links[watcher.id][path].is_broken:
                    self.end(watcher, path)
        for turn in range(12):
            self.take(self.time_passes, 2_100)
            if turn < 6:
                self.take(self.page_changes)
                self.take(self.page_flushes)
            for watcher in self.watchers:
                self.take(self.viewer_connects, watcher)
            self.flow()
        for watcher in self.watchers:
            self.check_live(watcher)

    def flow(self) -> None:
        """Everything that can move does, until nothing can."""
        moving = True
        while moving:
            moving = self.take(self.page_flushes)
            moving |= self.take(self.page_cuts)
            while (
                self.take(self.page_receives) or self.take(self.page_pumps, 2_000) or self.take(self.server_hears_page)
            ):
                moving = True
            for watcher in self.watchers:
                for step in (self.server_hears, self.server_sends, self.direct_hears, self.direct_sends):
                    moving |= self.take(step, watcher)
                for path in PATHS:
                    while self.take(self.viewer_hears, watcher, path):
                        moving = True

    def check_live(self, watcher: Watcher) -> None:
        reader, log = watcher.reader, self.page.log
        if reader.starting or watcher.active is None or reader.shown != self.page.happened:
            raise Wrong(
                f"{watcher.id} is not live: it shows {reader.shown} of {self.page.happened} events, at "
                f"{reader.position} of ({log.epoch}, {log.next - 1}), by {watcher.active}, {watcher.subscribed}"
            )
