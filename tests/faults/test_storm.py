"""Many viewers lose their connections at once, and all come back at once."""

from __future__ import annotations

from typing import Final

from .roads import Record, p95, p99
from .storm import HEALTHY, storm

VIEWERS: Final = 500


def test_five_hundred_viewers_are_dropped_together(record_property: Record) -> None:
    """Criterion: all are back, with no reset, no gap and nothing twice; none was refused but by 503 with a hint. Goals
    for what is recorded: all back within 30 s, and frames at those who stay within 500 ms at the 99th percentile.
    """
    found = storm(VIEWERS)
    assert len(found.back_s) == VIEWERS
    assert (found.wrong, found.resets) == ([], 0)
    assert [one for one in found.refusals if not one.startswith("503") or one.endswith("no hint")] == []
    assert max(found.back_s) < 60
    record_property("dropped to the next frame, s", f"p95 {p95(found.back_s):.1f}, most {max(found.back_s):.1f}")
    late, before = p99(found.healthy_ms), p99(found.calm_ms)
    record_property(f"frames at {HEALTHY} who stay, p99, ms", f"{late:.0f}; before {before:.0f}")
    record_property("the server's CPU, s", f"{found.cpu_s:.2f}")
    record_property("refusals", dict(found.refusals) or "none")
