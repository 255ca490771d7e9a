"""A visitor in Firefox and an agent in Chromium, and the other way round."""

from __future__ import annotations

from typing import cast

import pytest
from playwright.sync_api import Page

from ..rig import Desk, Server, Visit, Watching, difference, until
from ..test_hard_cases import DRIVE
from .browser import FirefoxDesk
from .conftest import Desks

LINES = "document.querySelectorAll('.chat li:not(.pending)').length"
WIDGETS = """[...document.querySelectorAll("cobrowse-widget")].map((host) => host.shadowRoot).filter(Boolean)"""


def unequal(visit: Visit, watching: Watching) -> str | None:
    return difference(visit, watching, foreign=True)


def opened(desk: Desk) -> Page:
    return cast(Page, desk.page()) if isinstance(desk, FirefoxDesk) else desk.context().new_page()


def typed(watching: Watching, text: str) -> None:
    watching.page.evaluate("document.querySelector('input[name=line]').focus()")
    watching.page.keyboard.type(text)
    watching.page.keyboard.press("Enter")


def pressed(page: Page, name: str) -> None:
    """Press a button of the widget."""
    button = f"{WIDGETS}.flatMap((root) => [...root.querySelectorAll('button')])"
    found = f"{button}.find((one) => (one.ariaLabel || one.textContent).trim() === {name!r})"
    until(page, found)
    page.evaluate(f"() => {found}.click()")


def pointed(page: Page, selector: str) -> None:
    """Move the mouse onto an element, and a little on it."""
    x, y = page.evaluate(
        f"""() => {{ const box = document.querySelector({selector!r}).getBoundingClientRect();
          return [box.x + box.width / 2, box.y + box.height / 3]; }}"""
    )
    page.mouse.move(x, y)
    page.mouse.move(x + 20, y + 20)


def test_a_walk_through_the_shop(desks: Desks, server: Server) -> None:
    visit = desks.visitors.visit(f"{server.url}/demo/index.html")
    page = visit.page
    watching = desks.agents.watch(visit.link)
    watching.goes("direct")
    assert unequal(visit, watching) is None
    for path in ("direct", "relay"):
        if path == "relay":
            watching.page.evaluate("viewer.cutDirect()")
            watching.goes("relay")
        page.evaluate("() => { globalThis.pointed = false; }")
        page.evaluate("() => { Cobrowse.session.on('pointer', ({ anchor }) => { globalThis.pointed ||= !!anchor; }); }")
        pointed(watching.page, ".page-frame")
        until(page, "globalThis.pointed")
        page.mouse.move(300, 200)
        page.mouse.move(320, 220)
        until(watching.page, "!document.querySelector('.visitor-pointer').hidden")
        typed(watching, f"Do you see it, by {path}?")
        page.evaluate("(text) => Cobrowse.session.say(text)", f"Yes, by {path}")
        expected = 2 if path == "direct" else 4
        until(page, f"Cobrowse.session.chat.length === {expected}")
        until(watching.page, f"{LINES} === {expected}")
    code = page.evaluate("Cobrowse.session.code")
    for name in ("product.html", "checkout.html", "insights.html"):
        epoch = watching.stats["epoch"]
        page.goto(f"{server.url}/demo/{name}")
        until(page, "globalThis.Cobrowse?.session?.state === 'active'")
        until(watching.page, f"viewer.stats().epoch > {epoch} && viewer.stats().state === 'live'")
        assert page.evaluate("Cobrowse.session.code") == code
        assert page.evaluate("Cobrowse.session.chat.length") == 4
        assert unequal(visit, watching) is None
    pressed(page, "What they see")
    looking = f"{WIDGETS}.map((root) => root.querySelector('.looking iframe')).find(Boolean)?.contentDocument"
    until(page, f"{looking}?.querySelector('.replayer-wrapper iframe')?.contentDocument.querySelector('h1')")
    pressed(page, "Close")
    watching.goes("direct")
    assert watching.page.evaluate(LINES) == 4


def test_from_the_launcher_to_the_end(desks: Desks, server: Server) -> None:
    page = opened(desks.visitors)
    page.goto(f"{server.url}/demo/index.html")
    until(page, f"globalThis.Cobrowse?.start && {WIDGETS}.length > 0")
    page.evaluate("() => { Cobrowse.start(); }")
    link = until(page, "globalThis.Cobrowse.session?.link")
    watching = desks.agents.watch(link, state="waiting")
    assert page.evaluate("Cobrowse.session.stats().seq") == -1
    pressed(page, "Allow")
    watching.becomes("live")
    visit = Visit(page, watching.context, link)
    assert unequal(visit, watching) is None
    pressed(page, "Pause")
    watching.becomes("paused")
    pressed(page, "Unpause")
    watching.becomes("live")
    assert unequal(visit, watching) is None
    watching.page.reload()
    watching.becomes("live")
    assert unequal(visit, watching) is None
    pressed(page, "End")
    watching.becomes("ended")
    assert page.evaluate("Cobrowse.session") is None


# Firefox sends no WebRTC to a loopback address: `webrtc` is tested between network namespaces.
@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_a_transport_carries_the_page(desks: Desks, pages: str, transport: str) -> None:
    options = f"{{ consent: 'granted', path: 'relay', transport: '{transport}' }}"
    visit = desks.visitors.visit(f"{pages}/table.html", options)
    watching = desks.agents.watch(visit.link.replace("#", f"?transport={transport}#"))
    visit.page.evaluate("window.start(100)")
    until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 50")
    visit.page.evaluate("window.stop()")
    assert unequal(visit, watching) is None
    assert (watching.stats["path"], watching.stats["transport"]) == ("relay", transport)
    visit.page.evaluate("() => { Cobrowse.session.on('metrics', (all) => { globalThis.metrics = all; }); }")
    until(visit.page, f"globalThis.metrics?.transport === {transport!r}")
    assert watching.stats["resets"] == 0


def test_a_direct_path_that_is_cut_falls_back_and_comes_again(desks: Desks, pages: str) -> None:
    visit = desks.visitors.visit(f"{pages}/table.html")
    watching = desks.agents.watch(visit.link)
    watching.goes("direct")
    visit.page.evaluate("window.start(100)")
    watching.page.evaluate("viewer.cutDirect()")
    watching.goes("relay")
    until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 20")
    watching.goes("direct")
    visit.page.evaluate("window.stop()")
    assert unequal(visit, watching) is None
    assert watching.stats["resets"] == 0
    assert visit.stats["checkpoints"] == 1


@pytest.mark.parametrize("case", ["form", "frames", "shadow", "sheets"])
def test_hard_cases(desks: Desks, pages: str, case: str) -> None:
    visit = desks.visitors.visit(f"{pages}/{case}.html")
    watching = desks.agents.watch(visit.link)
    assert unequal(visit, watching) is None
    visit.page.evaluate(DRIVE, [0, 80])
    assert unequal(visit, watching) is None
    assert watching.stats["resets"] == 0


def test_what_the_recorder_alone_does_not_tell(desks: Desks, pages: str) -> None:
    visit = desks.visitors.visit(f"{pages}/unrecorded.html")
    watching = desks.agents.watch(visit.link)
    for n, name in enumerate(visit.page.evaluate("caseNames")):
        visit.page.evaluate("(n) => window.drive(n)", n)
        assert unequal(visit, watching) is None, name
    assert watching.stats["resets"] == 0
