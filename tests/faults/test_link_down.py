"""Cables that are pulled and put in again: what is kept of the log decides whether the page starts over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from ..e2e.rig import Desk, Server, Visit, Watching, difference, until
from .conftest import Launch
from .network import Network
from .roads import Record

RESUMED: Final = (5, 30, 110)
RESET: Final = 130
"""Seconds without the cable; the log goes back for 120."""
HERTZ: Final = 20
RIGHT: Final = """(seq) => {
  const up = performance.now();
  globalThis.right = new Promise((resolve) => {
    const look = setInterval(() => {
      const stats = viewer.stats();
      if (stats.state !== "live" || stats.seq < seq) return;
      clearInterval(look);
      resolve(performance.now() - up);
    }, 5);
  });
}"""
"""How long after now the page has what the visitor has now."""


def host(seconds: int) -> str:
    return f"down-{seconds}"


@pytest.fixture
def desks(network: Network, launch: Launch, server: Server) -> Iterator[dict[int, Desk]]:
    """A machine for each time that the cable is out."""
    made: dict[int, Desk] = {}
    with ExitStack() as stack:
        for seconds in (*RESUMED, RESET):
            network.add(host(seconds))
            made[seconds] = Desk(launch(host(seconds)), server)
            stack.callback(made[seconds].close)
        yield made
    assert [desk.errors for desk in made.values() if desk.errors] == []


def goes_on_until(visit: Visit, at: float) -> None:
    """The page changes, a little, until that time of its clock."""
    until(visit.page, f"performance.now() >= {at}", 200_000)


def now(visit: Visit) -> float:
    return float(visit.page.evaluate("performance.now()"))


def test_viewers_whose_cable_is_out(
    network: Network, visitors: Desk, desks: dict[int, Desk], pages: str, record_property: Record
) -> None:
    """Criterion: out for 5, 30 and 110 s, by the relay and by a direct path, each viewer resumes without a reset; out
    for 130 s it is reset exactly once, and says so before it is live again. All are equal in the end, and one who was
    never out notices nothing. Goal for what is recorded: right within 3 s of the cable.
    """
    visit = visitors.visit(f"{pages}/table.html")
    another = visitors.watch(visit.link, path="relay")
    watching: dict[int, dict[str, Watching]] = {}
    for seconds, desk in desks.items():
        watching[seconds] = {path: desk.watch(visit.link, path=path) for path in ("relay", "auto")}
        watching[seconds]["auto"].goes("direct")
        for one in watching[seconds].values():
            one.keeps_states()
    visit.page.evaluate(f"window.start({HERTZ})")
    began = now(visit)
    for seconds in desks:
        network.plug(host(seconds), "down")
    for seconds, pair in watching.items():
        goes_on_until(visit, began + seconds * 1_000)
        network.plug(host(seconds), "up")
        for one in pair.values():
            one.page.evaluate(RIGHT, visit.stats["seq"])
        for path, one in pair.items():
            took = one.page.evaluate("right") / 1_000
            resets = one.stats["resets"]
            record_property(f"out for {seconds} s, {path}, s until right", f"{took:.1f}, {resets} resets")
            assert resets == (seconds == RESET)
            states = one.states
            assert states[-2:] == ["resetting", "live"] if seconds == RESET else "resetting" not in states
    visit.page.evaluate("window.stop()")
    for seconds, pair in watching.items():
        for one in pair.values():
            assert difference(visit, one) is None
            assert one.stats["resets"] == (seconds == RESET)
    assert difference(visit, another) is None
    assert another.stats["resets"] == 0


def test_a_visitor_goes_on_in_the_same_epoch(network: Network, visitors: Desk, agents: Desk, pages: str) -> None:
    """Criterion: out for 30 s, the visitor's page goes on in the same epoch, and its viewer without a reset."""
    visit = visitors.visit(f"{pages}/table.html")
    watching = agents.watch(visit.link)
    epoch = visit.stats["epoch"]
    visit.page.evaluate(f"window.start({HERTZ})")
    network.plug("visitor", "down")
    goes_on_until(visit, now(visit) + 30_000)
    network.plug("visitor", "up")
    watching.becomes("live")
    visit.page.evaluate("window.stop()")
    assert difference(visit, watching) is None
    assert (visit.stats["epoch"], watching.stats["resets"]) == (epoch, 0)
