"""How much the server's WebRTC peer carries to and from Chromium, and at what price, beside a WebSocket."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from statistics import median
from typing import Final

from playwright.sync_api import Page

from tests.e2e.rig import serving

from .bench import Bench
from .crowd import cpu_s
from .participants import CHECKPOINT, PONG, SUBSCRIBE, Broadcaster, Participant, watching
from .relays import listens
from .sockets import PlainSocket, hello
from .table import plain

FRAMES: Final = 384
"""In each sample, of 16 KiB: less than the log holds, so that nobody falls off it."""
FRAME: Final = 16_384
MB: Final = FRAMES * FRAME / 1e6
SAMPLES: Final = 6

MOST_LOST: Final = 5
LOOK_EVERY_S: Final = 0.5

Sample = tuple[float, float]
"""MB a second, and ms of the server's CPU a MB."""


class Lost(Exception):
    """The server has closed the page's connection."""


def webrtc(bench: Bench) -> str:
    rows: list[Sequence[str]] = []
    lost = 0
    for direction, measure in (("down", _down), ("up", _up)):
        for transport in ("webrtc", "websocket"):
            samples: list[Sample] = []
            while not samples:
                try:
                    samples = measure(bench, transport)[1:]  # the first one warms up
                except Lost:
                    bench.desk.close()
                    lost += 1
                    if lost > MOST_LOST:
                        raise
            rates = [rate for rate, _ in samples]
            rows.append(
                (
                    f"{transport}, {direction}",
                    str(len(samples)),
                    f"{median(rates):.1f}",
                    f"{min(rates):.1f} to {max(rates):.1f}",
                    f"{median(cost for _, cost in samples):.1f}",
                )
            )
    heading = f"Chromium and the server, {MB:.1f} MB in frames of 16 KiB"
    table = plain((heading, "samples", "MB/s, median", "range", "ms of the server's CPU a MB"), rows)
    return f"{table}\n\nConnections that the server closed while the page was sending, which then began anew: {lost}."


def _down(bench: Bench, transport: str) -> list[Sample]:
    """A broadcaster by WebSocket, a viewer in the page."""
    samples = []
    with serving() as server:
        listens(server.url)
        broadcaster = Broadcaster(server.url)
        page = _page(bench)
        carrier = Participant(server.url)
        carrier.say(hello("viewer", session=broadcaster.session))
        welcome = carrier.until("welcome")
        broadcaster.admit(welcome["viewer"])
        carrier.until("admitted")
        page.evaluate("(bytes) => link.receive(bytes)", len(CHECKPOINT))
        first = hello("viewer", session=broadcaster.session, token=welcome["token"]) + SUBSCRIBE
        _connect(page, server.url, transport, carrier, first)
        broadcaster.checkpoint()
        page.evaluate("took")
        for _ in range(SAMPLES + 1):
            burst = [broadcaster.frame(bytes(FRAME)) for _ in range(FRAMES)]
            page.evaluate("(bytes) => link.receive(bytes)", sum(len(record) for record in burst))
            before = cpu_s(server.process.pid)
            for record in burst:
                broadcaster.say(record)
            took = page.evaluate("took")
            samples.append((MB / took * 1_000, 1_000 * (cpu_s(server.process.pid) - before) / MB))
    bench.desk.close()
    return samples


def _up(bench: Bench, transport: str) -> list[Sample]:
    """A broadcaster in the page, a viewer by WebSocket."""
    samples = []
    with serving() as server:
        listens(server.url)
        broadcaster = Broadcaster(server.url)
        viewer = watching(server.url, broadcaster.session)
        viewers = [broadcaster.admit()]
        broadcaster.checkpoint()
        while CHECKPOINT not in viewer.message():
            pass
        page = _page(bench)
        again = hello("broadcaster", token=broadcaster.token, epoch=broadcaster.epoch, viewers=viewers)
        _connect(page, server.url, transport, broadcaster, again)
        with ThreadPoolExecutor(1) as pool:
            for n in range(SAMPLES + 1):
                before, began = cpu_s(server.process.pid), time.monotonic()
                taking = pool.submit(_take, viewer)
                page.evaluate("(given) => link.send(...given)", [broadcaster.epoch, n * FRAMES, FRAMES])
                while not taking.done():
                    if not page.evaluate("link.isOpen"):
                        viewer.close()
                        raise Lost
                    wait([taking], timeout=LOOK_EVERY_S)
                taking.result()
                took = time.monotonic() - began
                samples.append((MB / took, 1_000 * (cpu_s(server.process.pid) - before) / MB))
        viewer.close()
    bench.desk.close()
    return samples


def _take(viewer: PlainSocket) -> None:
    """Read all of one sample, and answer the server's signs of life."""
    left = FRAMES * FRAME
    while left > 0:
        message = viewer.message()
        if len(message) < FRAME:
            viewer.say(PONG)
        else:
            left -= len(message)


def _page(bench: Bench) -> Page:
    page = bench.desk.context().new_page()
    page.goto(f"{bench.plain}/link.html")
    return page


def _connect(page: Page, url: str, transport: str, carrier: Participant, first: bytes) -> None:
    """The page connects, in the place of `carrier`, and says that first."""
    if transport == "websocket":
        address = url.replace("http", "ws", 1) + "/ws"
        page.evaluate("(given) => link.websocket(...given)", [address, _base64(PONG), _base64(first)])
        return
    offer = {"type": "offer", "sdp": page.evaluate("(pong) => link.offer(pong)", _base64(PONG))}
    carrier.say({"type": "signal", "peer": "server", "description": offer})
    answer = carrier.until("signal")
    if answer["declined"] is not None:
        raise RuntimeError(f"the server has declined: {answer['declined']}")
    page.evaluate("(given) => link.answered(...given)", [answer["description"]["sdp"], _base64(first)])


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
