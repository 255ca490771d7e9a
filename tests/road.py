"""What a bad road does to what passes: decided here from a seed, carried out by `impair.py`. Pure: `now` goes in, in s.

A road has two ways, up and down. What a way does to a datagram and to a chunk of a TCP stream is not the same: TCP
mends what networks do, so a lost segment is only late, and order and duplicates are not seen at all. What mangles
bytes does so to both, as no network with checksums would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

SEGMENT: Final = 1_460
RTO_S: Final = 0.2
"""The least retransmission timeout of Linux."""
OVERTAKEN_S: Final = 0.03
"""How much later a datagram is that others overtake."""
GLUED_S: Final = 0.02
"""How long a chunk of a stream waits to be glued to the next."""
QUEUE_S: Final = 1.0
"""A datagram that would wait longer for its turn on a slow way is lost, as a router's queue is full."""


@dataclass(frozen=True)
class Way:
    """One direction. All but the first two and `rate` are probabilities, of a datagram or of a chunk of a stream."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """Up to that much later still."""
    rate: float | None = None
    """Bytes a second, shared by all that goes this way."""
    loss: float = 0.0
    """Of a datagram, or of each segment of a stream, which is then late by a retransmission timeout or two delays."""
    reorder: float = 0.0
    duplicate: float = 0.0
    blackhole: bool = False
    """Nothing passes, nothing is closed. Of a stream what was on its way comes when the way is clear again."""
    flip: float = 0.0
    """One bit is another."""
    truncate: float = 0.0
    """The end is missing."""
    repeat: float = 0.0
    """The bytes come twice, one after the other."""
    glue: float = 0.0
    """Two come as one."""


@dataclass(frozen=True)
class Road:
    """Both directions; up is from who opens the connection."""

    up: Way = Way()
    down: Way = Way()


CLEAR: Final = Road()


def alike(rtt_ms: float = 0.0, **way: Any) -> Road:
    """A road that is the same both ways; `rtt_ms` is the delay of both together."""
    one = Way(delay_ms=rtt_ms / 2, **way)
    return Road(one, one)


Script = Sequence[tuple[float, Road]]
"""What the road becomes, each after so many seconds from the script's beginning."""


class Lane:
    """One direction of a road: what has been decided on it, and what it is busy with."""

    def __init__(self, seed: int = 1) -> None:
        self.way = Way()
        self.random = Random(seed)
        self.mangled = 0
        """How often bytes were changed."""
        self._free = 0.0  # from when on a slow way is free
        self._glued: bytes = b""  # a datagram that waits for the next

    def become(self, way: Way, seed: int) -> None:
        self.way, self.random = way, Random(seed)
        self._free = 0.0

    def datagram(self, data: bytes, now: float) -> list[tuple[float, bytes]]:
        """What comes out, and when: of one datagram none, one or two."""
        way = self.way
        if way.blackhole or self._happens(way.loss):
            return []
        data = self._mangled(data)
        if self._happens(way.glue) and not self._glued:
            self._glued = data
            return []
        data, self._glued = self._glued + data, b""
        if way.rate is not None and self._free - now > QUEUE_S:
            return []
        due = self._carried(len(data), now)
        if self._happens(way.reorder):
            due += OVERTAKEN_S
        return [(due, data)] * (2 if self._happens(way.duplicate) else 1)

    def chunk(self, data: bytes, now: float, last: float) -> list[tuple[float, bytes]]:
        """What comes out of a stream's next chunk, and when, in order; `last` is when the one before comes."""
        way = self.way
        data = self._mangled(data)
        late = GLUED_S if self._happens(way.glue) else 0.0
        out: list[tuple[float, bytes]] = []
        step = len(data) if way.rate is None else max(SEGMENT, int(way.rate / 50))
        for start in range(0, len(data), max(step, 1)):
            piece = data[start : start + step]
            last = max(last, self._carried(len(piece), now) + late) + self._stall(len(piece))
            out.append((last, piece))
        return out

    def _carried(self, size: int, now: float) -> float:
        way = self.way
        if way.rate is not None:
            self._free = max(self._free, now) + size / way.rate
            now = self._free
        jitter = self.random.uniform(0.0, way.jitter_ms) if way.jitter_ms else 0.0
        return now + (way.delay_ms + jitter) / 1_000

    def _stall(self, size: int) -> float:
        """How late so many bytes of TCP are, beyond the delay."""
        if not self.way.loss:
            return 0.0
        wait = max(RTO_S, 2 * self.way.delay_ms / 1_000)
        return sum(wait for _ in range(-(-size // SEGMENT)) if self._happens(self.way.loss))

    def _mangled(self, data: bytes) -> bytes:
        way = self.way
        before = data
        if data and self._happens(way.flip):
            at = self.random.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1 << self.random.randrange(8)]) + data[at + 1 :]
        if self._happens(way.truncate):
            data = data[: self.random.randrange(len(data) or 1)]
        if self._happens(way.repeat):
            data += data
        self.mangled += data != before
        return data

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self.random.random() < probability
