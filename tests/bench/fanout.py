"""The relay's fan-out on one core, beside other relays: how much at most, and at what price at a fixed rate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Final

from .bench import Bench
from .crowd import Crowd, Run
from .relays import RELAYS, Blast, Cobrowse, Relay
from .table import plain

ROUNDS: Final = 2
VIEWERS: Final = (100, 500)
WARM_UP_S: Final = 1.0
SATURATED_S: Final = 2.0
HERTZ: Final = 20
FRAMES: Final = 60
"""In each round, at the fixed rate."""

Runs = dict[str, list[Run]]


def fanout(bench: Bench) -> str:
    tables = []
    for viewers in VIEWERS:
        saturated: Runs = {}
        paced: Runs = {}
        for _ in range(ROUNDS):
            for relay in RELAYS:
                with _crowd(relay, viewers) as crowd:
                    paced.setdefault(relay.name, []).append(crowd.paced(HERTZ, FRAMES))
                    saturated.setdefault(relay.name, []).append(crowd.saturated(WARM_UP_S, SATURATED_S))
        with _crowd(Blast, viewers) as crowd:
            saturated[Blast.name] = [crowd.saturated(WARM_UP_S, SATURATED_S)]
        tables += [_saturated(viewers, saturated), _paced(viewers, paced)]
    return "\n\n".join(tables)


@contextmanager
def _crowd(kind: type[Relay], viewers: int) -> Iterator[Crowd]:
    """A relay on one core, and its viewers on another where there is one."""
    cores = sorted(os.sched_getaffinity(0))
    with kind.running() as relay:
        crowd = Crowd(relay, relay.watch(viewers))
        os.sched_setaffinity(relay.pid, cores[:1])
        os.sched_setaffinity(0, cores[-1:])
        try:
            yield crowd
        finally:
            os.sched_setaffinity(0, cores)
            crowd.close()


def _saturated(viewers: int, runs: Runs) -> str:
    per_cpu = {name: _median(of, lambda run: run.deliveries / run.cpu_s) for name, of in runs.items()}
    return plain(
        (
            f"saturated, {viewers} viewers, 1 KiB",
            "runs",
            "deliveries/s, median",
            "range",
            "deliveries per s of the relay's CPU",
            "that of cobrowse beside",
            "the client's CPU",
        ),
        (
            (
                name,
                str(len(of)),
                f"{_median(of, lambda run: run.deliveries / run.seconds):,.0f}",
                " to ".join(f"{rate:,.0f}" for rate in _ends([run.deliveries / run.seconds for run in of])),
                f"{per_cpu[name]:,.0f}",
                "" if name in (Cobrowse.name, Blast.name) else f"{per_cpu[Cobrowse.name] / per_cpu[name]:.2f}",
                f"{_median(of, lambda run: 100 * run.client_s / run.seconds):.0f} %",
            )
            for name, of in runs.items()
        ),
    )


def _paced(viewers: int, runs: Runs) -> str:
    cost = {name: _median(of, lambda run: 1_000 * run.cpu_s / FRAMES) for name, of in runs.items()}

    def row(name: str, of: Sequence[Run]) -> tuple[str, ...]:
        late = [sample for run in of for sample in run.late_ms]
        return (
            name,
            f"{len(of) * FRAMES}, {len(late):,}",
            f"{cost[name]:.2f}",
            " to ".join(f"{ms:.2f}" for ms in _ends([1_000 * run.cpu_s / FRAMES for run in of])),
            "" if name == Cobrowse.name else f"{cost[Cobrowse.name] / cost[name]:.2f}",
            f"{median(late):.1f}",
            f"{quantiles(late, n=20, method='inclusive')[-1]:.1f}",
        )

    heading = f"{HERTZ} frames a second, {viewers} viewers"
    columns = ("frames, deliveries", "CPU a frame, ms", "range", "that of cobrowse beside", "p50, ms", "p95, ms")
    return plain((heading, *columns), (row(name, of) for name, of in runs.items()))


def _median(runs: Sequence[Run], value: Callable[[Run], float]) -> float:
    return median(value(run) for run in runs)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)
