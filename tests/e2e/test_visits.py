"""The visitor moves: page loads, back and forward, other tabs, absences. The session, its code and its viewers stay."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Route

from .rig import (
    CHROMIUM_ARGS,
    Desk,
    Server,
    Visit,
    Watching,
    chromium,
    comes,
    difference,
    serving,
    settled,
    start,
    until,
)

HAS_SESSION = "globalThis.Cobrowse?.session?.viewers.length === 1"


def shared(desk: Desk, server: Server, options: str = "{ consent: 'granted' }") -> tuple[Visit, Watching]:
    visit = desk.visit(f"{server.url}/demo/checkout.html", options)
    return visit, desk.watch(visit.link)


def named(page: Page) -> Any:
    return page.evaluate("[Cobrowse.session.id, Cobrowse.session.code, Cobrowse.session.link]")


def test_ten_page_loads_in_a_row(desk: Desk, server: Server) -> None:
    visit, watching = shared(desk, server)
    before = named(visit.page)
    for turn in range(10):
        # The next page comes before the last one is done: the visitor clicks on at speed.
        visit.page.goto(f"{server.url}/demo/{('product', 'checkout')[turn % 2]}.html", wait_until="commit")
    until(visit.page, HAS_SESSION)
    assert difference(visit, watching) is None
    assert watching.stats["state"] == "live"
    assert named(visit.page) == before
    assert watching.page.evaluate("viewer.stats().epoch") > 1


def test_a_page_that_the_router_changes_is_the_same_page(desk: Desk, server: Server) -> None:
    visit, watching = shared(desk, server)
    epoch = visit.stats["epoch"]
    visit.page.evaluate("() => { history.pushState(null, '', '?step=2#pay'); document.title = 'Pay'; }")
    until(watching.page, "document.querySelector('.title').textContent === 'Pay'")
    assert watching.page.locator(".address").inner_text() == f"{server.url}/demo/checkout.html"
    visit.page.evaluate("() => history.pushState(null, '', '/demo/paid/')")
    until(watching.page, f"document.querySelector('.address').textContent === '{server.url}/demo/paid/'")
    assert visit.stats["epoch"] == epoch


def opened_by(page: Page, url: str, how: str) -> Page:
    with page.context.expect_page() as opening:
        page.evaluate(how, url)
    other = opening.value
    until(other, "globalThis.Cobrowse?.start")
    return other


@pytest.mark.parametrize(
    "how",
    [
        "(url) => { window.open(url); }",
        "(url) => { window.open(url, '_blank', 'noopener'); }",
    ],
    ids=["with a copy of the storage", "without one"],
)
def test_two_tabs_hand_the_session_back_and_forth(desk: Desk, server: Server, how: str) -> None:
    visit, watching = shared(desk, server)
    before = named(visit.page)
    visit.page.evaluate("Cobrowse.session.say('first tab')")
    other = opened_by(visit.page, f"{server.url}/demo/product.html", how)
    until(other, HAS_SESSION)
    assert named(other) == before
    second = Visit(other, visit.context, visit.link)
    until(watching.page, "document.querySelector('.address').textContent.endsWith('/demo/product.html')")
    assert difference(second, watching) is None
    assert visit.page.evaluate("[Cobrowse.session.isElsewhere, Cobrowse.session.state]") == [True, "away"]
    assert other.evaluate("Cobrowse.session.chat.map(({ text }) => text)") == ["first tab"]

    looked_at(visit.page)
    until(visit.page, f"!Cobrowse.session.isElsewhere && {HAS_SESSION}")
    until(watching.page, "document.querySelector('.address').textContent.endsWith('/demo/checkout.html')")
    assert difference(visit, watching) is None
    until(other, "Cobrowse.session.isElsewhere")

    looked_at(other)
    until(other, f"!Cobrowse.session.isElsewhere && {HAS_SESSION}")
    assert difference(second, watching) is None
    visit.page.close()
    other.evaluate("() => { document.title = 'still here'; }")
    until(watching.page, "document.querySelector('.title').textContent === 'still here'")
    assert watching.stats["state"] == "live"
    assert visit.link == other.evaluate("Cobrowse.session.link")


def looked_at(page: Page) -> None:
    """The visitor turns to that tab: it gets the focus."""
    page.bring_to_front()
    page.evaluate("() => dispatchEvent(new FocusEvent('focus'))")


def test_a_session_that_ends_in_one_tab_is_over_in_the_other(desk: Desk, server: Server) -> None:
    visit, watching = shared(desk, server)
    other = opened_by(visit.page, f"{server.url}/demo/product.html", "(url) => { window.open(url); }")
    until(other, HAS_SESSION)
    other.evaluate("Cobrowse.session.end()")
    watching.becomes("ended")
    until(visit.page, "Cobrowse.session === null")
    until(other, "Cobrowse.session === null")


def test_a_second_start_in_another_tab_gives_the_same_session(desk: Desk, server: Server) -> None:
    visit, _ = shared(desk, server)
    other = opened_by(
        visit.page, f"{server.url}/demo/product.html", "(url) => { window.open(url, '_blank', 'noopener'); }"
    )
    assert start(other, of="id") == visit.page.evaluate("Cobrowse.session.id")


def test_a_start_while_a_tab_takes_the_session_over_waits_for_that(desk: Desk, server: Server) -> None:
    visit, _ = shared(desk, server)
    held: list[Route] = []
    visit.context.route("**/static/broadcaster.js*", lambda route: held.append(route))
    other = opened_by(
        visit.page, f"{server.url}/demo/product.html", "(url) => { window.open(url, '_blank', 'noopener'); }"
    )
    comes(other, lambda: len(held) > 0, "the other tab, which is seen, asks for the script")
    other.evaluate("() => { globalThis.started = Cobrowse.start().then(({ id }) => id); }")
    held[0].continue_()
    assert settled(other, "started") == visit.page.evaluate("Cobrowse.session.id")


def test_a_start_beside_a_tab_that_is_busy_waits_for_its_answer(desk: Desk, server: Server) -> None:
    visit, _ = shared(desk, server)
    scripts = visit.context.new_cdp_session(visit.page)
    scripts.send("Debugger.enable")
    scripts.send("Debugger.pause")
    other = visit.context.new_page()
    other.goto(f"{server.url}/demo/product.html")
    until(other, "globalThis.Cobrowse?.start")
    other.evaluate("() => { Cobrowse.start().then(({ id }) => { globalThis.started = id; }); }")
    # Past the time in which a tab that is not busy answers.
    until(other, "new Promise((resolve) => setTimeout(() => resolve(true), 400))")
    scripts.send("Debugger.resume")
    scripts.send("Debugger.disable")
    assert until(other, "globalThis.started") == visit.page.evaluate("Cobrowse.session.id")


def keeping_pages(context: BrowserContext) -> None:
    """The browser's cache of pages is what is tried: notice whether it has kept one."""
    context.add_init_script("addEventListener('pageshow', ({ persisted }) => { globalThis.wasKept = persisted; });")


