"""Pages of a site hand the session on where something goes wrong: a script that does not load, a tab that is frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, Page, Playwright, Route

from .rig import CHROMIUM_ARGS, Desk, Server, Visit, chromium, comes, difference, settled, start, until
from .test_visits import HAS_SESSION, keeping_pages, looked_at, named, opened_by, shared

SCRIPT = "**/static/broadcaster.js*"
HOLDS = f"!globalThis.Cobrowse?.session?.isElsewhere && {HAS_SESSION}"
MAY = "Cobrowse.session.viewers[0].capabilities"
ATTEMPTS = 4
"""How often a page asks for the script before it gives up."""


def beside(visit: Visit, server: Server) -> Page:
    """Another tab of the site, with a storage of its own."""
    url = f"{server.url}/demo/product.html"
    return opened_by(visit.page, url, "(url) => { window.open(url, '_blank', 'noopener'); }")


def failing(context: BrowserContext, times: float) -> Callable[[], int]:
    """Let the script fail so often; how often it was asked for."""
    asked = 0

    def answer(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked <= times:
            route.abort()
        else:
            route.continue_()

    context.route(SCRIPT, answer)
    return lambda: asked


@contextmanager
def frozen(page: Page) -> Iterator[None]:
    """Its scripts are stopped."""
    scripts = page.context.new_cdp_session(page)
    scripts.send("Debugger.enable")
    scripts.send("Debugger.pause")
    try:
        yield
    finally:
        scripts.send("Debugger.resume")
        scripts.send("Debugger.disable")


def test_a_tab_whose_script_does_not_load_leaves_the_session_where_it_is(desk: Desk, server: Server) -> None:
    visit, watching = shared(desk, server)
    asked = failing(visit.context, float("inf"))
    other = beside(visit, server)
    comes(other, lambda: asked() >= ATTEMPTS, "the other tab, which is seen, has asked for the script so often")
    assert visit.page.evaluate(HOLDS)
    assert difference(visit, watching) is None
    visit.context.unroute(SCRIPT)
    looked_at(other)
    until(other, HOLDS)
    assert difference(Visit(other, visit.context, visit.link), watching) is None


def test_a_page_load_whose_script_fails_for_a_while_goes_on(desk: Desk, server: Server) -> None:
    visit, watching = shared(desk, server)
    before = named(visit.page)
    failing(visit.context, ATTEMPTS + 1)  # it has given up once then
    visit.page.goto(f"{server.url}/demo/product.html")
    until(visit.page, HOLDS)
    assert difference(visit, watching) is None
    assert named(visit.page) == before


def taken_back_again(desk: Desk, server: Server) -> tuple[Visit, Page]:
    """A right that was given in the other tab, and taken back in the first one, which has the session."""
    visit, _ = shared(desk, server)
    other = beside(visit, server)
    until(other, HOLDS)
    other.evaluate("Cobrowse.session.grant(Cobrowse.session.viewers[0].id, ['click'])")
    looked_at(visit.page)
    until(visit.page, HOLDS)
    assert "click" in visit.page.evaluate(MAY)
    visit.page.evaluate("Cobrowse.session.revoke(Cobrowse.session.viewers[0].id, ['click'])")
    return visit, other


def test_a_tab_that_takes_over_from_a_frozen_one_knows_what_happened_there(desk: Desk, server: Server) -> None:
    visit, other = taken_back_again(desk, server)
    visit.page.evaluate("Cobrowse.session.say('last words')")
    with frozen(visit.page):
        looked_at(other)
        until(other, HOLDS)
        assert "click" not in other.evaluate(MAY)
        assert other.evaluate("Cobrowse.session.chat.map(({ text }) => text)") == ["last words"]


def test_what_was_taken_back_in_another_tab_is_so_after_a_page_load(desk: Desk, server: Server) -> None:
    visit, other = taken_back_again(desk, server)
    visit.page.close()
    other.reload()
    until(other, HOLDS)
    assert "click" not in other.evaluate(MAY)


def test_a_page_brought_back_has_the_session_that_was_started_since_and_no_other(
    playwright: Playwright, server: Server
) -> None:
    browser = playwright.chromium.launch(
        executable_path=chromium(), args=CHROMIUM_ARGS, ignore_default_args=["--disable-back-forward-cache"]
    )
    desk = Desk(browser, server)
    context = desk.context()
    keeping_pages(context)
    page = desk.visit_in(context, f"{server.url}/demo/checkout.html").page
    page.evaluate("() => { globalThis.first = Cobrowse.session; }")
    page.goto(f"{server.url}/demo/product.html")
    until(page, "globalThis.Cobrowse?.session")
    page.evaluate("Cobrowse.session.end()")
    second = start(page, "{ consent: 'granted' }", of="id")
    page.go_back(wait_until="commit")
    until(page, f"globalThis.wasKept && Cobrowse.session?.id === '{second}' && Cobrowse.session.state !== 'away'")
    assert page.evaluate("[first.state, first.endedReason]") == ["ended", "broadcaster"]
    assert page.locator("cobrowse-widget [data-action=end]").count() == 1
    page.reload()
    until(page, f"globalThis.Cobrowse?.session?.id === '{second}'")
    browser.close()
    assert desk.errors == []


def test_a_session_that_ends_before_its_tab_holds_it_leaves_no_lock(desk: Desk, server: Server) -> None:
    context = desk.context()
    context.add_init_script("""
      const request = navigator.locks.request.bind(navigator.locks);
      navigator.locks.request = async (...about) => {
        await new Promise((resolve) => { globalThis.letGo = resolve; });
        return request(...about);
      };
    """)
    page = context.new_page()
    page.goto(f"{server.url}/demo/checkout.html")
    until(page, "globalThis.Cobrowse?.start")
    page.evaluate("() => { globalThis.started = Cobrowse.start({ consent: 'granted' }); }")
    until(page, "globalThis.letGo")
    page.locator("cobrowse-widget [data-action=end]").click()
    page.evaluate("() => letGo()")
    assert settled(page, "started.then(({ state }) => state)") == "ended"
    assert page.evaluate("Cobrowse.session") is None
    until(page, "navigator.locks.query().then(({ held }) => held.length === 0)")
