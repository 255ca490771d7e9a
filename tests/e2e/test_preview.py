"""“What they see”: the visitor's look at the masked page, as it is sent."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Frame, Page

from .rig import CANONICAL, Desk, Server, Visit, site, until
from .rig import HERE as E2E
from .test_story import button

SHOWN = f"""() => {{ {CANONICAL};
  return JSON.stringify(canonical(document.querySelector('.replayer-wrapper iframe').contentDocument, 'viewer', false));
}}"""


def look(page: Page) -> Frame:
    """Open the preview; its frame, once it shows a page."""
    button(page, "What they see").click()
    frame = frame_of(page)
    frame.wait_for_selector("html[data-state=live]", state="attached")
    return frame


def frame_of(page: Page) -> Frame:
    element = page.locator("cobrowse-widget .looking iframe").element_handle()
    frame = element.content_frame()
    assert frame is not None
    return frame


def shown(frame: Any) -> Any:
    return json.loads(frame.evaluate(SHOWN))


def stands_with(visit: Visit, frame: Frame) -> None:
    """Wait until the preview has all that there is."""
    epoch, seq = visit.quiet()
    until(frame, f"preview.stats().epoch === {epoch} && preview.stats().seq >= {seq}")  # type: ignore[arg-type]


def test_it_shows_what_the_viewer_shows_and_nothing_that_is_masked(desk: Desk, server: Server) -> None:
    visit = desk.visit(f"{server.url}/demo/checkout.html")
    watching = desk.watch(visit.link, path="direct")
    for field, text in (("#card-number", "4111111111111111"), ("#password", "hunter2"), ("#name", "Ada Byron")):
        visit.page.locator(field).fill(text)
    frame = look(visit.page)
    visit.page.evaluate("document.querySelector('h1').textContent = 'Seen live'")
    stands_with(visit, frame)
    epoch, seq = visit.quiet()
    until(watching.page, f"viewer.stats().epoch === {epoch} && viewer.stats().seq >= {seq}")
    assert shown(frame) == shown(watching.page)
    values = frame.evaluate("""() => { const { contentDocument } = document.querySelector('.replayer-wrapper iframe');
      return [contentDocument.querySelector('h1').textContent,
        ...Array.from(contentDocument.querySelectorAll('input'), ({ value }) => value)]; }""")
    assert values[0] == "Seen live"
    assert not any(secret in " ".join(values) for secret in ("4111", "hunter", "Ada"))
    assert "•" in " ".join(values)


def test_it_is_not_part_of_what_is_shared_and_ends_with_the_session(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/form.html")
    watching = desk.watch(visit.link, path="relay")
    visit.quiet()
    before = visit.stats
    frame = look(visit.page)
    visit.quiet()
    assert visit.stats["seq"] == before["seq"], "nothing of it is told"
    assert b"looking" not in watching.told()
    visit.page.evaluate("document.querySelector('h1').textContent = 'Another'")
    stands_with(visit, frame)
    button(visit.page, "Close").click()
    assert [one for one in visit.page.frames if "/preview/" in one.url] == []
    look(visit.page)
    button(visit.page, "Pause").click()
    visit.page.locator("cobrowse-widget .looking", has_text="nothing of this page is sent now").wait_for()
    button(visit.page, "Unpause").click()
    visit.page.evaluate("document.querySelector('h1').textContent = 'Once more'")
    stands_with(visit, frame_of(visit.page))
    visit.page.evaluate("Cobrowse.session.end()")
    until(visit.page, "!document.querySelector('cobrowse-widget')")
    assert [one for one in visit.page.frames if "/preview/" in one.url] == []


def test_it_begins_anew_when_it_cannot_read_on_and_says_so_when_that_does_not_help(desk: Desk, pages: str) -> None:
    context = desk.context()
    context.add_init_script("""
      globalThis.garbled = 0;
      const { postMessage } = MessagePort.prototype;
      MessagePort.prototype.postMessage = function (message, ...others) {
        if (message instanceof Uint8Array && globalThis.garbled-- > 0) message.fill(0xff, message.length >> 1);
        postMessage.call(this, message, ...others);
      };
    """)
    visit = desk.visit_in(context, f"{pages}/form.html")
    desk.watch(visit.link, path="relay")
    frame = look(visit.page)
    stands_with(visit, frame)
    change = "(text) => { document.querySelector('h1').textContent = text; }"
    visit.page.evaluate("() => { globalThis.garbled = 1; }")
    visit.page.evaluate(change, "Once more")
    stands_with(visit, frame)
    assert "Once more" in json.dumps(shown(frame))
    visit.page.evaluate("() => { globalThis.garbled = Infinity; }")
    visit.page.evaluate(change, "In vain")
    frame.get_by_text("This cannot be shown any more").wait_for()
    visit.page.evaluate("() => { globalThis.garbled = 0; }")
    button(visit.page, "Close").click()
    stands_with(visit, look(visit.page))


def test_it_needs_nobody_who_watches(desk: Desk, pages: str) -> None:
    visit = desk.visit(f"{pages}/form.html")
    watching = desk.watch(visit.link, path="relay")
    visit.page.evaluate("Cobrowse.session.revoke(Cobrowse.session.viewers[0].id)")
    watching.becomes("denied")
    sent = visit.stats["bytesSent"]
    frame = look(visit.page)
    visit.page.evaluate("document.querySelector('h1').textContent = 'For nobody'")
    stands_with(visit, frame)
    assert visit.stats["bytesSent"] == sent, "nothing leaves the page"
    assert "For nobody" in json.dumps(shown(frame))


def test_only_the_page_that_is_shared_has_it_in_a_frame(desk: Desk, server: Server, pages: str) -> None:
    visit = desk.visit(f"{pages}/form.html")
    address = f"{server.url}/preview/{visit.page.evaluate('Cobrowse.session.id')}"
    answer = visit.page.request.get(address)
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ") if " " in part)
    assert policy["frame-ancestors"] == pages
    assert (policy["connect-src"], policy["script-src"], policy["frame-src"]) == ("'none'", "'self'", "'none'")
    assert "set-cookie" not in answer.headers
    with site(E2E / "material" / "pages", server) as elsewhere:
        page = desk.context().new_page()
        page.goto(f"{elsewhere}/table.html")
        frame_it = "(src) => document.body.append(Object.assign(document.createElement('iframe'), { src }))"
        with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
            page.evaluate(frame_it, address)
    other = desk.context().new_page()
    other.goto(address)
    other.evaluate("postMessage('cobrowse preview', '*', [new MessageChannel().port2])")
    assert other.evaluate("document.documentElement.dataset.state") == "connecting"


def test_a_page_whose_policy_has_no_room_for_it_is_told_so(desk: Desk, pages: str, server: Server) -> None:
    visit = desk.visit(f"{pages}/form.html")
    desk.watch(visit.link, path="relay")
    policy = f"frame-src 'none'; script-src 'unsafe-inline' {server.url}"
    visit.page.evaluate(
        """(content) => document.head.append(Object.assign(document.createElement("meta"),
          { httpEquiv: "Content-Security-Policy", content }))""",
        policy,
    )
    button(visit.page, "What they see").click()
    visit.page.locator("cobrowse-widget .looking", has_text="cannot be shown here").wait_for()
