"""What an hour at 50 changes a second leaves in memory: the changes of an hour, as fast as they are followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page

from tests.e2e.rig import Desk, until
from tests.faults.process import resident

from . import bare
from .bench import Bench
from .table import plain

CHANGES: Final = 180_000
TOGETHER: Final = 5_000
"""After so many it is waited until they are shown, as nobody is that far behind in an hour."""
WARM_UP: Final = 20_000
"""By then logs are as full as they get, and everything is compiled."""
ROWS: Final = 60
MIB: Final = 1_048_576
# Each in a task of its own: texts and classes, and each tenth time a new row in the place of the oldest.
CHANGE: Final = """async ([first, count]) => {
  const below = numbers(first + 1);
  for (let n = first; n < first + count; n += 1) {
    const row = body.rows[below(body.rows.length)];
    if (n % 10 === 9) {
      body.rows[0].remove();
      addRow(`Row ${n}`, below);
    } else if (n % 2) row.cells[1 + below(7)].firstChild.data = (below(100_000) / 100).toFixed(2);
    else row.cells[1 + below(7)].className = `c${below(1_000)}`;
    await nextTask();
  }
  probe.firstChild.data = String(first + count);
}"""


@dataclass(frozen=True)
class Pair:
    """A page, the page that shows it, and the server between them, if there is one."""

    page: Page
    viewer: Page
    server: int | None = None
    """The number of its process."""


@dataclass(frozen=True)
class Held:
    """Bytes that each has, after what can be let go of has been."""

    page: int
    viewer: int
    server: int | None


def hour(bench: Bench) -> str:
    pair = bare.connected(bench, ROWS)
    pair.share()
    rows = [
        *_rows("bare pipeline, rrweb's own player", *grown(Pair(pair.sender, pair.viewer))),
        *_rows("session, relay", *session(bench.desk, bench.page(ROWS))),
    ]
    bench.desk.close()
    return plain((f"{CHANGES:,} changes", "MiB before", "MiB after", "grown by"), rows)


def session(desk: Desk, url: str) -> tuple[Held, Held]:
    """Before and after, for a page that is shared."""
    visit = desk.visit(url)
    watching = desk.watch(visit.link, path="relay")
    return grown(Pair(visit.page, watching.page, desk.server.process.pid))


def grown(pair: Pair) -> tuple[Held, Held]:
    _change(pair, 0, WARM_UP)
    before = _held(pair)
    _change(pair, WARM_UP, CHANGES)
    return before, _held(pair)


def _change(pair: Pair, first: int, count: int) -> None:
    for start in range(first, first + count, TOGETHER):
        pair.page.evaluate(CHANGE, [start, TOGETHER])
        shown = "document.querySelector('.replayer-wrapper iframe').contentDocument.querySelector('#probe').textContent"
        until(pair.viewer, f"{shown} === '{start + TOGETHER}'", 120_000)


def _held(pair: Pair) -> Held:
    return Held(_heap(pair.page), _heap(pair.viewer), None if pair.server is None else resident(pair.server))


def _heap(page: Page) -> int:
    """Bytes of the page's scripts and of its document, and of buffers."""
    session = page.context.new_cdp_session(page)
    for _ in range(2):  # what is let go of by the first may hold more
        session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    return int(sum(usage.get(name, 0) for name in ("usedSize", "embedderHeapUsedSize", "backingStorageSize")))


def _rows(name: str, before: Held, after: Held) -> list[Sequence[str]]:
    pairs = [("the viewer's page", before.viewer, after.viewer), ("the visitor's page", before.page, after.page)]
    if before.server is not None and after.server is not None:
        pairs.append(("the server", before.server, after.server))
    return [
        (f"{name}: {who}", f"{was / MIB:.1f}", f"{now / MIB:.1f}", f"{(now - was) / MIB:+.1f}")
        for who, was, now in pairs
    ]
