"""Five hundred viewers that are dropped together, and those who stay."""

from __future__ import annotations

from statistics import median, quantiles
from typing import Final

from tests.faults.storm import HEALTHY, HERTZ, storm

from .bench import Bench
from .table import plain

VIEWERS: Final = 500
ROUNDS: Final = 3


def reconnection(bench: Bench) -> str:
    found = storm(VIEWERS, ROUNDS)
    if found.wrong or found.resets:
        raise RuntimeError(f"{found.resets} resets; what should not have come: {found.wrong[:5]}")
    rows = (
        ("dropped to the next frame", [1_000 * seconds for seconds in found.back_s]),
        (f"a frame at {HEALTHY} who stay, before", found.calm_ms),
        (f"a frame at {HEALTHY} who stay, until all are back", found.healthy_ms),
    )
    table = plain(
        (f"{VIEWERS} viewers dropped together, {ROUNDS} times", "samples", "p50, ms", "p99, ms", "most, ms"),
        (
            (
                name,
                str(len(of)),
                f"{median(of):.1f}",
                f"{quantiles(of, n=100, method='inclusive')[-1]:.1f}",
                f"{max(of):.1f}",
            )
            for name, of in rows
        ),
    )
    refused = ", ".join(f"{count} by {what}" for what, count in found.refusals.items()) or "none"
    each = 1_000 * found.cpu_s / ROUNDS / VIEWERS
    return (
        f"{table}\n\nRefused: {refused}. Resets: {found.resets}. The server's CPU until all were back, for each of "
        f"them: {each:.2f} ms, with {HERTZ} frames a second to all."
    )
