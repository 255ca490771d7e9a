"""What recording costs the page: CPU time of its main thread, which other processes do not lengthen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page

from tests.e2e.rig import Watching, until

from . import bare
from .bench import Bench
from .table import Measured, times

ROUNDS: Final = 3
SAMPLES: Final = 3
"""In each round."""
COUNT: Final = 1_000
ROWS: Final = 292
"""About 5,000 nodes."""
OPERATIONS: Final = {"text": "text changes", "class": "class changes", "add": "rows added and removed, of 17 nodes"}
BESIDE: Final = "bare record()"


@dataclass
class Variant:
    name: str
    page: Page
    watching: Watching | None = None
    logged: bool = False

    def __post_init__(self) -> None:
        self._session = self.page.context.new_cdp_session(self.page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def sample(self, operation: str) -> float:
        before = self._cpu_ms()
        script = "([operation, count, logged]) => changed(operation, count, logged)"
        self.page.evaluate(script, [operation, COUNT, self.logged])
        if self.watching:
            seq = self.page.evaluate("Cobrowse.session.stats().seq")
            until(self.watching.page, f"viewer.stats().seq >= {seq}")
        return self._cpu_ms() - before

    def _cpu_ms(self) -> float:
        """What the tasks of the page's main thread have taken so far."""
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        [seconds] = [metric["value"] for metric in metrics if metric["name"] == "TaskDuration"]
        return float(seconds) * 1_000


def recording(bench: Bench) -> str:
    variants = [make(bench) for make in VARIANTS]
    tables = []
    for operation, name in OPERATIONS.items():
        rounds: dict[str, list[list[float]]] = {variant.name: [] for variant in variants}
        for variant in variants:
            variant.sample(operation)
        for _ in range(ROUNDS):
            for variant in variants:
                rounds[variant.name].append([variant.sample(operation) for _ in range(SAMPLES)])
        rows = [Measured(name, of, None if name == BESIDE else BESIDE) for name, of in rounds.items()]
        tables.append(times(f"{COUNT:,} {name}", rows))
    bench.desk.close()
    return "\n\n".join(tables)


def _alone(bench: Bench) -> Variant:
    return Variant("page alone", bare.recorded_page(bench, ROWS, "bare_sender"))


def _record(bench: Bench) -> Variant:
    page = bare.recorded_page(bench, ROWS, "bare_sender")
    page.evaluate("sender.recordOnly()")
    return Variant(BESIDE, page)


def _encode(bench: Bench) -> Variant:
    page = bare.recorded_page(bench, ROWS, "bare_sender")
    page.evaluate("sender.encodeOnly()")
    return Variant("record(), MessagePack, deflate", page)


def _nobody(bench: Bench) -> Variant:
    return Variant("session, nobody let in", bench.desk.visit(bench.page(ROWS)).page)


def _watched(bench: Bench) -> Variant:
    visit = bench.desk.visit(bench.page(ROWS))
    watching = bench.desk.watch(visit.link)
    watching.goes("direct")
    visit.quiet()
    return Variant("session, one viewer", visit.page, watching, logged=True)


def _left(bench: Bench) -> Variant:
    visit = bench.desk.visit(bench.page(ROWS))
    watching = bench.desk.watch(visit.link)
    watching.goes("direct")
    watching.context.close()
    until(visit.page, "Cobrowse.session.viewers.length === 0")
    visit.quiet()
    return Variant("session, its viewer has left", visit.page, logged=True)


VARIANTS: Final[tuple[Callable[[Bench], Variant], ...]] = (_alone, _record, _encode, _nobody, _watched, _left)
