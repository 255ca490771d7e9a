"""Whole pages by other people, and what a visitor does on them.

The pages come from npm packages (`package.json` beside this file; `npm ci --ignore-scripts` here installs them).
Serve `root` as the root of an origin of its own: some of the pages use absolute paths. Requests to other hosts
(fonts, analytics) must be aborted by the test, and none of the pages needs them.

`interact` only does what a visitor can do, and waits for conditions, never for time. After it, `settle` brings
the page to rest, so that both sides of a mirror can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

MATERIAL = Path(__file__).parent
NODE_MODULES = MATERIAL / "node_modules"
CANONICAL = MATERIAL / "canonical.js"


@dataclass(frozen=True)
class RealPage:
    """One page of a package.

    path: the page, inside `node_modules/<package>`.
    served: the folder to serve as "/", inside `node_modules/<package>`; "" is the package itself.
    """

    name: str
    package: str
    path: str
    interact: Callable[[Page], None]
    served: str = ""

    @property
    def root(self) -> Path:
        """The folder to serve."""
        return NODE_MODULES / self.package / self.served

    @property
    def url_path(self) -> str:
        """The page's address below the served root, with a leading slash."""
        return "/" + str(Path(self.path).relative_to(self.served or "."))


def settle(page: Page) -> None:
    """Bring a page to rest: nothing focused, nothing hovered, nothing moving.

    Focus and hover are the visitor's own and are not mirrored as such.
    """
    page.evaluate("document.activeElement && document.activeElement.blur()")
    page.mouse.move(-10, -10)
    page.evaluate(CANONICAL.read_text())
    page.wait_for_function("!document.querySelector('body :hover') && animationsEnded(document)")


def _dashboard(page: Page) -> None:
    page.locator("#alertsDropdown").click()
    expect(page.locator("#alertsDropdown + .dropdown-menu")).to_be_visible()
    page.locator("#userDropdown").click()
    expect(page.locator("#alertsDropdown + .dropdown-menu")).to_be_hidden()
    page.locator("[data-target='#logoutModal']").click()
    expect(page.locator("#logoutModal.show")).to_be_visible()
    settle(page)
    page.locator("#logoutModal .btn-secondary").click()
    expect(page.locator(".modal-backdrop")).to_have_count(0)
    page.locator("[data-target='#collapseTwo']").click()
    expect(page.locator("#collapseTwo.show")).to_be_visible()
    page.locator("[data-target='#collapseUtilities']").click()
    expect(page.locator("#collapseTwo")).to_be_hidden()
    page.locator(".navbar-search input").first.fill("quarterly report")
    page.mouse.move(700, 500)
    page.mouse.wheel(0, 600)
    expect(page.locator(".scroll-to-top")).to_be_visible()
    page.locator("#sidebarToggle").click()
    expect(page.locator("body.sidebar-toggled")).to_have_count(1)
    page.locator("[data-target='#collapsePages']").click()
    expect(page.locator("#collapsePages.show")).to_be_visible()


def _data_table(page: Page) -> None:
    rows = page.locator("#dataTable tbody tr")
    page.locator("#dataTable thead th", has_text="Age").click()
    expect(page.locator("#dataTable thead th.sorting_asc")).to_have_text("Age")
    page.locator("#dataTable_length select").select_option("25")
    expect(rows).to_have_count(25)
    page.locator("#dataTable_paginate .page-link", has_text="2").click()
    expect(page.locator("#dataTable_paginate .active")).to_have_text("2")
    page.locator("#dataTable_filter input").press_sequentially("dev")
    expect(page.locator("#dataTable_info")).to_contain_text("filtered")
    page.locator("#dataTable thead th", has_text="Salary").click()
    page.locator("#dataTable thead th", has_text="Salary").click()
    expect(page.locator("#dataTable thead th.sorting_desc")).to_have_text("Salary")


def _cards(page: Page) -> None:
    page.locator("[href='#collapseCardExample']").click()
    expect(page.locator("#collapseCardExample")).to_be_hidden()
    page.locator(".card-header [data-toggle=dropdown]").first.click()
    expect(page.locator(".card-header .dropdown-menu")).to_be_visible()
    page.locator(".card-header [data-toggle=dropdown]").first.click()
    expect(page.locator(".card-header .dropdown-menu")).to_be_hidden()
    page.locator("[href='#collapseCardExample']").click()
    expect(page.locator("#collapseCardExample.show")).to_be_visible()
    page.locator("#messagesDropdown").click()
    expect(page.locator("#messagesDropdown + .dropdown-menu")).to_be_visible()


