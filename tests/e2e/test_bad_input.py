"""What a browser is told when something is wrong, and that nothing else is harmed by it."""

from __future__ import annotations

import pytest

from .rig import HERE as E2E
from .rig import Desk, Server, comes, settled, site, until

# Text that compresses to more than `length` bytes.
NOISE = """(length) => {
  const random = new Uint32Array(length / 4);
  for (let at = 0; at < random.length; at += 16_384) crypto.getRandomValues(random.subarray(at, at + 16_384));
  const held = document.createElement("div");
  held.hidden = true;  // it is to be recorded, not laid out
  held.textContent = Array.from(random, (n) => n.toString(36)).join("");
  document.body.append(held);
}"""
# For longer than the server waits for a sign of life.
END_AFTER_A_FREEZE = """() => {
  const end = performance.now() + 10_000;
  while (performance.now() < end);
  Cobrowse.session.end();
}"""


def started(page_error: str) -> str:
    return f"Cobrowse.start({page_error}).then(() => 'started', (error) => `${{error.name}}: ${{error.message}}`)"


def test_a_wrong_link_is_denied(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link[:-1] + ("A" if visit.link[-1] != "A" else "B"), state="denied")
    assert "the link is not right" in watching.page.locator(".notice").inner_text()
    assert visit.page.evaluate("Cobrowse.session.viewers.length") == 0


def test_a_link_of_no_session_is_denied(desk: Desk, server: Server) -> None:
    watching = desk.watch(f"{server.url}/v/nothing-here#secret", state="denied")
    assert "no such session" in watching.page.locator(".notice").inner_text()


def test_a_link_that_is_over_says_so(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    visit.page.evaluate("Cobrowse.session.end()")
    watching = desk.watch(visit.link, state="ended")
    assert "over" in watching.page.locator(".notice").inner_text()


def test_a_page_of_another_origin_may_not_start(desk: Desk, server: Server) -> None:
    with site(E2E / "material" / "pages", server, host="elsewhere.localhost") as url:
        page = desk.context().new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{url}/table.html")
        until(page, "globalThis.Cobrowse?.start")
        answer = settled(page, started("{ consent: 'granted' }"))
        assert "do not belong to a site of this server" in answer
        comes(page, lambda: any("do not belong to a site" in line for line in said), "the console says why")
        assert page.evaluate("Cobrowse.session") is None
        assert page.locator("cobrowse-widget").count() == 0


def test_an_unknown_site_is_named(desk: Desk, pages: str) -> None:
    page = desk.context().new_page()
    page.goto(f"{pages}/table.html")
    until(page, "globalThis.Cobrowse?.start")
    assert "no site 'nobody'" in settled(page, started("{ site: 'nobody' }"))


@pytest.mark.parametrize("option", ["mask", "unmask", "block", "ignore"])
def test_a_selector_that_does_not_parse_starts_nothing(desk: Desk, pages: str, option: str) -> None:
    page = desk.context().new_page()
    page.goto(f"{pages}/table.html")
    until(page, "globalThis.Cobrowse?.start")
    answer = settled(page, started(f"{{ {option}: ['p', 'oops >>'] }}"))
    assert answer.startswith("TypeError")
    assert "oops >>" in answer
    assert option in answer
    assert page.evaluate("Cobrowse.session") is None


def test_a_second_start_gives_the_same_session(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    assert settled(visit.page, "Cobrowse.start().then((session) => session === Cobrowse.session)")


def test_a_path_that_the_session_does_not_go_by_fails_with_a_sentence(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/table.html", "{ consent: 'granted', path: 'relay' }")
    watching = desk.watch(visit.link, path="direct", state="failed")
    assert "by relay only" in watching.page.locator(".notice").inner_text()


def test_a_direct_path_that_cannot_be_fails_with_a_sentence(desk: Desk, pages: str) -> None:
    opened = desk.context()
    opened.add_init_script("RTCPeerConnection.prototype.setRemoteDescription = () => new Promise(() => {});")
    visit = desk.visit_in(opened, f"{pages}/table.html", "{ consent: 'granted', path: 'direct' }")
    watching = desk.watch(visit.link, state="failed")
    assert "no direct path" in watching.page.locator(".notice").inner_text()
    assert watching.relayed == []


def test_a_page_that_is_too_large_ends_with_a_sentence(desk: Desk, pages: str) -> None:
    """A checkpoint of more than 8 MiB, which nobody would take: it is said, and does not leave the page."""
    visit = desk.visit(f"{pages}/table.html")
    said: list[str] = []
    visit.page.on("console", lambda message: said.append(message.text))
    visit.page.evaluate(NOISE, 9_000_000)
    watching = desk.watch(visit.link, state="ended")
    why = "too large to be shared: compressed it is more than 8 MiB"
    comes(visit.page, lambda: any(why in line for line in said), "the console says why")
    until(visit.page, "Cobrowse.session === null || Cobrowse.session.state === 'ended'")
    assert "cannot be shared" in watching.page.locator(".notice").inner_text()


def test_an_end_that_meets_a_dead_connection_is_heard(desk: Desk, pages: str) -> None:
    """The server has closed it while the page was frozen: the end is said again on the next one."""
    visit = desk.visit(f"{pages}/table.html", "{ consent: 'granted', path: 'relay' }")
    watching = desk.watch(visit.link)
    watching.keeps_states()
    visit.page.evaluate(END_AFTER_A_FREEZE)
    watching.becomes("ended")
    assert "away" in watching.states
    assert "the visitor has ended it" in watching.page.locator(".notice").inner_text()


def test_a_page_that_cannot_be_recorded_ends_with_a_sentence(desk: Desk, pages: str) -> None:
    """Nobody is shown an empty page as the visitor's."""
    visit = desk.visit(f"{pages}/table.html")
    said: list[str] = []
    visit.page.on("console", lambda message: said.append(message.text))
    visit.page.evaluate("() => { globalThis.MutationObserver = () => { throw new Error('on purpose'); }; }")
    watching = desk.watch(visit.link, state="ended")
    comes(visit.page, lambda: any("the page cannot be recorded" in line for line in said), "the console says why")
    assert "cannot be shared" in watching.page.locator(".notice").inner_text()
