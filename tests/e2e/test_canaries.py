"""Canaries in every place of every page: none of them leaves the page, in any frame, checkpoint, signal or request, nor
stands in a line of the server's, at the log level that says most."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser

from cobrowse.leaks import Finder
from cobrowse.leaktest import fill
from cobrowse.search import Search
from cobrowse.told import Told

from .material.real_pages import REAL_PAGES, RealPage
from .rig import HERE, ROOT, Desk, Server, Visit, Watching, serving, site, start, until
from .sent import Sent
from .test_real_pages import only_local

WORD: Final = "quetzal"
SECRETS: Final = [WORD, "4000056655665556", "DE89370400440532013000"]
ADDRESS: Final = f"?token={WORD}-query#{WORD}-fragment"
CANARIES: Final = (HERE / "material" / "canaries.js").read_text()
SOW: Final = f"async () => {{ {CANARIES}; globalThis.sown = await sow(); }}"
STIR: Final = f"async () => {{ {CANARIES}; await stir(globalThis.sown); await stir(await sow()); }}"
LOUD: Final = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)
logging.Logger.setLevel = lambda self, level: None
from cobrowse.cli import main
main()
"""
"""`cobrowse`, which logs all that any library has to say."""


@pytest.fixture(scope="module")
def loud() -> Iterator[Server]:
    with serving(program=(sys.executable, "-c", LOUD)) as running:
        yield running


@pytest.fixture(scope="module")
def loud_pages(loud: Server) -> Iterator[str]:
    with site(HERE / "material" / "pages", loud) as url:
        yield url


@pytest.fixture
def loud_desk(browser: Browser, loud: Server) -> Iterator[Desk]:
    opened = Desk(browser, loud)
    yield opened
    opened.close()


def open_page(desk: Desk, url: str, options: str = "{ consent: 'granted' }") -> tuple[Visit, Sent]:
    """A page with canaries in it before it is shared, and after."""
    context = desk.context()
    sent = Sent(context, desk.server.url, own=url.startswith(desk.server.url))
    context.route("**/*", only_local)
    page = context.new_page()
    page.goto(url)
    until(page, "globalThis.Cobrowse?.start")
    page.evaluate(SOW)
    return Visit(page, context, start(page, options)), sent


def type_everywhere(visit: Visit) -> None:
    """Type into each field, but for those that were sown to be shown."""
    visit.page.evaluate("document.querySelectorAll('[data-cobrowse-unmask]').forEach((one) => one.remove())")
    fill(visit.page, f"{WORD}-typed")


def follow(visit: Visit, watching: Watching, after: int = 0) -> None:
    """Wait until the viewer has all that the page tells, of an epoch behind that one."""
    until(visit.page, f"Cobrowse.session?.stats().epoch > {after}")
    epoch, seq = visit.page.evaluate("() => { const { epoch, seq } = Cobrowse.session.stats(); return [epoch, seq]; }")
    here = f"viewer.stats().epoch > {epoch} || (viewer.stats().epoch === {epoch} && viewer.stats().seq >= {seq})"
    until(watching.page, f"viewer.stats().state === 'live' && ({here})")


def share_anew(visit: Visit, watching: Watching) -> None:
    epoch = visit.stats["epoch"]
    visit.page.evaluate("() => { Cobrowse.session.pause(); Cobrowse.session.unpause(); }")
    follow(visit, watching, epoch)


def none_left(sent: Sent, server: Server) -> None:
    leaks = "\n".join(map(str, sent.leaks(SECRETS)))
    assert leaks == "", leaks
    said = "".join(server.said)
    assert "DEBUG" in said
    assert [match.excerpt for match in Search([WORD, "4000056655665556"]).found(said)] == []


def nothing_is_told(visit: Visit, watching: Watching, sent: Sent, server: Server) -> None:
    """Change the page, type into all of it, share it anew: no canary is in anything that was sent."""
    visit.page.evaluate(STIR)
    type_everywhere(visit)
    follow(visit, watching)
    share_anew(visit, watching)
    none_left(sent, server)


