"""The main story on the demo shop, from the launcher to the end, as a visitor and an agent live it."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Locator, Page

from .material.real_pages import settle
from .rig import Desk, Server, Visit, Watching, difference, start, until

POINTED = """[...document.querySelectorAll("cobrowse-widget")]
  .map((host) => host.shadowRoot?.querySelector(".pointer")).find((pointer) => pointer)"""


def button(page: Page, name: str) -> Locator:
    """A button of the widget, by its accessible name; the shop has buttons of its own."""
    return page.locator("cobrowse-widget").get_by_role("button", name=name, exact=True)


def says(page: Page, selector: str) -> str:
    """Wait for a part of the widget; its text."""
    part = page.locator(f"cobrowse-widget {selector}")
    part.wait_for(state="attached")
    return part.text_content() or ""


def open_shop(desk: Desk, server: Server, page_name: str = "index.html", opened: BrowserContext | None = None) -> Page:
    page = (opened or desk.context()).new_page()
    page.goto(f"{server.url}/demo/{page_name}")
    until(page, "globalThis.Cobrowse?.start")
    return page


def test_from_the_launcher_to_the_end(desk: Desk, server: Server) -> None:
    page = open_shop(desk, server)
    page.locator("cobrowse-widget").click()  # the launcher
    code = re.sub(r"\W", "", says(page, ".code"))
    assert re.fullmatch(r"[2-9A-HJ-NP-Z]{6}", code)
    assert until(page, "Cobrowse.session?.state") == "pending"

    agent_context = desk.context()
    agent = agent_context.new_page()
    agent.goto(server.login)
    agent.locator("input[name=code]").fill(f" {code[:3].lower()} {code[3:]}")
    agent.get_by_role("button", name="Join").click()
    agent.wait_for_url("**/v/*")
    watching = Watching(agent, agent_context)
    watching.becomes("waiting")
    assert page.evaluate("Cobrowse.session.stats().seq") == -1, "nothing is recorded before the visitor agrees"
    question = page.get_by_role("dialog", name="Share this page?")
    assert "Agent, an agent," in (question.text_content() or "")
    assert question.get_by_role("button").all_text_contents() == ["Don't allow", "Allow"]
    button(page, "Allow").click()
    watching.becomes("live")
    visit = Visit(page, page.context, page.evaluate("Cobrowse.session.link"))
    page.get_by_role("button", name=re.compile("Pause", re.I)).first.click()
    settle(page)
    assert difference(visit, watching) is None
    assert "Agent can see this page" in says(page, ".bar")

    button(page, "Pause").click()
    watching.becomes("paused")
    page.evaluate("document.title = 'nobody sees this'")
    button(page, "Unpause").click()
    watching.becomes("live")
    assert difference(visit, watching) is None

    button(page, "End").click()
    watching.becomes("ended")
    assert "the visitor has ended it" in agent.locator(".notice").text_content()  # type: ignore[operator]
    assert page.evaluate("Cobrowse.session") is None


def test_the_visitor_says_no(desk: Desk, server: Server) -> None:
    page = open_shop(desk, server)
    link = start(page)
    watching = desk.watch(link, state="waiting")
    assert "Guest, who has the link," in says(page, ".ask")
    button(page, "Don't allow").click()
    watching.becomes("denied")
    assert "did not let you in" in watching.page.locator(".notice").text_content()  # type: ignore[operator]
    assert page.evaluate("Cobrowse.session.stats().seq") == -1


def test_the_site_asks_by_a_hook_of_its_own(desk: Desk, server: Server) -> None:
    page = open_shop(desk, server)
    link = start(
        page,
        """{ confirmView: (viewer) => {
          globalThis.asked = viewer; return new Promise((resolve) => { globalThis.answer = resolve; }); } }""",
    )
    watching = desk.watch(link, state="waiting")
    until(page, "globalThis.asked?.role === 'guest'")
    page.evaluate("answer(true)")
    watching.becomes("live")


def walk(desk: Desk, server: Server, options: str, query: str = "") -> tuple[Visit, Watching]:
    """From page to page with a chat; `options` start the session, `query` opens the viewer's page. All stays."""
    page = open_shop(desk, server)
    link = start(page, options)
    code = page.evaluate("Cobrowse.session.code")
    watching = desk.watch(link.replace("#", f"{query}#"))
    visit = Visit(page, page.context, link)
    page.evaluate("Cobrowse.session.say('I cannot find the blue cup')")
    watching.page.locator("text=I cannot find the blue cup").wait_for()
    watching.page.locator("input[name=line]").fill("Open the product page")
    watching.page.locator("input[name=line]").press("Enter")
    until(page, "Cobrowse.session.chat.length === 2")

    for name in ("product.html", "checkout.html", "insights.html"):
        epoch = watching.stats["epoch"]
        page.goto(f"{server.url}/demo/{name}")
        until(page, "globalThis.Cobrowse?.session?.viewers.length === 1")
        until(watching.page, f"viewer.stats().epoch > {epoch} && viewer.stats().state === 'live'")
        assert page.evaluate("[Cobrowse.session.code, Cobrowse.session.link]") == [code, link]
        assert page.evaluate("Cobrowse.session.chat.map((line) => line.text)") == [
            "I cannot find the blue cup",
            "Open the product page",
        ]
        if name == "checkout.html":
            page.locator("#card-number").fill("4111111111111111")
            page.locator("#password").press_sequentially("hunter2")
            assert difference(visit, watching) is None
            shown = watching.document("return [...doc.querySelectorAll('input')].map((one) => one.value).join(' ')")
            assert "4111" not in shown
            assert "hunter" not in shown
        if name == "product.html":
            assert difference(visit, watching) is None
    assert watching.page.locator("ol li").count() == 2
    page.reload()
    until(page, "globalThis.Cobrowse?.session?.viewers.length === 1")
    watching.becomes("live")
    return visit, watching


