"""Times of two pages on one clock."""

from __future__ import annotations

from playwright.sync_api import Page


def zero(page: Page) -> float:
    """When `performance.now()` of this page was 0, in ms of the machine's monotonic clock.

    Pages in different processes do not agree on `performance.timeOrigin`, which follows the wall clock.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return float(metrics["NavigationStart"]) * 1_000


def disagreement(one: Page, other: Page) -> float:
    """By how many ms the wall clocks and the monotonic clocks of two pages tell their distance differently."""
    monotonic = zero(other) - zero(one)
    wall = float(other.evaluate("performance.timeOrigin")) - float(one.evaluate("performance.timeOrigin"))
    return abs(monotonic - wall)
