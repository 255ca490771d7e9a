"""Latency of each transport of the relay, and of the direct path, on networks with a delay and a loss.

The worse network is the viewer's: between it and the server, or between it and the visitor's page.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from playwright.sync_api import BrowserContext

from tests.e2e.rig import Watching

from .bench import Bench
from .clock import zero
from .impair import Impaired, impaired
from .latency import ROWS, WATCH
from .table import plain

RTTS_MS: Final = (0, 50, 100)
LOSSES: Final = (0.0, 0.01, 0.02, 0.05)
SAMPLES: Final = 60
WARM_UP: Final = 8
VARIANTS: Final = {
    "websocket": "?path=relay&transport=websocket",
    "webrtc": "?path=relay&transport=webrtc",
    "http": "?path=relay&transport=http",
    "direct": "?path=direct",
}
REROUTED: Final = (Path(__file__).parent / "rerouted.js").read_text()


@dataclass
class Measured:
    """Of one variant: the ms of each change by network, and what else is to be told."""

    late_ms: dict[tuple[int, float], list[float]] = field(default_factory=dict)
    together: int = 0
    """Changes that were shown together with a later one."""
    resets: int = 0


def transports(bench: Bench) -> str:
    measured = {}
    for name, query in VARIANTS.items():
        with impaired() as network:
            measured[name] = _measure(bench, network, query)
        bench.desk.close()
    rows = [_row(rtt, loss, measured) for rtt in RTTS_MS for loss in LOSSES]
    table = plain(("round trip, loss", *(f"{name}: p50, p95, ms" for name in VARIANTS)), rows)
    together = ", ".join(f"{of.together} ({name})" for name, of in measured.items())
    resets = sum(of.resets for of in measured.values())
    return (
        f"{table}\n\n{SAMPLES} changes each, 35 to 45 ms apart. Of all changes of a transport these were shown "
        f"together with a later one: {together}. Resets: {resets}."
    )


def _row(rtt: int, loss: float, measured: dict[str, Measured]) -> Sequence[str]:
    def cell(of: Measured) -> str:
        late = of.late_ms[rtt, loss]
        return f"{median(late):.1f}, {quantiles(late, n=20, method='inclusive')[-1]:.1f}"

    return (f"{rtt} ms, {100 * loss:.0f} %", *(cell(of) for of in measured.values()))


def _measure(bench: Bench, network: Impaired, query: str) -> Measured:
    visitor = bench.desk.context()
    visitor.add_init_script(f"globalThis.deaf = true; {REROUTED}")
    visit = bench.desk.visit_in(visitor, bench.page(ROWS))
    with _rerouted(bench.desk.context(), network) as context:
        page = context.new_page()
        watching = Watching(page, context)
        page.goto(behind(network, visit.link).replace("#", f"{query}#"))
        watching.becomes("live")
        page.evaluate(WATCH)
        visit.quiet()
        measured, next = Measured(), 1
        wanted = watching.stats["path"], watching.stats["transport"]
        for rtt in RTTS_MS:
            for loss in LOSSES:
                network.become(rtt, loss)
                changed: list[float] = visit.page.evaluate(
                    "([first, count]) => probes(first, count)", [next, WARM_UP + SAMPLES]
                )
                seen: list[float | None] = page.evaluate(
                    "([first, count]) => seenFrom(first, count)", [next, WARM_UP + SAMPLES]
                )
                next += WARM_UP + SAMPLES
                measured.together += seen.count(None)
                apart = zero(page) - zero(visit.page)
                late = [there + apart - here for here, there in zip(changed, _shown(seen), strict=True)]
                measured.late_ms[rtt, loss] = late[WARM_UP:]
        network.become()
        assert (watching.stats["path"], watching.stats["transport"]) == wanted, watching.stats
        measured.resets = watching.stats["resets"]
    return measured


def _shown(seen: Sequence[float | None]) -> list[float]:
    """When each change was shown: one that was never there alone came with the next that was."""
    shown: list[float] = []
    for at in reversed(seen):
        shown.append(shown[-1] if at is None else at)
    return shown[::-1]


@contextmanager
def _rerouted(context: BrowserContext, network: Impaired) -> Iterator[BrowserContext]:
    """A context whose WebRTC goes by the network's proxies."""
    context.expose_function("reroute", partial(_reroute, network))
    context.add_init_script(REROUTED)
    yield context


def _reroute(network: Impaired, host: str, port: int) -> str:
    """The rest of a candidate that leads to that one: an address and a port."""
    # A page tells a name in place of its address (mDNS); the port is its own.
    address = _own_address() if host.endswith(".local") else host
    return f"{address} {network.udp(address, port)}"


def _own_address() -> str:
    """The address of this machine by which its pages are reached."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def behind(network: Impaired, link: str) -> str:
    """That link, by way of the network's proxy."""
    host, port = re.findall(r"^http://([^:/]+):(\d+)", link)[0]
    return link.replace(f"//{host}:{port}", f"//localhost:{network.tcp(host, int(port))}", 1)
