"""On a telephone nothing of ours is cut off: what the visitor sees of us, the viewer's page and the page for codes."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Locator, Page

from .rig import Desk, Server, start, until
from .test_story import button, open_shop

PHONE: Final = {"width": 360, "height": 640}


def fits(page: Page, *parts: str) -> None:
    """All of these are within the window, and there is nothing to scroll to."""
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        PHONE["width"],
        PHONE["height"],
    ]
    for part in parts:
        within(page.locator(part))


def within(part: Locator) -> None:
    part.wait_for()
    box = part.bounding_box()
    assert box is not None
    assert box["x"] >= 0, part
    assert box["y"] >= 0, part
    assert box["x"] + box["width"] <= PHONE["width"], part
    assert box["y"] + box["height"] <= PHONE["height"], part


def test_an_agent_with_a_telephone(desk: Desk, server: Server) -> None:
    visit = desk.visit(f"{server.url}/demo/")
    context = desk.context(viewport=PHONE)
    join = context.new_page()
    join.goto(server.login)
    join.wait_for_url("**/join")
    fits(join, "form", "input[name=code]", "button")

    watching = desk.watch(visit.link, viewport=PHONE)
    watching.goes("direct")
    page = watching.page
    for n in range(20):
        visit.page.evaluate(f"Cobrowse.session.say('line {n}, which is long enough for two of them on a small screen')")
    page.locator("text=line 19").wait_for()
    fits(page, "header", ".page-frame", ".chat", "input[name=line]", "button[type=submit]")
    page.get_by_role("button", name="direct").click()
    within(page.locator("#health"))


def test_a_visitor_with_a_telephone(desk: Desk, server: Server) -> None:
    page = open_shop(desk, server, opened=desk.context(viewport=PHONE))
    within(page.locator("cobrowse-widget").get_by_role("button", name="Get help"))
    link = start(page)
    within(page.locator("cobrowse-widget .waiting"))
    watching = desk.watch(link, state="waiting")
    within(page.locator("cobrowse-widget .ask"))
    button(page, "Allow").click()
    watching.becomes("live")
    bar = page.locator("cobrowse-widget .bar")
    within(bar)
    for n in range(20):
        page.evaluate(f"Cobrowse.session.say('line {n}, which is long enough for two of them on a small screen')")
    until(page, "Cobrowse.session.viewers.length === 1")
    for name, panel in (("Chat", ".chat"), ("Viewers", ".people"), ("What they see", ".looking")):
        button(page, name).click()
        part = page.locator(f"cobrowse-widget {panel}")
        within(part)
        above, below = part.bounding_box(), bar.bounding_box()
        assert above is not None
        assert below is not None
        assert above["y"] + above["height"] <= below["y"], f"{name} covers the bar"
