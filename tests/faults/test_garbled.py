"""Bytes that are changed, lost, repeated and glued on the way, on each road, both ways, in the middle of a session.

Criterion: a clear close, a resume, and never a wrong page: whenever a viewer's page is live at a position where the
visitor's page was seen too, the two are equal; and they are equal in the end.
"""

from __future__ import annotations

import random
from typing import Final

import pytest
from playwright.sync_api import Browser

from ..e2e.rig import CANONICAL, Visit, Watching, difference, until
from ..impair import Impaired, impaired
from ..rerouted import behind, rerouted
from ..road import Road, Way
from .roads import ROADS, Local, Record, local, road_of

ROUNDS: Final = 12
STEPS: Final = 25
HASH: Final = """
  const hash = (text) => {
    let value = 0x811c9dc5;
    for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0;
    return value;
  };
"""
THERE: Final = f"""() => {{ {CANONICAL}; {HASH}
  const {{ epoch, seq }} = Cobrowse.session.stats();
  return [`${{epoch}}.${{seq}}`, hash(JSON.stringify(canonical(document, "broadcaster", false)))];
}}"""
SAMPLE: Final = f"""() => {{ {CANONICAL}; {HASH}
  globalThis.samples = [];
  globalThis.states = [];
  const root = document.documentElement;
  new MutationObserver(() => states.push(root.dataset.state)).observe(root, {{ attributeFilter: ["data-state"] }});
  globalThis.sampling = setInterval(() => {{
    const {{ state, epoch, seq }} = viewer.stats();
    const doc = document.querySelector(".replayer-wrapper iframe")?.contentDocument;
    if (state !== "live" || !doc) return;
    samples.push([`${{epoch}}.${{seq}}`, hash(JSON.stringify(canonical(doc, "viewer", false)))]);
  }}, 250);
}}"""


def mangling(road: str) -> Road:
    """Streams have small chunks here: most is one message. Datagrams are lost by it, as they carry checks below us."""
    often = 3.0 if road in ("webrtc", "direct") else 1.0
    one = Way(delay_ms=2, flip=0.02 * often, truncate=0.005 * often, repeat=0.005 * often, glue=0.05)
    return Road(one, one)


def changed_and_compared(visit: Visit, watching: Watching) -> dict[str, int]:
    """The visitor's page by position, at rest, again and again while the viewer's is sampled."""
    watching.page.evaluate(SAMPLE)
    seen: dict[str, int] = {}
    for round in range(ROUNDS):
        first = round * STEPS
        visit.page.evaluate(
            """async ([first, count]) => {
              for (let n = first; n < first + count; n += 1) {
                await window.drive(n);
                await new Promise((resolve) => setTimeout(resolve, 20));
              }
            }""",
            [first, STEPS],
        )
        visit.quiet()
        before, hash = visit.page.evaluate(THERE)
        if visit.page.evaluate(THERE) == [before, hash]:
            seen[before] = hash
    return seen


@pytest.mark.parametrize(
    ("who", "road"),
    [*(("viewer", road) for road in ROADS), *(("visitor", road) for road in ROADS if road != "direct")],
)
def test_what_is_garbled_never_makes_a_wrong_page(
    browser: Browser, road: str, who: str, record_property: Record
) -> None:
    with impaired() as network:
        through = (lambda url: behind(network, url)) if who == "visitor" and road in ("websocket", "http") else str
        with local(browser, through) as here:
            visit, watching = opened(here, network, road, who)
            network.become(mangling(road), seed=random.Random(f"{road} {who}").randrange(1_000))
            seen = changed_and_compared(visit, watching)
            garbled = network.mangled
            network.become()
            watching.becomes("live")
            assert difference(visit, watching) is None
            samples: list[tuple[str, int]] = watching.page.evaluate("samples")
            compared = [position for position, _ in samples if position in seen]
            wrong = [position for position, hash in samples if seen.get(position, hash) != hash]
            assert wrong == []
            assert garbled > 0
            assert compared, "the viewer was never live where the visitor was at rest"
            states = watching.page.evaluate("states")
            text = f"{garbled} times; compared {len(compared)} times at {len(set(compared))} of {len(seen)} positions"
            record_property(
                "garbled", f"{text}; resets {watching.stats['resets']}; states left and entered {len(states)}"
            )


def opened(here: Local, network: Impaired, road: str, who: str) -> tuple[Visit, Watching]:
    if who == "viewer":
        return road_of(here, network, road)
    context = rerouted(here.desk.context(), network) if road == "webrtc" else here.desk.context()
    options = f"{{ consent: 'granted', path: 'relay', transport: '{road}' }}"
    visit = here.desk.visit_in(context, f"{here.pages}/table.html", options)
    visit.page.evaluate("() => { Cobrowse.session.on('metrics', (all) => { globalThis.metrics = all; }); }")
    watching = here.desk.watch(visit.link.replace(visit.link.split("/v/")[0], here.server.url))
    until(visit.page, f"globalThis.metrics?.transport === {road!r}")
    return visit, watching
