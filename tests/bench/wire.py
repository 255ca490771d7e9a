"""Bytes on the wire, beside rrweb's JSON of the same changes and pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page, WebSocket

from cobrowse.records import Frame, Part, decode
from cobrowse.transports.check import CHECK_SIZE, WORD
from tests.e2e.rig import Visit, until

from . import bare
from .bench import Bench
from .table import Bytes, sizes

ROUNDS: Final = 2
STEPS: Final = 1_000
HERTZ: Final = 60
PACES: Final = {(1, 1): "one by one", (10, 1): "ten in one task", (1, 10): "ten in ten tasks"}
"""Changes in one task, which rrweb makes one event of, and tasks at once."""
ROWS: Final = 60
SNAPSHOT_ROWS: Final = 292
"""About 5,000 nodes."""


@dataclass
class Wire:
    """Bytes that came over a page's WebSocket, with the headers of its frames; control messages are among them."""

    total: int = 0
    checkpoint: int = 0
    log: int = 0
    """Of the frames, the compressed stream alone."""
    check: int = 0
    """Bytes at the end of each message that check it."""

    def listen(self, socket: WebSocket) -> None:
        self.check = CHECK_SIZE if socket.url.endswith(f"?{WORD}") else 0
        socket.on("framereceived", self._received)

    def _received(self, payload: bytes | str) -> None:
        message = payload.encode() if isinstance(payload, str) else payload
        header = 2 if len(message) < 126 else 4 if len(message) < 65_536 else 10
        self.total += header + len(message)
        items = list(decode(message[: len(message) - self.check]))
        self.log += sum(len(item.data) for item in items if isinstance(item, Frame))
        if any(isinstance(item, Part) for item in items):
            self.checkpoint += header + len(message)


def wire(bench: Bench) -> str:
    tables = [
        sizes(f"{STEPS:,} changes of a table, {words}, {HERTZ} times a second", _changes(bench, *pace))
        for pace, words in PACES.items()
    ]
    tables.append(sizes("a page of 5,000 nodes", _snapshots(bench)))
    bench.desk.close()
    return "\n\n".join(tables)


def _changes(bench: Bench, together: int, tasks: int) -> list[Bytes]:
    recorded = []
    received = []
    streams = []
    batches = []
    for seed in range(ROUNDS):
        log = bare.recorded_page(bench, ROWS, "bare_log")
        log.evaluate("() => { log.begin(); log.take(); }")
        log.evaluate("(given) => steps.fast(...given)", [seed, STEPS, together])
        recorded.append(log.evaluate("log.take()"))
        visit = bench.desk.visit(bench.page(ROWS))
        wire = Wire()
        page = _watched(bench, visit, wire)
        _, first = visit.quiet()
        before, log_before = wire.total, wire.log
        visit.page.evaluate("(given) => steps.paced(...given)", [seed, STEPS, together, tasks, HERTZ])
        epoch, seq = visit.quiet()
        until(page, f"viewer.stats().epoch === {epoch} && viewer.stats().seq >= {seq}")
        received.append(wire.total - before)
        streams.append(wire.log - log_before)
        batches.append(seq - first)
        bench.desk.close()
    json = [of["json"] for of in recorded]
    return [
        Bytes("JSON of rrweb's events", json, json),
        Bytes("@rrweb/packer, event by event", [of["packed"] for of in recorded], json),
        Bytes(f"session, on the relay, all that comes in ({min(batches)} to {max(batches)} frames)", received, json),
        Bytes("session, the compressed stream in it, without headers", streams, json),
    ]


def _snapshots(bench: Bench) -> list[Bytes]:
    log = bare.recorded_page(bench, SNAPSHOT_ROWS, "bare_log")
    log.evaluate("log.begin()")
    taken = log.evaluate("log.take()")
    wire = Wire()
    visit = bench.desk.visit(bench.page(SNAPSHOT_ROWS))
    _watched(bench, visit, wire)
    json = [taken["json"]]
    return [
        Bytes("JSON of rrweb's events", json, json),
        Bytes("@rrweb/packer", [taken["packed"]], json),
        Bytes("session, checkpoint", [wire.checkpoint], json),
    ]


def _watched(bench: Bench, visit: Visit, wire: Wire) -> Page:
    page = bench.desk.context().new_page()
    page.on("websocket", wire.listen)
    page.goto(visit.link.replace("#", "?path=relay#"))
    until(page, "document.documentElement.dataset.state === 'live'")
    return page