def _widgets(page: Page) -> None:
    page.locator("#accordion h3").nth(1).click()
    expect(page.locator("#accordion h3").nth(1)).to_contain_class("ui-accordion-header-active")
    page.locator("#autocomplete").press_sequentially("a")
    page.locator("ul.ui-autocomplete li").first.click()
    expect(page.locator("#autocomplete")).not_to_have_value("a")
    page.locator("label[for=radio3]").click()
    page.locator("#tabs a").nth(2).click()
    expect(page.locator("#tabs-3")).to_be_visible()
    page.locator("#dialog-link").click()
    expect(page.locator(".ui-dialog")).to_be_visible()
    handle = page.locator(".ui-dialog-titlebar").bounding_box()
    assert handle is not None
    page.mouse.move(handle["x"] + 40, handle["y"] + 10)
    page.mouse.down()
    page.mouse.move(handle["x"] + 120, handle["y"] + 60, steps=8)
    page.mouse.up()
    page.locator(".ui-dialog-buttonset button").first.click()
    expect(page.locator(".ui-dialog")).to_be_hidden()
    page.locator("#slider .ui-slider-handle").first.press("ArrowRight")
    page.locator("#slider .ui-slider-handle").first.press("ArrowRight")
    page.locator("#datepicker .ui-datepicker-next").click()
    page.locator("#datepicker td a").nth(9).click()
    expect(page.locator("#datepicker .ui-datepicker-current-day")).to_have_count(1)
    page.locator("#spinner").fill("7")
    page.locator("#spinner ~ .ui-spinner-up").click()
    expect(page.locator("#spinner")).to_have_value("8")
    page.locator("#selectmenu-button").click()
    page.locator("#selectmenu-menu li").nth(3).click()
    expect(page.locator("#selectmenu-button")).to_contain_text("Fast")


def _slides(page: Page) -> None:
    # The deck answers to keys; each key is one move.
    for _ in range(4):
        before = page.evaluate("location.hash + document.querySelectorAll('.fragment.visible').length")
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "before => location.hash + document.querySelectorAll('.fragment.visible').length !== before",
            arg=before,
        )
    page.keyboard.press("Escape")
    expect(page.locator(".reveal.overview")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.locator(".reveal.overview")).to_have_count(0)
    page.keyboard.press("b")
    expect(page.locator(".reveal.paused")).to_have_count(1)
    page.keyboard.press("b")
    expect(page.locator(".reveal.paused")).to_have_count(0)


def _drag(page: Page, item: str, onto: str) -> None:
    page.locator(item).scroll_into_view_if_needed()
    start = page.locator(item).bounding_box()
    end = page.locator(onto).bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=12)
    page.mouse.up()


def _drag_and_drop(page: Page) -> None:
    before = page.locator("#right-defaults > div").count()
    _drag(page, "#left-defaults > div:nth-child(2)", "#right-defaults > div:nth-child(3)")
    expect(page.locator("#right-defaults > div")).to_have_count(before + 1)
    _drag(page, "#left-events > div:nth-child(1)", "#right-events > div:nth-child(2)")
    expect(page.locator("#right-events .ex-moved")).to_have_count(1)
    # Within one list, and a copy.
    _drag(page, "#right-events > div:nth-child(1)", "#right-events > div:nth-child(3)")
    copies = page.locator("#right-copy > div").count()
    _drag(page, "#left-copy > div:nth-child(1)", "#right-copy > div:nth-child(1)")
    expect(page.locator("#right-copy > div")).to_have_count(copies + 1)
    page.locator("#right-defaults input, #left-defaults input").first.fill("typed after the move")
    expect(page.locator(".gu-mirror")).to_have_count(0)


def _toasts_gone(page: Page) -> None:
    # They go by a timer of their own: at rest is without them.
    expect(page.locator(".toast")).to_have_count(0, timeout=15_000)


def _kanban(page: Page) -> None:
    done = page.locator("[data-drop=doing] .kanban-card")
    before = done.count()
    page.locator("[data-drop=todo] .kanban-card").first.drag_to(page.locator("[data-drop=doing]"))
    expect(done).to_have_count(before + 1)
    page.locator("#kanban-filter").press_sequentially("a11y")
    expect(page.locator(".kanban-card:visible")).to_have_count(1)
    page.locator("#kanban-filter").fill("")
    expect(page.locator("[data-drop=todo] .kanban-card:visible")).to_have_count(3)
    _toasts_gone(page)


