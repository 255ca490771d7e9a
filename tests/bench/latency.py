"""From a change of the page to the same change in the viewer's page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page

from tests.impair import Impaired, impaired
from tests.rerouted import behind, deaf, rerouted
from tests.road import alike

from . import bare, live
from .bench import Bench
from .clock import disagreement, zero
from .table import Measured, times

ROUNDS: Final = 3
SAMPLES: Final = 67
"""In each round."""
WARM_UP: Final = 10
ROWS: Final = 60
RTT_MS: Final = 50

WATCH: Final = """() => {
  const { contentDocument } = document.querySelector('.replayer-wrapper iframe');
  const probe = contentDocument.querySelector('#probe');
  const seen = new Map();
  let wanted = null;
  const note = () => {
    seen.set(Number(probe.textContent), performance.now());
    if (seen.has(wanted?.last)) wanted.resolve();
  };
  new MutationObserver(note).observe(probe, { subtree: true, childList: true, characterData: true });
  globalThis.seenFrom = async (first, count) => {
    const last = first + count - 1;
    if (!seen.has(last)) await new Promise((resolve) => { wanted = { last, resolve }; });
    return Array.from({ length: count }, (_, n) => seen.get(first + n) ?? null);
  };
}"""


@dataclass
class Pair:
    """A page, and the page that shows it."""

    name: str
    page: Page
    viewer: Page
    changes: int = 0
    merged: int = 0
    """Changes that the viewer never showed: it was given the next one with them, as the machine was busy."""

    def sample(self, count: int) -> list[float]:
        first = self.changes + 1
        self.changes += count
        changed = self.page.evaluate("([first, count]) => probes(first, count)", [first, count])
        seen = self.viewer.evaluate("([first, count]) => seenFrom(first, count)", [first, count])
        apart = zero(self.viewer) - zero(self.page)
        self.merged += seen.count(None)
        return [there + apart - here for here, there in zip(changed, seen, strict=True) if there is not None]


def latency(bench: Bench) -> str:
    with live.relaying() as relay:
        near = [_bare(bench), _session(bench, "direct"), _session(bench, "relay"), _live(bench, relay)]
        table = _measured(near, "change to change", near[0].name)
        clocks = max(disagreement(pair.page, pair.viewer) for pair in near)
        bench.desk.close()
        with impaired() as network:
            far = [*(_session(bench, path, network) for path in ("direct", "relay")), _live(bench, relay, network)]
            network.become(alike(RTT_MS))
            far_table = _measured(far, f"the same at {RTT_MS} ms round trip", far[-1].name)
            bench.desk.close()
    merged = ", ".join(f"{pair.merged} ({pair.name})" for pair in near)
    far_merged = ", ".join(f"{pair.merged} ({pair.name})" for pair in far)
    return (
        f"{table}\n\nChanges that were merged with the next one, as the machine was busy: {merged}. "
        f"The wall clocks of the pages differed from their monotonic clocks by at most {clocks:.2f} ms.\n\n"
        f"{far_table}\n\nMerged with the next one: {far_merged}."
    )


def _measured(pairs: list[Pair], heading: str, beside: str) -> str:
    """The table of pairs that take turns."""
    for pair in pairs:
        pair.viewer.evaluate(WATCH)
        pair.sample(WARM_UP)
    rounds: dict[str, list[list[float]]] = {pair.name: [] for pair in pairs}
    for _ in range(ROUNDS):
        for pair in pairs:
            rounds[pair.name].append(pair.sample(SAMPLES))
    return times(heading, [Measured(name, of, None if name == beside else beside) for name, of in rounds.items()])


def _bare(bench: Bench) -> Pair:
    pair = bare.connected(bench, ROWS)
    pair.share()
    return Pair("bare pipeline", pair.sender, pair.viewer)


def _live(bench: Bench, relay: str, network: Impaired | None = None) -> Pair:
    pair = live.shared(bench, ROWS, relay, network)
    return Pair("rrweb's live mode over socket.io", pair.sender, pair.viewer)


def _session(bench: Bench, path: str, network: Impaired | None = None) -> Pair:
    """A session; with a network, which is clear now, between its viewer and all others."""
    visitor, watcher = bench.desk.context(), bench.desk.context()
    if network:
        deaf(visitor)
        rerouted(watcher, network)
    visit = bench.desk.visit_in(visitor, bench.page(ROWS))
    watching = bench.desk.watch_in(watcher, behind(network, visit.link) if network else visit.link, path)
    watching.goes(path)
    visit.quiet()
    return Pair(f"session, {path}", visit.page, watching.page)