@pytest.mark.parametrize("path", ["relay", "direct"])
@pytest.mark.parametrize("options", ["", "mask: '*', unmask: ['#word']"], ids=["marks", "all"])
def test_no_canary_leaves_the_page_from_any_place(
    loud_desk: Desk, loud: Server, loud_pages: str, path: str, options: str
) -> None:
    given = f"{{ consent: 'granted', customData: {{ note: '{WORD}-data' }}, path: {path!r}, {options} }}"
    visit, sent = open_page(loud_desk, f"{loud_pages}/canaries.html{ADDRESS}", given)
    watching = loud_desk.watch(visit.link, path=path)
    visit.page.evaluate(STIR)
    follow(visit, watching)
    late = loud_desk.watch(visit.link, path=path)
    share_anew(visit, watching)
    follow(visit, late)
    visit.page.evaluate(f"document.title = '{WORD}-title-changed'")
    visit.page.evaluate("Cobrowse.session.say('a word of chat')")
    epoch = visit.stats["epoch"]
    visit.page.reload()
    until(visit.page, "Cobrowse.session?.state === 'active'")
    visit.page.evaluate(SOW)
    visit.page.evaluate(STIR)
    follow(visit, watching, epoch)
    none_left(sent, loud)
    assert "open word" in sent.text
    assert "a word of chat" in sent.text
    assert "rr_dataURL" not in sent.text
    assert (sent.channels != set()) == (path == "direct")
    assert loud_desk.errors == []


HARD: Final = [
    "bulk",
    "sheets",
    "shadow",
    "dialog",
    "form",
    "frames",
    "table",
    "scroll",
    "unrecorded",
    "hidden",
]
DRIVE: Final = "async (steps) => { for (let n = 0; n < steps && window.drive; n += 1) await window.drive(n); }"


@pytest.mark.parametrize("case", HARD)
def test_no_canary_leaves_a_hard_page(loud_desk: Desk, loud: Server, loud_pages: str, case: str) -> None:
    options = "{ consent: 'granted', mask: ['[contenteditable]'] }"
    visit, sent = open_page(loud_desk, f"{loud_pages}/{case}.html{ADDRESS}", options)
    watching = loud_desk.watch(visit.link, path="relay")
    visit.page.evaluate(DRIVE, 2 if case == "bulk" else 10)
    nothing_is_told(visit, watching, sent, loud)


@pytest.mark.parametrize("real", REAL_PAGES, ids=lambda real: real.name)
def test_no_canary_leaves_a_page_of_others_that_is_masked_as_a_whole(
    loud_desk: Desk, loud: Server, real: RealPage
) -> None:
    with site(real.root, loud) as url:
        visit, sent = open_page(loud_desk, url + real.url_path + ADDRESS, "{ consent: 'granted', mask: '*' }")
        watching = loud_desk.watch(visit.link, path="relay")
        nothing_is_told(visit, watching, sent, loud)


@pytest.mark.parametrize("page", ["index", "product", "checkout", "insights"])
def test_no_canary_leaves_the_demo(loud_desk: Desk, loud: Server, page: str) -> None:
    # What is typed there is said in the page, too.
    visit, sent = open_page(
        loud_desk, f"{loud.url}/demo/{page}.html{ADDRESS}", "{ consent: 'granted', mask: ['output'] }"
    )
    watching = loud_desk.watch(visit.link, path="relay")
    nothing_is_told(visit, watching, sent, loud)
    assert loud_desk.errors == []


NOT_TOLD: Final = {"canvas", "declared", "drawn", "password-caption", "replaced-fragment", "replaced-query"}
"""Places of which rrweb tells nothing either."""


@pytest.fixture(scope="module")
def rrweb() -> str:
    """rrweb's own recorder, as a script that defines `rrweb.record`."""
    client = ROOT / "client"
    command = [str(client / "node_modules/.bin/esbuild"), "--bundle", "--format=iife", "--global-name=rrweb"]
    entry = 'export { record } from "@rrweb/record";'
    return subprocess.run(command, cwd=client, input=entry, check=True, capture_output=True, text=True).stdout


def test_each_canary_would_be_found(desk: Desk, pages: str, rrweb: str) -> None:
    """The search finds them in what rrweb alone tells of the same page, so that it would find what is not taken out."""
    page = desk.context().new_page()
    page.goto(f"{pages}/canaries.html{ADDRESS}")
    page.evaluate(SOW)
    page.evaluate(
        f"() => {{ {rrweb}; window.kept = []; rrweb.record({{ emit: (one) => kept.push(one), blockClass: 'x' }}); }}"
    )
    page.evaluate(STIR)
    told: list[Any] = json.loads(
        page.evaluate("async () => { await new Promise((end) => setTimeout(end, 300)); return JSON.stringify(kept); }")
    )
    planted = set(re.findall(WORD + r"-([\w-]*\w)", CANARIES)) | {"query", "fragment", "page-title"}
    missing = []
    for name in sorted(planted):
        finder = Finder(Search([f"{WORD}-{name}"]))
        finder.look(Told("event", event) for event in told)
        if not finder.leaks:
            missing.append(name)
    assert set(missing) == NOT_TOLD, missing
