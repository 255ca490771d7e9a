"""Many viewers in one process, and the one who publishes: what fan-out is measured with.

Each payload has a mark with the time at which it was sent. At a fixed rate all marks are looked at, which gives the
time that each delivery took. When a relay is saturated they are looked at for a few viewers, and bytes are counted
for the others, so that the client can take more than any relay gives.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from .relays import Relay
from .sockets import PlainSocket

PAYLOAD: Final = 1_024
MARK: Final = b"<sent:"
MARK_SIZE: Final = len(MARK) + 16
ON_THE_WAY: Final = 256
"""Frames that may be on their way to the slowest viewer when a relay is saturated."""
COUNTED: Final = 8
"""Viewers whose deliveries are counted when a relay is saturated; of the others bytes are."""
ALIVE_EVERY_S: Final = 1.0
QUIET_S: Final = 0.5


@dataclass
class Run:
    """What came of one run."""

    seconds: float
    cpu_s: float
    """Of the relay's process."""
    client_s: float
    """CPU of this process."""
    deliveries: float
    late_ms: list[float] = field(default_factory=list)


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, in all its threads."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


class Crowd:
    """The viewers of one relay."""

    def __init__(self, relay: Relay, viewers: Sequence[PlainSocket]) -> None:
        self.relay = relay
        self._poll = select.epoll()
        self._sockets = {viewer.socket.fileno(): viewer.socket for viewer in viewers}
        self._taken = dict.fromkeys(self._sockets, 0)
        self._ends = dict.fromkeys(self._sockets, b"")
        self._buffer = bytearray(1_048_576)
        self._view = memoryview(self._buffer)
        self._alive_at = 0.0
        self._filler = "".join(Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=PAYLOAD)).encode()
        self.late_ms: list[float] = []
        for descriptor, viewer in self._sockets.items():
            viewer.setblocking(False)
            self._poll.register(descriptor, select.EPOLLIN)
        relay.publisher.socket.setblocking(False)

    def close(self) -> None:
        self._poll.close()
        for viewer in self._sockets.values():
            viewer.close()

    def saturated(self, warm_up_s: float, seconds: float) -> Run:
        """As fast as the relay goes; what comes after the warm-up counts."""
        self.drained()
        self.counted = dict.fromkeys(list(self._sockets)[:: len(self._sockets) // COUNTED], 0)
        unsent, published, begun = b"", 0, time.monotonic()
        before: tuple[float, ...] | None = None
        while (now := time.monotonic()) < begun + warm_up_s + seconds:
            if before is None and now >= begun + warm_up_s:
                before = (now, *self._spent())
            room = min(self.counted.values()) + ON_THE_WAY - published
            if room > 0 and not unsent:
                unsent = b"".join(self._frame() for _ in range(room))
                published += room
            if unsent:
                unsent = unsent[self._publish(unsent) :]
            self._take(0.001 if unsent else 0.01, self.counted)
        assert before is not None
        seconds, cpu, client, taken = (after - was for after, was in zip((now, *self._spent()), before, strict=True))
        # Headers differ from relay to relay, and with what one message holds: those that were counted tell.
        size = sum(self._taken[descriptor] for descriptor in self.counted) / sum(self.counted.values())
        return Run(seconds, cpu, client, taken / size)

    def _spent(self) -> tuple[float, float, float]:
        """CPU seconds of the relay and of this process, and bytes that have come."""
        return cpu_s(self.relay.pid), time.process_time(), sum(self._taken.values())

    def drained(self) -> None:
        """Take what is still on its way, until no delivery has come for a while; then nothing has been counted."""
        counted, quiet = dict.fromkeys(self._sockets, 0), time.monotonic()
        while time.monotonic() < quiet + QUIET_S:
            before = len(self.late_ms)
            self._take(0.1, counted)
            if len(self.late_ms) > before:
                quiet = time.monotonic()
        self._ends = dict.fromkeys(self._sockets, b"")
        self._taken = dict.fromkeys(self._sockets, 0)
        self.late_ms = []

    def paced(self, hertz: float, count: int) -> Run:
        """`count` frames at a fixed rate. Ends when all have come; raises TimeoutError 60 s later."""
        self.drained()
        self.counted = dict.fromkeys(self._sockets, 0)
        expected = count * len(self._sockets)
        begun, published = time.monotonic(), 0
        cpu, client, _ = self._spent()
        while len(self.late_ms) < expected:
            now, due = time.monotonic(), begun + published / hertz
            if now > begun + count / hertz + 60:
                raise TimeoutError(f"{self.relay.name}: {len(self.late_ms)} of {expected} deliveries came")
            if published < count and now >= due:
                frame = self._frame()
                if self._publish(frame) != len(frame):
                    raise RuntimeError(f"{self.relay.name} does not take {hertz} frames a second")
                published += 1
            self._take(min(max(due - now, 0), 0.01) if published < count else 0.01, self.counted)
        cpu_after, client_after, _ = self._spent()
        return Run(time.monotonic() - begun, cpu_after - cpu, client_after - client, expected, self.late_ms)

    def _frame(self) -> bytes:
        mark = MARK + b"%016x" % time.monotonic_ns()
        return self.relay.frame(mark + self._filler[MARK_SIZE:])

    def _publish(self, data: bytes) -> int:
        try:
            return self.relay.publisher.socket.send(data)
        except BlockingIOError:
            return 0

    def _take(self, wait_s: float, counted: dict[int, int]) -> int:
        """Read what has come to the viewers; how many bytes. Deliveries to those that are `counted` are looked at."""
        total = 0
        for descriptor, _ in self._poll.poll(wait_s):
            size = self._sockets[descriptor].recv_into(self._buffer)
            if not size:
                raise RuntimeError(f"{self.relay.name} has closed a viewer's connection")
            self._taken[descriptor] += size
            total += size
            if descriptor in counted:
                counted[descriptor] += self._look(descriptor, size)
        if self.relay.alive and (now := time.monotonic()) > self._alive_at + ALIVE_EVERY_S:
            self._alive_at = now
            for viewer in self._sockets.values():
                viewer.send(self.relay.alive)
        return total

    def _look(self, descriptor: int, size: int) -> int:
        """How many marks came to an end with these bytes."""
        now, text = time.monotonic_ns(), self._ends[descriptor] + self._view[:size]
        found, done = 0, 0
        while (at := text.find(MARK, done)) >= 0 and at + MARK_SIZE <= len(text):
            done = at + MARK_SIZE
            found += 1
            self.late_ms.append((now - int(text[at + len(MARK) : done], 16)) / 1e6)
        self._ends[descriptor] = text[max(done, len(text) - MARK_SIZE) :]
        return found