def _orders(page: Page) -> None:
    page.locator("th", has_text="Total").locator(".dt-column-order").click()
    expect(page.locator("th", has_text="Total")).to_contain_class("dt-ordering-asc")
    customer = page.locator("tbody td").nth(1).inner_text()
    page.locator(".dt-search input").press_sequentially(customer)
    expect(page.locator(".dt-info")).to_contain_text("of 50 total")
    page.locator(".dt-search input").fill("")
    expect(page.locator(".dt-info")).not_to_contain_text("total")
    page.locator("th", has_text="Customer").locator(".dt-column-order").click()
    expect(page.locator("th", has_text="Customer")).to_contain_class("dt-ordering-asc")
    page.mouse.move(700, 500)
    page.mouse.wheel(0, 400)
    page.wait_for_function("window.scrollY > 0")


def _inbox(page: Page) -> None:
    page.locator("[data-star=msg-2]").click()
    expect(page.locator("[data-star=msg-2]")).to_have_attribute("aria-pressed", "true")
    page.locator(".inbox-item[data-id=msg-1] .subject").click()
    expect(page.locator(".inbox-item[data-id=msg-1]")).to_have_attribute("aria-selected", "true")
    page.locator("[data-view=sent]").click()
    expect(page.locator("[data-view=sent]")).to_contain_class("active")
    page.locator("[data-view=inbox]").click()
    expect(page.locator("[data-view=inbox]")).to_contain_class("active")
    page.locator(".inbox-search").press_sequentially("review")
    expect(page.locator(".inbox-item[data-id=msg-2]")).to_have_count(1)
    page.locator("#inbox-mark-read").click()
    expect(page.locator(".inbox-item.unread")).to_have_count(0)
    _toasts_gone(page)


def _wizard(page: Page) -> None:
    first = page.locator(".wizard-panel").first
    for field in first.locator("input").all():
        kind = field.get_attribute("type")
        field.fill({"email": "ada@example.org", "password": "secret word"}.get(kind or "text", "Ada"))
    page.locator("#next-btn").click()
    expect(page.locator(".wizard-panel").nth(1)).to_be_visible()
    page.locator("[data-panel='1'] input.form-control").fill("Analytical engines")
    page.locator("input[name=plan]").nth(2).check()
    page.locator("#next-btn").click()
    page.locator("[data-panel='2'] textarea").fill("one@example.org\ntwo@example.org")
    page.locator("#prev-btn").click()
    expect(page.locator("input[name=plan]").nth(2)).to_be_checked()


def _controls(page: Page) -> None:
    page.get_by_label("Date", exact=True).fill("2024-05-06")
    page.get_by_label("Time", exact=True).fill("10:20")
    page.get_by_label("Range slider").fill("77")
    page.get_by_label("Stepper").fill("1.5")
    page.get_by_label("Color").fill("#336699")
    page.get_by_label("Country").select_option("Finland")
    page.locator("main").get_by_label("Search", exact=True).press_sequentially("teams")
    expect(page.get_by_label("Country")).to_have_value("Finland")


def _calendar(page: Page) -> None:
    month = page.locator(".calendar-month")
    before = month.inner_text()
    page.get_by_label("Next month").click()
    expect(month).not_to_have_text(before)
    page.get_by_label("Previous month").click()
    expect(month).to_have_text(before)
    page.locator(".chart-tab", has_text="Month").click()
    expect(page.locator(".chart-tab", has_text="Month")).to_contain_class("active")
    page.locator(".calendar-event").first.click()
    _toasts_gone(page)


_ADMIN = "startbootstrap-sb-admin-2"

REAL_PAGES: list[RealPage] = [
    RealPage("dashboard", _ADMIN, "index.html", _dashboard),
    RealPage("data-table", _ADMIN, "tables.html", _data_table),
    RealPage("cards", _ADMIN, "cards.html", _cards),
    RealPage("widgets", "jquery-ui-dist", "index.html", _widgets),
    RealPage("slides", "reveal.js", "demo.html", _slides),
    RealPage("drag-and-drop", "dragula", "index.html", _drag_and_drop),
    RealPage("kanban", "gentelella", "dist/production/kanban.html", _kanban, served="dist"),
    RealPage("orders", "gentelella", "dist/production/tables_dynamic.html", _orders, served="dist"),
    RealPage("inbox", "gentelella", "dist/production/inbox.html", _inbox, served="dist"),
    RealPage("wizard", "gentelella", "dist/production/form_wizards.html", _wizard, served="dist"),
    RealPage("controls", "gentelella", "dist/production/form_advanced.html", _controls, served="dist"),
    RealPage("calendar", "gentelella", "dist/production/calendar.html", _calendar, served="dist"),
]
