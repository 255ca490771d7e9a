"""The log of an epoch: its latest frames without a gap, the checkpoints to start from, and cursors into it.

Pure: no I/O, no clock (`now` is passed in, in ms), no task. Its twin, with the same rules, is
`client/src/log.ts`. A viewer is a cursor, not a copy: a slow one costs nothing, and one that falls off the
log is reset.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from .records import MAX_CHECKPOINT, Frame, Part

WINDOW_MS: Final = 120_000
WINDOW_BYTES: Final = 8 * 1_048_576
WINDOW_FRAMES: Final = 16_384
"""Frames kept: twice what 2 minutes of batches make. A frame takes memory beside its bytes, however small it is."""
CHECKPOINT_FLOOR: Final = 32_768
"""Bytes of log after a checkpoint that never make it stale, however small it is."""
HEADER: Final = 32
"""Bytes of a record beside its data, at most."""
CHECKPOINT_EVERY_MS: Final = 2_000
"""A checkpoint younger than this is used, however much log stands after it."""
MAX_JOINED: Final = 8
"""Messages kept for the next reader that is in step: half a MiB at most, until the next frame comes."""
READ_WITHIN_MS: Final = 30_000
"""A checkpoint of which a part came, or was taken, within this time is being read; frames after it do not grow old."""


class Checkpoint:
    """The page and the session state after frame `seq`; its parts arrive in order."""

    def __init__(self, epoch: int, seq: int, id: int, total: int, now: float) -> None:
        self.epoch = epoch
        self.seq = seq
        self.id = id
        self.total = total
        self.at = self.read_at = now
        self.parts: list[Part] = []
        self.size = 0

    @property
    def complete(self) -> bool:
        return len(self.parts) == self.total

    def add(self, part: Part) -> bool:
        """Take the next part; False for one that is here already, or is not the next."""
        if part.part != len(self.parts) or part.parts != self.total or self.size + part.size > MAX_CHECKPOINT:
            return False
        self.parts.append(part)
        self.size += part.size
        return True


class Log:
    """The frames from `first` up to `next` (exclusive) of one epoch, and the newest checkpoint."""

    def __init__(self, window_ms: float = WINDOW_MS, window_bytes: int = WINDOW_BYTES) -> None:
        self.window_ms = window_ms
        self.window_bytes = window_bytes
        self.begin(0)

    def begin(self, epoch: int, next: int = 0) -> None:
        """Forget everything; the frame `next` of `epoch` comes next."""
        self.epoch = epoch
        self.first = next
        self.next = next
        self.checkpoint: Checkpoint | None = None
        self._frames: deque[tuple[float, int, Frame]] = deque()  # (taken at, bytes up to its end, frame)
        self._begun = 0  # bytes up to the start of the oldest frame
        self._total = 0  # bytes up to the end of the newest
        self._joined: dict[tuple[int, int], tuple[bytes, int]] = {}

    def append(self, frame: Frame, now: float) -> bool:
        """Take the next frame, and let go of what has left the window.

        False, and nothing happens, for a frame of another epoch, one that is here already, or one that is
        ahead of the next: the log never holds a gap.
        """
        if frame.epoch != self.epoch or frame.seq != self.next:
            return False
        self._total += frame.size
        self._frames.append((now, self._total, frame))
        self.next += 1
        self.trim(now)
        return True

    def add_part(self, part: Part, now: float) -> bool:
        """Take a part of a checkpoint; False for one that is of no use.

        A checkpoint that stands outside of the frames here restarts the log at its position.
        """
        if part.epoch != self.epoch:
            return False
        held = self.checkpoint
        if held is not None and (held.id, held.seq) == (part.id, part.seq):
            held.read_at = now
            return held.add(part)
        if part.part != 0 or (held is not None and part.id < held.id):
            return False
        if not self.covers(part.seq):
            self.begin(self.epoch, part.seq + 1)
        self.checkpoint = Checkpoint(part.epoch, part.seq, part.id, part.parts, now)
        return self.checkpoint.add(part)

    def give_up(self) -> None:
        """Forget a checkpoint of which the rest will not come."""
        if self.checkpoint is not None and not self.checkpoint.complete:
            self.checkpoint = None

    def trim(self, now: float) -> None:
        """Let go of frames older than the window, or beyond its bytes or its number.

        Those after a checkpoint that is being read are let go for their bytes or number alone: on a slow way it takes
        longer than the window, and would be of no use without them.
        """
        self._joined.clear()
        held = self.checkpoint
        kept = self.next if held is None or held.read_at < now - READ_WITHIN_MS else held.seq + 1
        while self._frames and (
            self.size > self.window_bytes
            or len(self._frames) > WINDOW_FRAMES
            or (self._frames[0][0] < now - self.window_ms and self.first < kept)
        ):
            _, self._begun, _ = self._frames.popleft()
            self.first += 1
        if self.checkpoint is not None and not self.covers(self.checkpoint.seq):
            self.checkpoint = None

    def covers(self, seq: int) -> bool:
        """Whether a reader that has applied `seq` can go on from here."""
        return self.first - 1 <= seq < self.next

    def frame(self, seq: int) -> Frame:
        """The frame `seq`, which must be in the log."""
        return self._frames[seq - self.first][2]

    def frames(self, seq: int, limit: int, at_least: int = 0) -> list[Frame]:
        """The frames from `seq` on, as many as `limit` bytes hold with headers, or `at_least` so many."""
        frames: list[Frame] = []
        while seq < self.next:
            frame = self.frame(seq)
            limit -= frame.size + HEADER
            if limit < 0 and len(frames) >= at_least:
                break
            frames.append(frame)
            seq += 1
        return frames

    def joined(self, seq: int, limit: int) -> tuple[bytes, int]:
        """The frames from `seq` on, encoded, and the one after them; at most `limit` bytes (but one always fits).

        Readers in step get the same bytes, which are put together for the first of them.
        """
        held = self._joined.get((seq, limit))
        if held is None:
            frames = self.frames(seq, limit, at_least=1)
            held = (b"".join([frame.record for frame in frames]), seq + len(frames))
            if len(self._joined) >= MAX_JOINED:
                self._joined.clear()
            self._joined[seq, limit] = held
        return held

    @property
    def size(self) -> int:
        """Bytes of the frames kept."""
        return self._total - self._begun

    def since(self, seq: int) -> int:
        """Bytes of the kept frames after `seq`."""
        return self._total - (self._begun if seq < self.first else self._frames[seq - self.first][1])

    def usable(self, now: float) -> Checkpoint | None:
        """The newest checkpoint, if a joiner should start from it rather than from a new one.

        It may still be arriving. It is stale once more log than itself stands after it, unless it is
        too young for another to be made.
        """
        held = self.checkpoint
        if held is None:
            return None
        allowed = max(held.size, CHECKPOINT_FLOOR)
        if held.complete and now - held.at >= CHECKPOINT_EVERY_MS and self.since(held.seq) > allowed:
            return None
        return held


class Cursor:
    """One reader's place in a log: first the parts of a checkpoint, then the frames after it."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.epoch = log.epoch
        self.next = 0
        self.checkpoint: Checkpoint | None = None
        self.part = 0
        self.waiting = True

    def join(self) -> None:
        """Start over from a checkpoint, as soon as there is a usable one."""
        self.epoch = self.log.epoch
        self.checkpoint = None
        self.waiting = True

    def resume(self, epoch: int, seq: int) -> bool:
        """Go on after `seq`; False if the log cannot: then `join`. A place ahead of the log waits for it."""
        if epoch != self.log.epoch or seq < self.log.first - 1:
            return False
        self.epoch = epoch
        self.next = seq + 1
        self.checkpoint = None
        self.waiting = False
        return True

    def lose(self) -> None:
        """The place that was resumed from is not one of this log: the reader must `join`."""
        self.next = -1
        self.checkpoint = None
        self.waiting = False

    @property
    def lost(self) -> bool:
        """The reader fell off the log, its checkpoint was given up, or another epoch runs: it must `join`."""
        if self.epoch != self.log.epoch:
            return True
        if self.waiting:
            return False
        given_up = self.checkpoint is not None and not self.checkpoint.complete
        return self.next < self.log.first or (given_up and self.checkpoint is not self.log.checkpoint)

    @property
    def starting(self) -> bool:
        """The reader has not got all of a checkpoint yet."""
        return self.waiting or self.lost or (self.checkpoint is not None and not self.checkpoint.complete)

    def take(self, limit: int, now: float) -> list[Frame | Part]:
        """What the reader gets next, at most `limit` bytes with headers (but one item always fits)."""
        items: list[Frame | Part] = []
        if self.lost:
            return items
        if self.waiting:
            self.checkpoint = self.log.usable(now)
            if self.checkpoint is None:
                return items
            self.part = 0
            self.next = self.checkpoint.seq + 1
            self.waiting = False
        if self.checkpoint is not None:
            self.checkpoint.read_at = now
            while self.part < len(self.checkpoint.parts):
                part = self.checkpoint.parts[self.part]
                limit -= part.size + HEADER
                if limit < 0 and items:
                    return items
                items.append(part)
                self.part += 1
            if not self.checkpoint.complete:
                return items
            self.checkpoint = None
        frames = self.log.frames(self.next, limit, at_least=0 if items else 1)
        self.next += len(frames)
        return [*items, *frames]

    def read(self, limit: int, now: float) -> bytes:
        """As `take`, encoded."""
        if self.waiting or self.checkpoint is not None or self.lost:
            return b"".join([item.record for item in self.take(limit, now)])
        data, self.next = self.log.joined(self.next, limit)
        return data
