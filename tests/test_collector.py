"""A connection that is over leaves nothing to the garbage collector, which would stop the loop for everybody."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import pytest

from .bench.participants import Broadcaster
from .e2e.rig import Server, serving
from .faults.followers import KINDS, Follower, following
from .faults.process import asked

COUNT: Final = 20
MOST: Final = {"websocket": 1, "http": 1, "webrtc": 15}
"""Objects for each connection. What is left of WebRTC's are pyOpenSSL's callbacks, which hold nothing else."""


def collected(server: Server, told: Path) -> tuple[int, int]:
    """Tasks of the server, and objects that the collector has found."""
    tasks, objects = asked(server.process.pid, told).split()
    return int(tasks), int(objects)


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_leaves_nothing_to_the_collector(kind: str, tmp_path: Path) -> None:
    told = tmp_path / "collected"
    with serving(program=[sys.executable, "-m", "tests.collector"], COLLECTED=str(told)) as server:
        broadcaster = Broadcaster(server.url)
        tasks, _ = collected(server, told)

        def left_by(count: int) -> int:
            for _ in range(count):
                follower = Follower(server.url, kind, {"session": broadcaster.session, "proof": bytes(32)})
                with following([follower]):
                    broadcaster.admit()
                    until(partial(getattr, follower, "connections"), f"there is no connection by {kind}")
            objects = 0

            def is_over() -> bool:
                nonlocal objects
                running, found = collected(server, told)
                objects += found
                return running <= tasks

            until(is_over, "connections that were closed have tasks")
            return objects

        left_by(2)  # what is made for the first of a kind is not counted
        left = left_by(COUNT)
        broadcaster.socket.close()
        assert left <= COUNT * MOST[kind]


def until(condition: Callable[[], object], otherwise: str) -> None:
    end = monotonic() + 20
    while not condition():
        assert monotonic() < end, otherwise
        sleep(0.02)
