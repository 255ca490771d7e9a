"""A road that is cut while a checkpoint is on its way: to a joiner, and to one who starts over with a new epoch.

Checkpoints go by whichever path a viewer reads: by the direct one when it is the only one (`path=direct`), or when an
epoch begins while a viewer reads there. Criterion everywhere: what has come of the checkpoint is never shown, nor the
page said to be live, until all of one has come by the road that there is, and the page is equal. It is another, of
which all comes; but http outlives its sockets, and goes on with the rest.
"""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import Browser

from ..e2e.rig import Visit, Watching, difference, until
from ..impair import Impaired, impaired
from ..rerouted import behind, deaf, rerouted
from ..road import alike
from .roads import Local, Record, local

RATE: Final = 150_000
"""Bytes a second: the checkpoint takes some seconds."""
NOISE: Final = """() => {
  const noise = document.createElement("pre");
  const digits = (n) => Array.from({ length: n }, () => Math.floor(Math.random() * 36).toString(36)).join("");
  for (let line = 0; line < 1_000; line += 1) noise.append(`${digits(1_000)}\\n`);
  document.body.append(noise);
}"""
"""About 650 KB when it is compressed; a million digits of base 36 have `WHOLE` bytes at least."""
WHOLE: Final = 646_000
SAMPLE: Final = """() => {
  const root = document.documentElement;
  globalThis.samples = [];
  const look = () => {
    const shown = document.querySelector(".replayer-wrapper iframe")?.contentDocument;
    const cells = shown?.querySelectorAll("td").length ?? 0;
    const lines = shown?.querySelector("pre")?.childNodes.length ?? 0;
    const sample = [root.dataset.state, viewer.stats().epoch, cells, lines];
    if (String(sample) !== String(samples.at(-1))) samples.push(sample);
  };
  new MutationObserver(look).observe(root, { attributeFilter: ["data-state"] });
  globalThis.sampling = setInterval(look, 5);
  look();
}"""
NOTHING: Final = (0, 0)
ALL: Final = (60 * 8, 1_000)
"""Cells of the table, and lines of the noise."""


def bulky(here: Local, visit: Visit) -> Visit:
    """That page is large from now on, and has been watched once."""
    visit.page.evaluate(NOISE)
    beside = here.desk.watch(visit.link.replace(visit.link.split("/v/")[0], here.server.url), path="relay")
    assert difference(visit, beside) is None
    return visit


def in_the_middle(watching: Watching, before: int = 0) -> int:
    """Until some of the checkpoint has come, and not all of it. From here on it is noted what is shown.

    The bytes that have come by then.
    """
    until(watching.page, f"viewer.stats().bytesReceived > {before} + 200_000")
    watching.page.evaluate(SAMPLE)
    came: int = watching.stats["bytesReceived"]
    assert came < before + 550_000
    assert watching.stats["state"] != "live"
    return came


def never_half(visit: Visit, watching: Watching) -> None:
    """Nothing, or the page before, was shown until all of the new one was; it was not said to be live either."""
    samples = watching.page.evaluate("() => { clearInterval(sampling); return samples; }")
    assert {tuple(shown) for _, _, *shown in samples} <= {NOTHING, ALL}, samples
    live = {(epoch, *shown) for state, epoch, *shown in samples if state == "live"}
    assert live == {(visit.stats["epoch"], *ALL)}, samples


def another_came(visit: Visit, watching: Watching, came: int) -> None:
    """What had come by then was of no use, and never shown: all of another has come since."""
    never_half(visit, watching)
    assert watching.stats["bytesReceived"] - came >= WHOLE


def told(watching: Watching, what: str, came: int, record_property: Record) -> None:
    stats = watching.stats
    after = f"{came:,} bytes before the cut, {stats['bytesReceived'] - came:,} after"
    record_property(what, f"live by {stats['path']}, {stats['transport']}, {stats['resets']} resets, {after}")


