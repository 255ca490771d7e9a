"""What scrubbing adds to recording: the time in each, of the same events in one page."""

from __future__ import annotations

from statistics import median
from typing import Final

from . import bare
from .bench import Bench
from .recording import COUNT, ROWS
from .table import plain

ROUNDS: Final = 5
SAMPLES: Final = 5
"""In each round."""
CHANGES: Final = {
    "text changes": f"changed('text', {COUNT}, false)",
    "class changes": f"changed('class', {COUNT}, false)",
    "rows of 17 nodes added, and removed": f"changed('add', {COUNT}, false)",
    "a table of 5,000 nodes set by innerHTML": "rebuilt()",
    "a snapshot of 5,000 nodes": "scrub.snapshot()",
}
REBUILT: Final = """window.rebuilt = async () => {
  const body = document.querySelector("tbody");
  body.innerHTML = body.innerHTML;
  await new Promise((resolve) => setTimeout(resolve, 50));
};"""


def scrub(bench: Bench) -> str:
    page = bare.recorded_page(bench, ROWS, "bare_scrub")
    page.evaluate(REBUILT)
    page.evaluate("scrub.begin()")
    rows = []
    for name, change in CHANGES.items():
        rounds = []
        for _ in range(ROUNDS):
            taken = [page.evaluate(f"async () => {{ scrub.take(); await {change}; return scrub.take(); }}")]
            taken += [
                page.evaluate(f"async () => {{ await {change}; return scrub.take(); }}") for _ in range(SAMPLES - 1)
            ]
            rounds.append(taken)
        samples = [one for taken in rounds for one in taken]
        shares = [_share(taken) for taken in rounds]
        rows.append(
            (
                f"{COUNT:,} {name}" if change.startswith("changed") else name,
                str(len(samples)),
                f"{median(one['record'] for one in samples):.1f}",
                f"{median(one['scrub'] for one in samples):.2f}",
                f"{_share(samples):.1f} %",
                f"{min(shares):.1f} to {max(shares):.1f} %",
            )
        )
    bench.desk.close()
    heading = ("", "samples", "recording, ms, p50", "scrubbing, ms, p50", "scrubbing of recording", "of the rounds")
    return plain(heading, rows)


def _share(samples: list[dict[str, float]]) -> float:
    """Percent, of the medians."""
    return 100 * median(one["scrub"] for one in samples) / median(one["record"] for one in samples)