def test_pages_brought_back_from_the_history_go_on(playwright: Playwright, server: Server) -> None:
    browser = playwright.chromium.launch(
        executable_path=chromium(), args=CHROMIUM_ARGS, ignore_default_args=["--disable-back-forward-cache"]
    )
    desk = Desk(browser, server)
    context = desk.context()
    keeping_pages(context)
    visit = desk.visit_in(context, f"{server.url}/demo/checkout.html")
    watching = desk.watch(visit.link)
    before = named(visit.page)
    visit.page.evaluate("Cobrowse.session.say('on the first page')")
    visit.page.evaluate("globalThis.isTheVeryPage = 'the first'")
    visit.page.goto(f"{server.url}/demo/product.html")
    until(visit.page, HAS_SESSION)
    visit.page.evaluate("Cobrowse.session.say('on the second page')")
    visit.page.evaluate("globalThis.isTheVeryPage = 'the second'")
    for go, page_name, which in (
        (visit.page.go_back, "checkout", "the first"),
        (visit.page.go_forward, "product", "the second"),
    ):
        go(wait_until="commit")
        until(visit.page, f"globalThis.wasKept && {HAS_SESSION}")
        until(watching.page, f"document.querySelector('.address').textContent.endsWith('/demo/{page_name}.html')")
        assert difference(visit, watching) is None
        assert named(visit.page) == before
        assert visit.page.evaluate("[globalThis.isTheVeryPage, Cobrowse.session.chat.length]") == [which, 2]
    browser.close()
    assert desk.errors == []


def test_a_frozen_tab_goes_on_where_it_was(desk: Desk, server: Server) -> None:
    visit, watching = shared(desk, server)
    epoch = visit.stats["epoch"]
    # A browser does not freeze a page that talks to others, unless it sleeps: here its scripts are stopped.
    scripts = visit.context.new_cdp_session(visit.page)
    scripts.send("Debugger.enable")
    scripts.send("Debugger.pause")
    watching.becomes("away", 30_000)
    scripts.send("Debugger.resume")
    scripts.send("Debugger.disable")
    watching.becomes("live")
    visit.page.locator("#card-number").fill("4111")
    assert difference(visit, watching) is None
    assert (visit.stats["epoch"], watching.stats["resets"]) == (epoch, 0)


def test_all_pages_closed_is_away_and_then_over(browser: Browser) -> None:
    with serving(COBROWSE_AWAY_TIMEOUT="6") as server:
        desk = Desk(browser, server)
        visit, watching = shared(desk, server)
        watching.keeps_states()
        # A direct path that is cut off so shows it by its silence, after 3 s.
        visit.page.close(run_before_unload=False)
        watching.becomes("ended")
        assert watching.states[-2:] == ["away", "ended"]
        assert "did not come back" in watching.page.locator(".notice").inner_text()
        desk.close()


def test_an_absence_that_was_told_of_is_explained_and_waited_for(browser: Browser) -> None:
    with serving(COBROWSE_AWAY_TIMEOUT="1") as server:
        desk = Desk(browser, server)
        visit, watching = shared(desk, server)
        before = named(visit.page)
        visit.page.evaluate("Cobrowse.session.expectAway({ seconds: 60, message: 'The visitor is at their bank' })")
        visit.page.goto("data:text/html,<title>A bank</title>")
        watching.becomes("away")
        assert "The visitor is at their bank" in watching.page.locator(".notice").inner_text()
        other = desk.watch(visit.link, state="away")
        assert "The visitor is at their bank" in other.page.locator(".notice").inner_text()
        until(visit.page, "new Promise((resolve) => setTimeout(() => resolve(true), 2_500))")  # past the usual grace
        visit.page.goto(f"{server.url}/demo/checkout.html")
        until(visit.page, "globalThis.Cobrowse?.session?.viewers.length === 2")
        watching.becomes("live")
        assert named(visit.page) == before
        desk.close()


@pytest.mark.parametrize("seconds", ["0", "-1", "3601", "NaN", "undefined"])
def test_an_absence_has_its_bounds(desk: Desk, pages: str, seconds: str) -> None:
    visit = desk.visit(f"{pages}/table.html")
    said = visit.page.evaluate(
        f"() => {{ try {{ Cobrowse.session.expectAway({{ seconds: {seconds} }}); return ''; }} "
        "catch (error) { return `${error.name}: ${error.message}`; } }"
    )
    assert said.startswith("RangeError: cobrowse: expectAway takes seconds from 0 to 3600, got ")
