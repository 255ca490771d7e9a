"""A direct path that dies while the page changes: the relay takes over, and nothing is lost or comes twice."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from ..e2e.rig import Desk, difference, until
from .network import Network

RUNS = 5


def test_the_route_is_taken_away_while_the_page_changes(
    network: Network, visitors: Desk, agents: Desk, pages: str, record_property: Callable[[str, object], None]
) -> None:
    visit = visitors.visit(f"{pages}/table.html")
    watching = agents.watch(visit.link)
    visit.page.evaluate("window.start(100)")
    took: list[float] = []
    for _ in range(RUNS):
        watching.goes("direct", 40_000)
        # What was on its way by the relay may still come: it is known already, and dropped.
        until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 50")
        on_relay = len(watching.relayed)
        until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 50")
        assert len(watching.relayed) == on_relay, "what comes now comes by the direct path"
        cut = watching.page.evaluate("performance.now()")
        network.part("visitor", "agent")
        watching.goes("relay")
        again = until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} && performance.now()")
        network.join("visitor", "agent")
        took.append((again - cut) / 1_000)
    visit.page.evaluate("window.stop()")
    assert difference(visit, watching) is None
    assert watching.stats["resets"] == 0
    assert visit.stats["checkpoints"] == 1, "a change of path needs no checkpoint"
    assert len(watching.relayed) == len(set(watching.relayed)), "nothing came twice"
    text = ", ".join(f"{seconds:.2f}" for seconds in sorted(took))
    record_property("route lost to next frame by the relay, s", f"median {median(took):.2f} of {text}")


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
