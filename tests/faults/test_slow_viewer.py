"""A viewer whose network carries 1 KB a second, beside nine who are well."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Browser

from ..e2e.rig import Visit, Watching, difference, until
from ..impair import impaired
from ..rerouted import behind
from ..road import Road, Way
from .process import queued, resident
from .roads import Marks, Record, local, p95, spread

HEALTHY: Final = 9
RATE: Final = 1_000
MIB: Final = 1_048_576
WINDOW: Final = 8 * MIB
MOST_GROWN: Final = 3_000_000
# 45,000 bytes that cannot be compressed, ten times a second, where nothing has to be laid out for it.
NOISE: Final = """() => {
  const bytes = new Uint8Array(45_000);
  globalThis.noise = setInterval(() => {
    crypto.getRandomValues(bytes);
    document.querySelector("h1").dataset.noise = btoa(String.fromCharCode(...bytes));
  }, 100);
}"""
KEEP_NOTICES: Final = """() => {
  globalThis.notices = new Set();
  setInterval(() => notices.add(document.querySelector(".notice")?.textContent ?? ""), 50);
}"""


def told(visit: Visit, watchings: list[Watching], size: int) -> None:
    """Until so many more bytes have left the visitor's page, and all who watch have them."""
    until(visit.page, f"Cobrowse.session.stats().bytesSent > {visit.stats['bytesSent'] + size}", 180_000)
    seq = visit.stats["seq"]
    for watching in watchings:
        until(watching.page, f"viewer.stats().seq >= {seq}", 60_000)


def test_who_reads_a_kilobyte_a_second_hurts_nobody_and_is_told(browser: Browser, record_property: Record) -> None:
    """Criterion: while one and a half of the log's window pass it by, the server takes under 3 MB more for the slow
    one; it is told that the connection is the reason; it starts over from a checkpoint, once, when there is a network
    again, and is equal. The others are as before, with no reset. Goal for what is recorded: their p95 changes by less
    than 10 %. What waits in the kernel is recorded too; the kernel bounds it (tcp(7), tcp_wmem)."""
    with impaired() as network, local(browser) as here:
        options = "{ consent: 'granted', path: 'relay', transport: 'websocket' }"
        visit = here.desk.visit(f"{here.pages}/table.html", options)
        # Nobody is to try another transport meanwhile: what the server loads for WebRTC is no cost of a slow viewer.
        link = visit.link.replace("#", "?transport=websocket#")
        healthy = [here.desk.watch(link) for _ in range(HEALTHY)]
        slow = here.desk.watch(behind(network, link, slow=True))
        slow.page.evaluate(KEEP_NOTICES)
        pid, port = here.server.process.pid, int(here.server.url.rpartition(":")[2])
        visit.page.evaluate(NOISE)
        marks = Marks(visit, *healthy)
        told(visit, [*healthy, slow], WINDOW)  # so that the server has all that it keeps of the log
        first, before = marks.made, resident(pid)
        told(visit, healthy, WINDOW // 2)
        middle, beside = marks.made, resident(pid)

        network.become(Road(Way(), Way(rate=RATE)))
        waited, most = 0, 0
        # More than the log keeps: else a server that keeps what is not taken would have no more than it has anyway.
        # With as much again the viewer would fall off the log a second time.
        for _ in range(9):
            told(visit, healthy, WINDOW // 6)
            waited, most = max(waited, queued(port)), max(most, resident(pid))
        notice = "[...notices].find((text) => /too slow/.test(text))"
        said = until(slow.page, notice)
        last = marks.made
        network.become()
        visit.page.evaluate("() => clearInterval(noise)")
        marks.stop()
        slow.becomes("live")
        assert difference(visit, slow) is None
        assert slow.stats["resets"] == 1
        for watching in healthy:
            assert difference(visit, watching) is None
            assert watching.stats["resets"] == 0
        alone, together = marks.late_ms(first, middle), marks.late_ms(middle, last)
        record_property("nine healthy alone, ms late", spread(alone))
        record_property(
            "nine healthy beside a slow one, ms late", f"{spread(together)}: {p95(together) / p95(alone):.2f} of it"
        )
        record_property("most that waited in the server's sockets, bytes", waited)
        grown = f"{(most - max(before, beside)) / MIB:.1f}; without a slow one {(beside - before) / MIB:.1f}"
        record_property("the server's memory grew by, MiB", grown)
        record_property("the slow one is told", said)
        assert most - max(before, beside) < MOST_GROWN
