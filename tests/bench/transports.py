"""Latency of each transport of the relay, and of the direct path, on networks with a delay and a loss.

The worse network is the viewer's: between it and the server, or between it and the visitor's page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Final

from tests.e2e.rig import Visit, Watching
from tests.impair import Impaired, impaired
from tests.rerouted import behind, deaf, rerouted
from tests.road import alike

from .bench import Bench
from .clock import zero
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


@dataclass
class Variant:
    """A session whose viewer comes by one transport, and the ms of each change by network."""

    name: str
    visit: Visit
    watching: Watching
    next: int = 1
    late_ms: dict[tuple[int, float], list[float]] = field(default_factory=dict)
    together: int = 0
    """Changes that were shown together with a later one."""

    def sample(self, rtt_ms: int, loss: float) -> None:
        given = [self.next, WARM_UP + SAMPLES]
        self.next += WARM_UP + SAMPLES
        changed: list[float] = self.visit.page.evaluate("([first, count]) => probes(first, count)", given)
        seen: list[float | None] = self.watching.page.evaluate("([first, count]) => seenFrom(first, count)", given)
        self.together += seen.count(None)
        apart = zero(self.watching.page) - zero(self.visit.page)
        late = [there + apart - here for here, there in zip(changed, _shown(seen), strict=True)]
        self.late_ms[rtt_ms, loss] = late[WARM_UP:]

    @property
    def way(self) -> tuple[str, str]:
        stats = self.watching.stats
        return stats["path"], stats["transport"]


def transports(bench: Bench) -> str:
    with impaired() as network:
        variants = [_opened(bench, network, name, query) for name, query in VARIANTS.items()]
        ways = [variant.way for variant in variants]
        for rtt in RTTS_MS:
            for loss in LOSSES:
                for variant in variants:
                    network.become(alike(rtt, loss=loss))
                    variant.sample(rtt, loss)
                    network.become()
        assert [variant.way for variant in variants] == ways, "a viewer has changed its path"
        resets = sum(variant.watching.stats["resets"] for variant in variants)
        bench.desk.close()
    rows = [_row(rtt, loss, variants) for rtt in RTTS_MS for loss in LOSSES]
    table = plain(("round trip, loss", *(f"{variant.name}: p50, p95, ms" for variant in variants)), rows)
    together = ", ".join(f"{variant.together} ({variant.name})" for variant in variants)
    return (
        f"{table}\n\n{SAMPLES} changes each, 35 to 45 ms apart. Of all changes of a transport these were shown "
        f"together with a later one: {together}. Resets: {resets}."
    )


def _row(rtt: int, loss: float, variants: Sequence[Variant]) -> Sequence[str]:
    def cell(variant: Variant) -> str:
        late = variant.late_ms[rtt, loss]
        return f"{median(late):.1f}, {quantiles(late, n=20, method='inclusive')[-1]:.1f}"

    return (f"{rtt} ms, {100 * loss:.0f} %", *(cell(variant) for variant in variants))


def _opened(bench: Bench, network: Impaired, name: str, query: str) -> Variant:
    visitor = bench.desk.context()
    deaf(visitor)
    visit = bench.desk.visit_in(visitor, bench.page(ROWS))
    context = rerouted(bench.desk.context(), network)
    page = context.new_page()
    page.goto(behind(network, visit.link).replace("#", f"{query}#"))
    watching = Watching(page, context)
    watching.becomes("live")
    page.evaluate(WATCH)
    visit.quiet()
    return Variant(name, visit, watching)


def _shown(seen: Sequence[float | None]) -> list[float]:
    """When each change was shown: one that was never there alone came with the next that was."""
    shown: list[float] = []
    for at in reversed(seen):
        shown.append(shown[-1] if at is None else at)
    return shown[::-1]