def test_a_walk_through_the_shop(desk: Desk, server: Server) -> None:
    walk(desk, server, "{ consent: 'granted' }")


def test_the_agents_pointer_is_seen_on_the_page_on_both_paths(desk: Desk, server: Server) -> None:
    page = open_shop(desk, server)
    link = start(page, "{ consent: 'granted' }")
    page.evaluate("""() => { globalThis.pointed = [];
      Cobrowse.session.on('pointer', ({ viewer, anchor }) => anchor && pointed.push(viewer.name)); }""")
    for path in ("relay", "direct"):
        watching = desk.watch(link, path=path)
        box = watching.page.locator(".page-frame").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 4
        page.evaluate("pointed.length = 0")
        watching.page.mouse.move(x, y)
        until(page, "pointed.length > 0")
        assert says(page, ".pointer") == "Guest"
        # The same place, as a share of the window, within a few pixels of rounding and scale.
        at = f"({POINTED}).getBoundingClientRect()"
        until(page, f"Math.abs({at}.x - innerWidth / 3) < 8 && Math.abs({at}.y - innerHeight / 4) < 8")
        watching.context.close()
        until(page, "Cobrowse.session.viewers.length === 0")


def test_chat_goes_both_ways_on_both_paths_and_is_shown_once(desk: Desk, server: Server) -> None:
    page = open_shop(desk, server)
    link = start(page, "{ consent: 'granted' }")
    expected: list[str] = []
    for path in ("relay", "direct"):
        watching = desk.watch(link, path=path)
        for line in (f"one by {path}", f"two by {path}"):
            watching.page.locator("input[name=line]").fill(line)
            watching.page.locator("input[name=line]").press("Enter")
            expected.append(line)
        until(page, f"Cobrowse.session.chat.length === {len(expected)}")
        page.evaluate(f"Cobrowse.session.say('heard by {path}')")
        expected.append(f"heard by {path}")
        until(watching.page, f"document.querySelectorAll('.chat li:not(.pending)').length === {len(expected)}")
        assert watching.page.locator(".chat li .text").all_text_contents() == expected
        assert page.evaluate("Cobrowse.session.chat.map(({ text }) => text)") == expected


def test_the_widget_is_not_part_of_what_is_shared(desk: Desk, server: Server) -> None:
    page = open_shop(desk, server)
    link = start(page, "{ consent: 'granted' }")
    watching = desk.watch(link, path="relay")
    page.evaluate("Cobrowse.session.say('a line that only the widget shows')")
    button(page, "Chat").click()
    says(page, ".chat li")
    page.locator("cobrowse-widget").get_by_label("Chat").get_by_role("textbox").fill("not sent yet")
    button(page, "Pause").click()
    watching.becomes("paused")
    button(page, "Unpause").click()
    watching.becomes("live")
    assert difference(Visit(page, page.context, link), watching) is None
    told = watching.told()
    assert told.count(b"only the widget shows") == 2, "a line of chat, and in the state after the pause"
    for text in (b"can see this page", b"not sent yet", b"Unpause", b"Nobody is watching"):
        assert text not in told


def test_each_side_sees_that_the_other_is_typing_on_both_paths(desk: Desk, server: Server) -> None:
    page = open_shop(desk, server)
    link = start(page, "{ consent: 'granted' }")
    for path in ("relay", "direct"):
        watching = desk.watch(link, path=path)
        field = watching.page.locator("input[name=line]")
        if path == "relay":
            button(page, "Chat").click()
        mark = page.locator("cobrowse-widget .writing")
        field.press_sequentially("It is")
        mark.filter(has_text="Guest is typing…").wait_for(state="attached")
        field.press("Enter")
        mark.filter(has_not_text="typing").wait_for(state="attached")

        mine = page.locator("cobrowse-widget").get_by_label("Chat").get_by_role("textbox")
        theirs = watching.page.locator(".writing")
        mine.press_sequentially("Where is")
        theirs.filter(has_text="The visitor is typing…").wait_for(state="attached")
        mine.press("Enter")
        theirs.filter(has_not_text="typing").wait_for(state="attached")
        watching.context.close()
        until(page, "Cobrowse.session.viewers.length === 0")


def test_a_viewer_that_was_not_let_in_or_is_out_again_cannot_write(desk: Desk, server: Server) -> None:
    page = open_shop(desk, server)
    link = start(page)
    watching = desk.watch(link, state="waiting")
    field = watching.page.locator("input[name=line]")
    assert field.is_disabled()
    button(page, "Allow").click()
    watching.becomes("live")
    assert field.is_enabled()
    page.evaluate("Cobrowse.session.end()")
    watching.becomes("ended")
    assert field.is_disabled()
