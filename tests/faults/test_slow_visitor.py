"""A visitor whose network carries 256 kbit/s up, and what is large for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import Browser

from cobrowse.log import CHECKPOINT_EVERY_MS

from ..e2e.rig import HERE, Visit, Watching, difference, site, until
from ..impair import Impaired, impaired
from ..rerouted import behind
from ..road import Road, Way
from .roads import Local, Marks, Pointing, Record, local, p95, spread

RATE: Final = 32_000
MIB: Final = 1_048_576
LARGE: Final = 5_000_000
SOCKETS: Final = """
  const Native = globalThis.WebSocket;
  globalThis.buffered = 0;
  globalThis.WebSocket = class extends Native {
    send(data) {
      super.send(data);
      globalThis.buffered = Math.max(globalThis.buffered, this.bufferedAmount);
    }
  };
"""
# Text that cannot be compressed below that number of bytes, in paragraphs that nobody sees.
FILL: Final = """async (size) => {
  const section = document.createElement("section");
  section.hidden = true;
  document.body.append(section);
  for (let left = size; left > 0; left -= 49_152) {
    const paragraph = document.createElement("p");
    paragraph.textContent = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(49_152))));
    section.append(paragraph);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}"""
# 6,000 rows of seven nodes in one task: one event of the recorder.
MUTATE: Final = """() => {
  const blocks = document.createDocumentFragment();
  for (let n = 0; n < 4; n += 1) blocks.append(block(seeded(n), n));
  main.append(blocks);
}"""
MUTATION: Final = 2_800_000


@contextmanager
def slow_visitor(browser: Browser, page: str, transport: str) -> Iterator[tuple[Local, Impaired, Visit, str]]:
    """The visitor is behind the network, viewers are not: the link is theirs."""
    with impaired() as network, local(browser, lambda url: behind(network, url, slow=True)) as here:
        context = here.desk.context()
        context.add_init_script(SOCKETS)
        options = f"{{ consent: 'granted', path: 'relay', transport: '{transport}' }}"
        visit = here.desk.visit_in(context, f"{here.pages}/{page}", options)
        yield here, network, visit, visit.link.replace(visit.link.split("/v/")[0], here.server.url)


def same(visit: Visit, *watchings: Watching) -> None:
    for watching in watchings:
        assert difference(visit, watching) is None
        assert watching.stats["resets"] == 0


@pytest.mark.parametrize(("transport", "size"), [("websocket", LARGE), ("http", LARGE // 10)])
def test_a_checkpoint_goes_up_slowly_and_pointers_stay_live(
    browser: Browser, transport: str, size: int, record_property: Record
) -> None:
    """Criterion: while a checkpoint of 5 MB goes up, the p95 of pointers is under 1 s, and at most 1 MiB waits in the
    visitor's page; who waits is told how much has come; then all are equal, and who was there was not disturbed. By
    http a tenth of that size, which shows the same in a tenth of the time."""
    with slow_visitor(browser, "table.html", transport) as (here, network, visit, link):
        early = here.desk.watch(link)
        visit.page.evaluate(FILL, size)
        same(visit, early)
        # A checkpoint that is younger is used, however much has come after it.
        until(visit.page, f"performance.now() > {visit.page.evaluate('performance.now()') + CHECKPOINT_EVERY_MS}")
        before = visit.stats
        network.become(Road(Way(rate=RATE), Way()))
        pointing, marks = Pointing(visit, early), Marks(visit, early)
        late = here.desk.watch(link, state=None)
        until(late.page, "/% of it is here/.test(document.querySelector('.notice')?.textContent)", 60_000)
        late.becomes("live", 400_000)
        marks.stop()
        pointers = pointing.stop()
        buffered = visit.page.evaluate("buffered")
        network.become()
        sent = visit.stats["bytesSent"] - before["bytesSent"]
        assert sent > size
        assert visit.stats["checkpoints"] == before["checkpoints"] + 1
        same(visit, early, late)
        name = f"256 kbit/s up, {sent:,} bytes by {transport}"
        record_property(f"{name}, pointers, ms late", spread(pointers))
        record_property(f"{name}, changes, ms late", spread(marks.late_ms()))
        if transport == "websocket":
            record_property(f"{name}, most that waited in the page, bytes", buffered)
            assert buffered <= MIB
        assert p95(pointers) < 1_000


def test_one_large_mutation_goes_up_slowly_and_nobody_else_notices(browser: Browser, record_property: Record) -> None:
    """Criterion: a mutation that is one event of over 2.8 MB makes the page equal; pointers are live meanwhile, with a
    p95 under 1 s; changes of another session on the same server are not late: p95 under 500 ms."""
    with slow_visitor(browser, "bulk.html", "websocket") as (here, network, visit, link):
        watching = here.desk.watch(link)
        with site(HERE / "material" / "pages", here.server) as elsewhere:
            other = here.desk.visit(f"{elsewhere}/table.html", "{ consent: 'granted', path: 'relay' }")
            marks = Marks(other, here.desk.watch(other.link))
            same(visit, watching)
            told, sent = len(watching.told()), visit.stats["bytesSent"]
            network.become(Road(Way(rate=RATE), Way()))
            pointing, first = Pointing(visit, watching), marks.made
            visit.page.evaluate(MUTATE)
            until(watching.page, f"viewer.stats().seq >= {visit.stats['seq']}", 120_000)
            pointers, others = pointing.stop(), marks.late_ms(first)
            marks.stop()
        network.become()
        same(visit, watching)
        size, sent = len(watching.told()) - told, visit.stats["bytesSent"] - sent
        record_property(f"a mutation of {size:,} bytes, {sent:,} sent, pointers, ms late", spread(pointers))
        record_property("meanwhile, changes of another session, ms late", spread(others))
        assert size > MUTATION
        assert p95(pointers) < 1_000
        assert p95(others) < 500