@pytest.mark.parametrize("transport", ["websocket", "http", "webrtc"])
def test_the_relay_is_cut_at_a_joiner(browser: Browser, transport: str, record_property: Record) -> None:
    with impaired() as network, local(browser) as here:
        visit = bulky(here, here.desk.visit(f"{here.pages}/table.html"))
        network.become(alike(rate=RATE))
        link = behind(network, visit.link, slow=True).replace("#", f"?path=relay&transport={transport}#")
        watching = here.desk.watch_in(rerouted(here.desk.context(), network), link, state=None)
        until(watching.page, "globalThis.viewer")
        came = in_the_middle(watching)
        assert watching.stats["transport"] == transport
        if transport == "webrtc":  # there is no connection that a network could close
            network.become(alike(blackhole=True))
            until(watching.page, "viewer.stats().path === null")
            visit.page.evaluate("window.drive(0)")
            network.become()
        else:
            network.cut()
            visit.page.evaluate("window.drive(0)")
        watching.becomes("live")
        if transport == "http":
            never_half(visit, watching)
            assert watching.stats["bytesReceived"] - came < WHOLE, "the rest has come, and nothing of it twice"
        else:
            another_came(visit, watching, came)
        assert difference(visit, watching) is None
        assert watching.stats["resets"] == 0, "nothing had been shown yet"
        told(watching, f"joiner, {transport}", came, record_property)


def test_the_relay_is_cut_at_the_visitor(browser: Browser, record_property: Record) -> None:
    with impaired() as network, local(browser, lambda url: behind(network, url, slow=True)) as here:
        visit = here.desk.visit(f"{here.pages}/table.html")
        visit.page.evaluate(NOISE)
        network.become(alike(rate=RATE))
        near = visit.link.replace(visit.link.split("/v/")[0], here.server.url)
        watching = here.desk.watch(near, path="relay", state=None)
        until(watching.page, "globalThis.viewer")
        came = in_the_middle(watching)
        network.cut()
        visit.page.evaluate("window.drive(0)")
        watching.becomes("live")
        another_came(visit, watching, came)
        assert difference(visit, watching) is None
        told(watching, "joiner, visitor cut off", came, record_property)


def direct(here: Local, network: Impaired, visit: Visit, path: str) -> Watching:
    """A viewer whose direct path alone is by the network."""
    return here.desk.watch_in(rerouted(here.desk.context(), network), visit.link, path, state=None)


def test_the_only_path_is_cut_at_a_joiner(browser: Browser, record_property: Record) -> None:
    with impaired() as network, local(browser) as here:
        visit = bulky(here, here.desk.visit_in(deaf(here.desk.context()), f"{here.pages}/table.html"))
        network.become(alike(rate=RATE))
        watching = direct(here, network, visit, "direct")
        until(watching.page, "globalThis.viewer")
        came = in_the_middle(watching)
        network.become(alike(blackhole=True))
        until(watching.page, "viewer.stats().path === null")
        visit.page.evaluate("window.drive(0)")
        network.become()
        watching.goes("direct")
        another_came(visit, watching, came)
        assert difference(visit, watching) is None
        assert (watching.relayed, watching.stats["resets"]) == ([], 0)
        told(watching, "joiner, direct alone", came, record_property)


def test_the_direct_path_is_cut_at_the_beginning_of_an_epoch(browser: Browser, record_property: Record) -> None:
    with impaired() as network, local(browser) as here:
        visit = bulky(here, here.desk.visit_in(deaf(here.desk.context()), f"{here.pages}/table.html"))
        watching = direct(here, network, visit, "auto")
        watching.goes("direct")
        parts = len(watching.received)
        network.become(alike(rate=RATE))
        before = watching.stats["bytesReceived"]
        visit.page.evaluate("() => { Cobrowse.session.pause(); Cobrowse.session.unpause(); }")
        came = in_the_middle(watching, before)
        assert len(watching.received) == parts, "the checkpoint came by the direct path"
        network.become(alike(blackhole=True))
        visit.page.evaluate("window.drive(0)")
        watching.goes("relay")
        another_came(visit, watching, came)
        assert difference(visit, watching) is None
        assert len(watching.received) > parts, "and another by the relay"
        told(watching, "new epoch, direct", came, record_property)
        network.become()
        watching.goes("direct")
        visit.page.evaluate("window.drive(1)")
        assert difference(visit, watching) is None
