"""Who connects and says nothing, or not all of it: let go in seconds, while everybody else comes in as before."""

from __future__ import annotations

import selectors
import socket
from contextlib import suppress
from time import monotonic, sleep
from urllib.parse import urlsplit

from .bench.participants import Broadcaster
from .bench.sockets import PlainSocket
from .e2e.rig import serving
from .faults.process import descriptors
from .faults.roads import Record, spread

SILENT = 500
WITHIN_S = 60
HALVES = (
    b"",
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n",
    b"POST /http HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET",
)
"""What has come of a request, or of the second one. The headers go on, a byte a second; the others do not."""


def test_five_hundred_of_each_are_let_go_while_others_come_in(record_property: Record) -> None:
    """Criterion: the server has closed every one, holds no more files than before, and those that came in meanwhile
    were welcomed. Goal for what is recorded: closed within 10 s, welcomed within 1 s (p95)."""
    with serving() as server:
        parts = urlsplit(server.url)
        Broadcaster(server.url).socket.close()
        files = descriptors(server.process.pid)
        began = monotonic()
        opened: dict[socket.socket, float] = {}
        halves = []
        for n in range(SILENT):
            halves.append(socket.create_connection((parts.hostname, parts.port)))
            opened[halves[n]] = monotonic()
            halves[n].sendall(HALVES[n % len(HALVES)])
        for _ in range(SILENT):
            opened[PlainSocket(server.url, "/ws", server.url).socket] = monotonic()
        took: list[float] = []
        longest, grown = 0.0, began
        with selectors.DefaultSelector() as selector:
            for one in opened:
                one.setblocking(False)
                selector.register(one, selectors.EVENT_READ)
            while selector.get_map():
                assert monotonic() - began < WITHIN_S, f"{len(selector.get_map())} are still open"
                for key, _ in selector.select(0):
                    if _ended(key.fileobj):  # type: ignore[arg-type]
                        selector.unregister(key.fileobj)
                        longest = max(longest, monotonic() - opened[key.fileobj])  # type: ignore[index]
                if monotonic() - grown >= 1:
                    grown = monotonic()
                    for one in halves[2 :: len(HALVES)]:
                        with suppress(OSError):
                            one.send(b"x")
                if len(took) < 50:
                    before = monotonic()
                    honest = Broadcaster(server.url)
                    took.append(1_000 * (monotonic() - before))
                    honest.socket.close()
        for one in opened:
            one.close()
        while descriptors(server.process.pid) > files:
            assert monotonic() - began < WITHIN_S, f"{descriptors(server.process.pid)} files are open, {files} were"
            sleep(0.01)
        record_property("each is closed after at most, s", f"{longest:.1f}")
        record_property("an honest page is welcomed after, ms", spread(took))


def _ended(one: socket.socket) -> bool:
    try:
        return not one.recv(65_536)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
