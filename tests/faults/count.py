"""A number on the visitor's page that grows by one with each event, and every value that it had at those who watch.

The number of an event that was lost is missing there; that of one that was applied twice is there twice. Each change is
a task of its own, so rrweb tells each of them. It holds as long as the page is not built anew: a page that starts over
skips what the checkpoint has.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from ..e2e.rig import Visit, Watching, until

GROW: Final = """(hertz) => {
  const count = document.createElement("p");
  count.id = "count";
  count.textContent = "0";
  document.body.append(count);
  const grow = () => { count.firstChild.data = String(Number(count.textContent) + 1); };
  globalThis.counting = setInterval(grow, 1_000 / hertz);
}"""
SHOWN: Final = "document.querySelector('.replayer-wrapper iframe')?.contentDocument?.querySelector('#count')"
NOTE: Final = f"""() => {{
  globalThis.counted = [];
  globalThis.noting = new MutationObserver((changes) => {{
    for (const change of changes) counted.push(Number(change.oldValue));
  }});
  noting.observe({SHOWN}, {{ characterData: true, characterDataOldValue: true, subtree: true }});
}}"""


class Count:
    """Grows until `stop`; those who watch note it from when they are named here."""

    def __init__(self, visit: Visit, *watchings: Watching, hertz: float = 50) -> None:
        self.visit = visit
        self.watchings = watchings
        visit.page.evaluate(GROW, hertz)
        for watching in watchings:
            until(watching.page, SHOWN)
            watching.page.evaluate(NOTE)

    def stop(self) -> None:
        self.visit.page.evaluate("() => clearInterval(counting)")

    def wrong(self) -> list[tuple[int, int]]:
        """Of all who watch, each two values that came one after the other and do not follow each other."""
        found: list[tuple[int, int]] = []
        for watching in self.watchings:
            values: list[int] = watching.page.evaluate(f"[...counted, Number({SHOWN}.textContent)]")
            assert len(values) > 1, "the number has not grown"
            found += [(one, other) for one, other in pairwise(values) if other != one + 1]
        return found
