"""A viewer's cable is pulled and put in again: what is kept of the log decides whether the page starts over."""

from __future__ import annotations

import pytest

from ..e2e.rig import Desk, Visit, Watching, difference, until
from .network import Network

BACK_WITHIN_MS = 40_000


def goes_on_for(visit: Visit, seconds: float) -> None:
    """The page changes, a little, until that time has passed."""
    until(visit.page, f"performance.now() > {visit.page.evaluate('performance.now()') + seconds * 1_000}", 200_000)


def interrupted(network: Network, host: str, visit: Visit, watching: Watching, seconds: float) -> None:
    visit.page.evaluate("window.start(20)")
    network.plug(host, "down")
    goes_on_for(visit, seconds)
    network.plug(host, "up")
    watching.becomes("live", BACK_WITHIN_MS)
    visit.page.evaluate("window.stop()")


@pytest.mark.parametrize("path", ["relay", "auto"])
@pytest.mark.parametrize("seconds", [5, 30])
def test_a_viewer_goes_on_where_it_was(
    network: Network, visitors: Desk, agents: Desk, pages: str, seconds: float, path: str
) -> None:
    visit = visitors.visit(f"{pages}/table.html")
    watching = agents.watch(visit.link, path=path)
    if path == "auto":
        watching.goes("direct")
    interrupted(network, "agent", visit, watching, seconds)
    assert difference(visit, watching) is None
    assert watching.stats["resets"] == 0
    assert visit.stats["checkpoints"] == 1


def test_a_visitor_goes_on_in_the_same_epoch(network: Network, visitors: Desk, agents: Desk, pages: str) -> None:
    visit = visitors.visit(f"{pages}/table.html")
    watching = agents.watch(visit.link)
    epoch = visit.stats["epoch"]
    interrupted(network, "visitor", visit, watching, 30)
    assert difference(visit, watching) is None
    assert (visit.stats["epoch"], watching.stats["resets"]) == (epoch, 0)


def test_a_viewer_that_was_away_for_longer_than_the_log_is_kept_starts_over_once(
    network: Network, visitors: Desk, agents: Desk, pages: str
) -> None:
    visit = visitors.visit(f"{pages}/table.html")
    watching = agents.watch(visit.link)
    another = visitors.watch(visit.link)
    interrupted(network, "agent", visit, watching, 130)
    assert difference(visit, watching) is None
    assert watching.stats["resets"] == 1
    assert difference(visit, another) is None
    assert another.stats["resets"] == 0
