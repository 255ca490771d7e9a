"""What is lost comes back where it was: the server, a connection, a whole machine's network."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import Browser

from cobrowse.close_codes import CloseCode
from cobrowse.log import WINDOW_BYTES

from ..proxies import free_port
from .rig import HERE, Desk, Server, difference, serving, site, until
from .test_paths import drive

KEPT: Final = """() => {
  const { id, code, link, chat, viewers } = Cobrowse.session;
  return [id, code, link, chat.map(({ text }) => text), viewers.map(({ id }) => id).sort()];
}"""
"""What is the same after a restart of the server."""
STUCK: Final = """
  const Real = globalThis.WebSocket;
  globalThis.codes = [];
  globalThis.WebSocket = class WebSocket extends Real {
    constructor(...values) {
      super(...values);
      this.addEventListener("close", ({ code }) => codes.push(code));
      if (globalThis.wasStuck) return;
      globalThis.wasStuck = true;
      this.addEventListener("open", () => {
        const end = performance.now() + 7_000;
        while (performance.now() < end);
      });
    }
  };
"""
"""The page does nothing for longer than the server waits for `hello`, from when its first WebSocket has opened."""

FILL: Final = """async (size) => {
  const bytes = new Uint8Array(60_000);
  const { dataset } = document.querySelector("h1");
  for (let written = 0; written <= size; written += bytes.length) {
    dataset.noise = btoa(String.fromCharCode(...crypto.getRandomValues(bytes)));
    const { seq } = Cobrowse.session.stats();
    const end = performance.now() + 20_000;
    while (Cobrowse.session.stats().seq === seq) {
      if (performance.now() > end) throw new Error("nothing goes into the log");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  delete dataset.noise;
}"""
"""So many bytes that cannot be compressed go into the log, a little after the other."""


@pytest.fixture
def port() -> str:
    return str(free_port())


def killed(server: Server) -> None:
    server.process.kill()
    server.process.wait()


@pytest.mark.parametrize("transport", ["websocket", "webrtc", "http"])
def test_a_server_that_was_killed_comes_back_and_everybody_goes_on(browser: Browser, port: str, transport: str) -> None:
    with serving("--port", port) as first, site(HERE / "material" / "pages", first) as pages:
        desk = Desk(browser, first)
        visit = desk.visit(f"{pages}/table.html", f"{{ consent: 'granted', transport: '{transport}' }}")
        direct = desk.watch(visit.link)
        direct.goes("direct")
        relayed = desk.watch(visit.link.replace("#", f"?path=relay&transport={transport}#"))
        visit.page.evaluate("Cobrowse.session.say('before the server was killed')")
        drive(visit, 0, 30)
        assert difference(visit, relayed) is None
        before = visit.page.evaluate(KEPT)
        assert len(before[-1]) == 2
        killed(first)
        relayed.becomes("connecting")
        drive(visit, 30, 60)
        assert difference(visit, direct) is None, "a direct path needs no server"
        with serving("--port", port):
            relayed.becomes("live")
            drive(visit, 60, 90)
            assert difference(visit, relayed) is None
            assert difference(visit, direct) is None
            until(visit.page, "Cobrowse.session.viewers.length === 2")
            assert visit.page.evaluate(KEPT) == before
            assert relayed.page.locator(".chat li .text").all_text_contents() == ["before the server was killed"]
            assert [watching.stats["resets"] for watching in (direct, relayed)] == [0, 0]
            late = desk.watch(visit.link)
            assert difference(visit, late) is None
        desk.close()
        assert desk.errors == []


def test_pages_that_are_stuck_when_they_are_to_say_who_they_are_come_back(desk: Desk, pages: str) -> None:
    contexts = desk.context(), desk.context()
    for context in contexts:
        context.add_init_script(STUCK)
    visit = desk.visit_in(contexts[0], f"{pages}/table.html")
    watching = desk.watch_in(contexts[1], visit.link, path="relay")
    assert difference(visit, watching) is None
    for page in (visit.page, watching.page):
        assert page.evaluate("codes[0]") == CloseCode.SILENT


def test_a_viewer_that_was_offline_goes_on_from_where_it_was(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link, path="relay")
    watching.context.set_offline(True)
    watching.becomes("connecting")
    drive(visit, 0, 60)
    watching.context.set_offline(False)
    assert difference(visit, watching) is None
    watching.becomes("live")
    assert watching.stats["resets"] == 0
    assert visit.stats["checkpoints"] == 1


def test_a_viewer_that_missed_more_than_the_log_keeps_says_so_and_starts_over(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link, path="relay")
    watching.keeps_states()
    watching.context.set_offline(True)
    watching.becomes("connecting")
    visit.page.evaluate(FILL, 2 * WINDOW_BYTES)  # of which the server may have taken a part before it missed the viewer
    watching.context.set_offline(False)
    assert difference(visit, watching) is None
    watching.becomes("live")
    assert watching.states[-2:] == ["resetting", "live"]
    assert watching.stats["resets"] == 1


def test_a_visitor_that_was_offline_goes_on_in_the_same_epoch(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link, path="relay")
    epoch = visit.stats["epoch"]
    visit.context.set_offline(True)
    watching.becomes("away")
    drive(visit, 0, 60)
    visit.context.set_offline(False)
    watching.becomes("live")
    assert difference(visit, watching) is None
    assert (visit.stats["epoch"], watching.stats["resets"]) == (epoch, 0)


def test_a_viewer_that_reloads_joins_afresh(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link)
    viewer = visit.page.evaluate("Cobrowse.session.viewers[0].id")
    drive(visit, 0, 30)
    watching.page.reload()
    watching.becomes("live")
    assert difference(visit, watching) is None
    assert visit.page.evaluate("Cobrowse.session.viewers.map(({ id }) => id)") == [viewer]
