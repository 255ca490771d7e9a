"""What it costs a viewer to check every event, on top of applying it."""

from __future__ import annotations

from typing import Final

from . import bare
from .bench import Bench
from .table import Measured, times

ROUNDS: Final = 5
SAMPLES: Final = 6
"""In each round, of each kind, taken in turns."""
ROWS: Final = 292
"""About 5,000 nodes."""
STEPS: Final = 1_000
WITH, WITHOUT = "with the check", "without it"
WHAT: Final = {"page": "A page of 5,000 nodes", "changes": f"{STEPS:,} changes of a table"}


def check(bench: Bench) -> str:
    page = bare.recorded_page(bench, ROWS, "checked")
    page.evaluate("(count) => checked.record(count)", STEPS)
    rounds: dict[str, dict[str, list[list[float]]]] = {what: {WITHOUT: [], WITH: []} for what in WHAT}
    for n in range(ROUNDS + 1):
        took: dict[str, dict[str, list[float]]] = {what: {WITHOUT: [], WITH: []} for what in WHAT}
        for _ in range(SAMPLES):
            for name in (WITHOUT, WITH):
                for what, ms in page.evaluate("(check) => checked.play(check)", name == WITH).items():
                    took[what][name].append(ms)
        if n > 0:  # the first is to warm up
            for what, samples in took.items():
                for name, one in samples.items():
                    rounds[what][name].append(one)
    bench.desk.close()
    return "\n\n".join(
        times(heading, [Measured(name, of, WITHOUT if name == WITH else None) for name, of in rounds[what].items()])
        for what, heading in WHAT.items()
    )
