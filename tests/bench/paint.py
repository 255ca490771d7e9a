"""From the admission of a viewer to the first paint of a large page."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.rig import Desk, until

from . import bare
from .bench import Bench
from .clock import zero
from .table import Measured, times

ROUNDS: Final = 2
SAMPLES: Final = 5
"""In each round."""
ROWS: Final = 292
"""About 5,000 nodes."""

MARKS: Final = r"""
  const marks = (globalThis.marks = {});
  const text = new TextDecoder('latin1');
  globalThis.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      this.addEventListener('message', ({ data }) => {
        if (data instanceof ArrayBuffer && text.decode(data).includes('\xa4type\xa8admitted'))
          marks.admitted ??= performance.now();
      });
    }
  };
  new MutationObserver(() => {
    if (document.documentElement?.dataset.state !== 'live' || marks.live) return;
    marks.live = performance.now();
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { marks.painted = performance.now(); };
    requestAnimationFrame(() => port2.postMessage(null));
  }).observe(document, { subtree: true, attributeFilter: ['data-state'] });
"""


def paint(bench: Bench) -> str:
    names = ("bare pipeline, data channel open", "session, first viewer admitted", "session, later viewer admitted")
    rounds: dict[str, list[list[float]]] = {name: [] for name in names}
    opened: list[list[float]] = []
    _bare(bench)
    _session(bench)
    for _ in range(ROUNDS):
        rounds[names[0]].append([_bare(bench) for _ in range(SAMPLES)])
        sessions = [_session(bench) for _ in range(SAMPLES)]
        for name, which in zip(names[1:], (0, 1), strict=True):
            rounds[name].append([viewers[which]["painted"] - viewers[which]["admitted"] for viewers in sessions])
        opened.append([first["painted"] for first, _ in sessions])
    rows = [Measured(name, of, None if name == names[0] else names[0]) for name, of in rounds.items()]
    rows.append(Measured("session, first viewer opens the link", opened))
    return times("to first paint", rows)


def _bare(bench: Bench) -> float:
    pair = bare.connected(bench, ROWS)
    asked = pair.sender.evaluate("() => { const at = performance.now(); sender.share(); return at; }")
    painted = pair.viewer.evaluate("receiver.firstPaint")
    took = painted + zero(pair.viewer) - asked - zero(pair.sender)
    pair.close()
    return float(took)


def _session(bench: Bench) -> tuple[dict[str, float], dict[str, float]]:
    """The marks of the first viewer of a session, for whom the snapshot is made, and of the second."""
    visit = bench.desk.visit(bench.page(ROWS))
    first = _marks(bench.desk, visit.link)
    second = _marks(bench.desk, visit.link)
    bench.desk.close()
    return first, second


def _marks(desk: Desk, link: str) -> dict[str, float]:
    context = desk.context()
    context.add_init_script(f"(() => {{ {MARKS} }})()")
    page = context.new_page()
    page.goto(link)
    until(page, "globalThis.marks.painted")
    marks: dict[str, Any] = page.evaluate("marks")
    return marks
