"""Many viewers that lose their WebSockets at once and come back, beside a few whose connections stay.

Those that are dropped are in a process of their own: `python -m tests.faults.storm URL SESSION COUNT` begins to follow,
and drops them all for each line that it is given.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Final

from ..bench.crowd import Crowd, cpu_s
from ..bench.participants import PONG, watching
from ..bench.relays import Cobrowse
from ..e2e.rig import ROOT
from .followers import Follower

HERTZ: Final = 5
HEALTHY: Final = 20
AT_ONCE: Final = 25
"""So many come at a time, before they are dropped: who is not answered in time comes as somebody else."""
WITHIN_S: Final = 90.0


@dataclass
class Storm:
    """What came of it."""

    calm_ms: list[float]
    """Of each frame, at those who stay, before."""
    healthy_ms: list[float] = field(default_factory=list)
    """The same, from the moment when the others were dropped until all of them were back."""
    back_s: list[float] = field(default_factory=list)
    """From then to each one's next frame."""
    cpu_s: float = 0.0
    """Of the server, in that time."""
    refusals: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    resets: int = 0


class Dropped:
    """The process of those that are dropped."""

    def __init__(self, url: str, session: str, count: int) -> None:
        command = [sys.executable, "-m", __name__, url, session, str(count)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._said: SimpleQueue[Any] = SimpleQueue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def said(self) -> Any:
        """What it has said, if it has said anything."""
        try:
            return self._said.get_nowait()
        except Empty:
            return None

    def drop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("drop\n")

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=30)
        finally:
            self._process.kill()  # does nothing to one that has ended
            self._process.wait()
            self._reader.join()
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(json.loads(line))


def storm(count: int, rounds: int = 1) -> Storm:
    """That many are dropped together, so many times, each time when all are back."""
    with Cobrowse.running() as relay:
        assert isinstance(relay, Cobrowse)
        broadcaster = relay.broadcaster
        stay = list(relay.watch(1))
        dropped = Dropped(relay.url, broadcaster.session, count)
        try:
            for _ in range(count):
                broadcaster.admit()
                stay[0].say(PONG)
            for _ in range(HEALTHY - 1):
                stay.append(watching(relay.url, broadcaster.session))
                broadcaster.admit()
            crowd = Crowd(relay, stay)
            try:
                _until_said(crowd, dropped)
                found = Storm(crowd.paced(HERTZ, 5 * HERTZ).late_ms)
                for _ in range(rounds):
                    before = cpu_s(relay.pid)
                    dropped.drop()
                    late, told = _until_said(crowd, dropped)
                    found.cpu_s += cpu_s(relay.pid) - before
                    found.healthy_ms += late
                    found.back_s += told["back"]
                found.refusals.update(told["refusals"])
                found.wrong, found.resets = told["wrong"], told["resets"]
            finally:
                crowd.close()
        finally:
            dropped.close()
            relay.publisher.close()
    return found


def _until_said(crowd: Crowd, dropped: Dropped) -> tuple[list[float], Any]:
    """Frames go on until the other process says something: how late they were, and what it says."""
    late: list[float] = []
    end = monotonic() + WITHIN_S
    while (told := dropped.said()) is None:
        late += crowd.paced(HERTZ, HERTZ).late_ms
        if monotonic() > end:
            raise TimeoutError(f"not all were back within {WITHIN_S} s")
    return late, told


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - they are many, and know no event
        await asyncio.sleep(0.02)


async def follow(url: str, session: str, count: int) -> None:
    """They follow, and each line of the input drops all of them; what came of it is said when all are back."""
    followers = [Follower(url, "websocket", {"session": session, "proof": bytes(32)}) for _ in range(count)]
    tasks: list[asyncio.Task[None]] = []
    for first in range(0, count, AT_ONCE):
        come = followers[first : first + AT_ONCE]
        tasks += [asyncio.create_task(one.run()) for one in come]
        await _until(lambda come=come: all(one.connections for one in come))  # type: ignore[misc]
    began = 0.0
    loop = asyncio.get_running_loop()
    while True:
        await _until(lambda began=began: all(one.frame_at > began for one in followers))  # type: ignore[misc]
        told = {
            "back": [one.frame_at - began for one in followers],
            "refusals": [refusal for one in followers for refusal in one.refusals],
            "wrong": [wrong for one in followers for wrong in one.wrong],
            "resets": sum(one.resets for one in followers),
        }
        print(json.dumps(told), flush=True)
        if not await loop.run_in_executor(None, sys.stdin.readline):
            break
        began = monotonic()
        for one in followers:
            one.drop()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], sys.argv[2], int(sys.argv[3])))
