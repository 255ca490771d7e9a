"""What the server's memory grows by with each viewer, and with each session and its log."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import mean
from typing import Final
from urllib.parse import urlsplit

from tests.e2e.rig import serving

from .bench import Bench
from .participants import CHECKPOINT, ORIGIN, SUBSCRIBE, Broadcaster, watching
from .peers import Peers, running
from .relays import FROM_ONE_ADDRESS, listens
from .sockets import PlainSocket, hello
from .table import plain

ROUNDS: Final = 2
WARM_UP: Final = 10
"""How many come before the count begins: what is loaded for the first belongs to no one."""
SILENT_S: Final = 10.0
"""After which the server gives up who says nothing, as most here do."""
FRAMES: Final = 1_000
SIZES: Final = (50, 1_024)
"""Bytes of the frames in a session's log."""
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Held:
    """A server with one session, and what is connected to it."""

    url: str
    pid: int
    broadcaster: Broadcaster
    peers: Peers
    kept: list[object] = field(default_factory=list)


Add = Callable[[Held], object]


def memory(bench: Bench) -> str:
    rows: list[Sequence[str]] = []
    kinds: list[tuple[str, int, Add]] = [
        ("a viewer by websocket", 200, _websocket),
        ("a viewer by http, streaming", 200, _http),
        ("a viewer by webrtc", 30, _webrtc),
        ("a session: its broadcaster, and nobody else", 200, _alone),
        ("a session: its broadcaster, a viewer, a checkpoint", 100, partial(_watched, 0, 0)),
        *(
            (f"the same, with a log of {FRAMES:,} frames of {size:,} bytes", 50, partial(_watched, FRAMES, size))
            for size in SIZES
        ),
    ]
    for name, count, add in kinds:
        kib = [_growth(add, count) for _ in range(ROUNDS)]
        rows.append((name, f"{ROUNDS} of {count}", f"{mean(kib):.1f}", f"{min(kib):.1f} to {max(kib):.1f}"))
    return plain(("the server's memory", "runs", "KiB each, mean", "range"), rows)


def _growth(add: Add, count: int) -> float:
    """KiB that each of `count` more takes, on a server of its own."""
    with serving(**FROM_ONE_ADDRESS, COBROWSE_WEBRTC_PEERS="1000") as server, running() as peers:
        listens(server.url)
        began = time.monotonic()
        broadcaster = Broadcaster(server.url)
        held = Held(server.url, server.process.pid, broadcaster, peers)
        first = watching(server.url, broadcaster.session)
        broadcaster.admit()
        broadcaster.checkpoint()
        _has_come(first, CHECKPOINT)
        held.kept += [first, *(add(held) for _ in range(WARM_UP))]
        before = _resident(held.pid)
        held.kept += [add(held) for _ in range(count)]
        grown = _resident(held.pid) - before
        if time.monotonic() - began > SILENT_S:
            raise RuntimeError(f"{count} took over {SILENT_S:.0f} s: the server has given up those who said nothing")
        return grown / count / 1_024


def _resident(pid: int) -> int:
    """Bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def _has_come(viewer: PlainSocket, data: bytes) -> None:
    while data not in viewer.message():
        pass


def _websocket(held: Held) -> object:
    viewer = watching(held.url, held.broadcaster.session)
    held.broadcaster.admit()
    _has_come(viewer, CHECKPOINT)
    return viewer


def _http(held: Held) -> object:
    parts = urlsplit(held.url)
    up = HTTPConnection(parts.hostname or "", parts.port)
    up.request("POST", "/http", headers={"Origin": ORIGIN})
    id = up.getresponse().read().decode()
    down = HTTPConnection(parts.hostname or "", parts.port)
    down.request("GET", f"/http/{id}/0")
    stream = down.getresponse()
    assert stream.read(4) == bytes(4), "a stream begins with an empty piece"
    up.request("POST", f"/http/{id}/0", hello("viewer", session=held.broadcaster.session) + SUBSCRIBE)
    up.getresponse().read()
    up.close()
    held.broadcaster.admit()
    while CHECKPOINT not in stream.read(int.from_bytes(stream.read(4), "big")):
        pass
    return down, stream


def _webrtc(held: Held) -> object:
    return held.peers.watch(held.url, held.broadcaster)


def _alone(held: Held) -> object:
    return Broadcaster(held.url)


def _watched(frames: int, size: int, held: Held) -> object:
    broadcaster = Broadcaster(held.url)
    viewer = watching(held.url, broadcaster.session)
    broadcaster.admit()
    broadcaster.checkpoint()
    _has_come(viewer, CHECKPOINT)
    for n in range(frames):
        broadcaster.say(broadcaster.frame(b"%08d" % n + bytes(size - 8)))
    if frames:
        _has_come(viewer, b"%08d" % (frames - 1))
    return broadcaster, viewer
