"""From a connection that is cut to the page being followed again, beside opening the link anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from tests.e2e.rig import Visit, Watching, until
from tests.impair import Impaired, impaired
from tests.rerouted import behind
from tests.road import alike

from .bench import Bench
from .clock import zero
from .table import Measured, times

ROUNDS: Final = 2
SAMPLES: Final = 5
"""In each round."""
ROWS: Final = 292
"""About 5,000 nodes."""
RTTS_MS: Final = (0, 50)
TRANSPORTS: Final = ("websocket", "http")

LIVE: Final = """
  globalThis.live = new Promise((resolve) => {
    new MutationObserver(() => {
      if (document.documentElement?.dataset.state === 'live') resolve(performance.now());
    }).observe(document, { subtree: true, attributeFilter: ['data-state'] });
  });
"""
NEXT: Final = """(wanted) => {
  const probe = document.querySelector('.replayer-wrapper iframe').contentDocument.querySelector('#probe');
  globalThis.shown = new Promise((resolve) => {
    const look = () => { if (probe.textContent === wanted) resolve(performance.now()); };
    new MutationObserver(look).observe(probe, { subtree: true, childList: true, characterData: true });
  });
}"""


def resume(bench: Bench) -> str:
    tables = []
    for rtt in RTTS_MS:
        rounds: dict[str, list[list[float]]] = {}
        for transport in TRANSPORTS:
            for name, measure in ((f"{transport}, resumed", _resumed), (f"{transport}, the page loaded anew", _joined)):
                rounds[name] = [_round(bench, rtt, transport, measure) for _ in range(ROUNDS)]
        rows = [
            Measured(name, of, f"{name.partition(',')[0]}, the page loaded anew" if "resumed" in name else None)
            for name, of in rounds.items()
        ]
        tables.append(times(f"cut to followed again, round trip {rtt} ms", rows))
    return "\n\n".join(tables)


Measure = Callable[[Impaired, Visit, Watching, str], float]


def _round(bench: Bench, rtt: int, transport: str, measure: Measure) -> list[float]:
    with impaired() as network:
        visit = bench.desk.visit(bench.page(ROWS))
        context = bench.desk.context()
        context.add_init_script(LIVE)
        page = context.new_page()
        watching = Watching(page, context)
        page.goto(behind(network, visit.link).replace("#", f"?path=relay&transport={transport}#"))
        watching.becomes("live")
        network.become(alike(rtt))
        visit.quiet()
        took = [measure(network, visit, watching, f"change {n}") for n in range(SAMPLES)]
    bench.desk.close()
    return took


def _resumed(network: Impaired, visit: Visit, watching: Watching, text: str) -> float:
    """Until a change that was made while nothing came is shown."""
    resets = watching.stats["resets"]
    watching.page.evaluate(NEXT, text)
    cut = time.monotonic() * 1_000
    network.cut()
    visit.page.evaluate("(text) => { probe.firstChild.data = text; }", text)
    shown = float(watching.page.evaluate("shown")) + zero(watching.page)
    watching.becomes("live")
    assert watching.stats["resets"] == resets, "it was to be resumed"
    visit.quiet()
    return shown - cut


def _joined(network: Impaired, visit: Visit, watching: Watching, text: str) -> float:
    """Until the page is live that was loaded anew."""
    visit.page.evaluate("(text) => { probe.firstChild.data = text; }", text)
    visit.quiet()
    began = time.monotonic() * 1_000
    watching.page.reload()
    until(watching.page, "globalThis.live")
    return float(watching.page.evaluate("live")) + zero(watching.page) - began
