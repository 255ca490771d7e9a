"""A direct path that dies while the page changes: the relay takes over, and nothing is lost or comes twice."""

from __future__ import annotations

from statistics import median
from typing import Final

import pytest

from ..e2e.rig import Desk, Visit, Watching, difference, until
from .count import Count
from .deaths import BACK, WAYS, die
from .network import Network
from .peers import counted
from .roads import Record, p95

ROUNDS: Final = 5
VIEWERS: Final = 4
"""As many as may have a direct path."""
ROUTE: Final = "route taken away"


@pytest.mark.parametrize("way", [ROUTE, *WAYS])
def test_the_direct_path_dies_twenty_times(
    network: Network, visitors: Desk, agents: Desk, pages: str, way: str, record_property: Record
) -> None:
    """Criterion: of twenty deaths (five of four viewers' paths each) all are followed by the relay, with no event lost
    or applied twice, no reset, and an equal page. Goal for what is recorded: p95 within 5 s.
    """
    visit = visitors.visit_in(counted(visitors.context()), f"{pages}/table.html")
    watching = [agents.watch_in(counted(agents.context()), visit.link) for _ in range(VIEWERS)]
    count = Count(visit, *watching)
    visit.page.evaluate("window.start(50)")
    took: list[float] = []
    for _ in range(ROUNDS):
        for one in watching:
            one.goes("direct", 60_000)
        # What was on its way by the relay may still come: it is known already, and dropped.
        further(visit, watching)
        on_relay = [len(one.relayed) for one in watching]
        further(visit, watching)
        assert [len(one.relayed) for one in watching] == on_relay, "what comes now comes by the direct path"
        for one in watching:
            one.page.evaluate(BACK)
        if way == ROUTE:
            network.part("visitor", "agent")
        else:
            die(way, visit, watching)
        took += [one.page.evaluate("back") for one in watching]
        if way == ROUTE:
            network.join("visitor", "agent")
    visit.page.evaluate("window.stop()")
    count.stop()
    for one in watching:
        assert difference(visit, one) is None
        assert one.stats["resets"] == 0
        assert len(one.relayed) == len(set(one.relayed)), "nothing came twice by the relay"
    assert count.wrong() == []
    assert visit.stats["checkpoints"] <= VIEWERS, "only who joins needs a checkpoint"
    figures = f"median {median(took) / 1_000:.2f}, p95 {p95(took) / 1_000:.2f}, most {max(took) / 1_000:.2f}"
    record_property(f"{way}, s until the next frame by the relay", f"{figures} of {len(took)}")
    assert p95(took) < 10_000


def further(visit: Visit, watching: list[Watching]) -> None:
    """Until everybody has what the page makes from now on in a while."""
    until(visit.page, f"Cobrowse.session.stats().seq > {visit.stats['seq']} + 30")
    for one in watching:
        until(one.page, f"viewer.stats().seq > {visit.stats['seq']}")


def test_the_route_is_lost_for_good_and_chat_goes_on(
    network: Network, visitors: Desk, agents: Desk, pages: str
) -> None:
    visit = visitors.visit(f"{pages}/table.html")
    watching = agents.watch(visit.link)
    watching.goes("direct")
    network.part("visitor", "agent")
    visit.page.evaluate("window.start(100)")
    line = watching.page.locator("input[name=line]")
    for text in ("said into the dark", "and once more"):
        line.fill(text)
        line.press("Enter")
    visit.page.evaluate("Cobrowse.session.say('and back')")
    watching.goes("relay")
    until(visit.page, "Cobrowse.session.chat.length === 3")
    until(watching.page, "document.querySelectorAll('.chat li:not(.pending)').length === 3")
    visit.page.evaluate("window.stop()")
    assert sorted(visit.page.evaluate("Cobrowse.session.chat.map(({ text }) => text)")) == [
        "and back",
        "and once more",
        "said into the dark",
    ]
    assert difference(visit, watching) is None
    assert watching.stats["resets"] == 0
