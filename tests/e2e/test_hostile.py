"""A hostile page cannot touch the agent: nothing of it runs, nothing is called, and the viewer goes on and says so.

What is tried is in `vectors.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser

from .events import DEEP, added, changed, element, fresh, good, meta, page
from .hostile import Broadcaster, Canary
from .rig import Desk, Server, Watching, serving, until
from .stranger import strangers
from .vectors import markup, vectors

SITES: Final = [
    {"key": "none", "origins": ["http://localhost:*"], "consent": "granted", "assets": "none"},
    {"key": "site", "origins": ["http://localhost:*"], "consent": "granted", "assets": "site"},
]
RAN: Final = "globalThis.ran ?? []"
SANDBOX: Final = "document.querySelector('.replayer-wrapper iframe').getAttribute('sandbox')"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(COBROWSE_SITES=json.dumps(SITES)) as running:
        yield running


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with Canary.listening() as listening:
        yield listening


@pytest.fixture
def desk(browser: Browser, server: Server) -> Iterator[Desk]:
    opened = Desk(browser, server)
    yield opened
    opened.close()
    # A film that is none cannot be played, which the browser reports where nobody waits for it.
    assert [error for error in opened.errors if not re.search(r"play\(\)|supported source", error)] == []


@pytest.fixture
def broadcaster(server: Server) -> Iterator[Callable[[str], Broadcaster]]:
    """Makes hostile broadcasters of a site."""
    with strangers(server.url, Broadcaster) as make:
        yield make


def watched(desk: Desk, hostile: Broadcaster, *events: Any) -> Watching:
    """A viewer of a page that is told so."""
    watching = desk.watch(hostile.link, "relay", state=None)
    hostile.admit()
    hostile.checkpoint(*events)
    return watching


def is_up(hostile: Broadcaster, watching: Watching, name: str) -> None:
    """A good event that comes next is shown."""
    hostile.send(good(name))
    find = "document.querySelector('.replayer-wrapper iframe')?.contentDocument"
    until(watching.page, f"{find}?.querySelector('#last')?.previousElementSibling?.textContent === {name!r}")
    watching.becomes("live")


def is_untouched(watching: Watching, canary: Canary) -> None:
    assert watching.page.evaluate(RAN) == []
    assert (canary.hits, canary.connections) == ([], 0)
    assert watching.page.evaluate(SANDBOX) == "allow-same-origin"
    assert re.search(r"/v/[^/]+$", watching.page.evaluate("location.pathname"))


@pytest.mark.parametrize("assets", ["none", "site"])
def test_nothing_runs_and_nobody_is_called(
    desk: Desk, canary: Canary, broadcaster: Callable[[str], Broadcaster], assets: str
) -> None:
    made = vectors(canary.url)
    assert len(made.trees) + len(made.events) >= 60
    hostile = broadcaster(assets)
    # In a checkpoint: all of it, each beside the others.
    watching = watched(desk, hostile, meta(), page(*made.trees.values(), DEEP))
    is_up(hostile, watching, "the checkpoint")
    left: set[str] = set(watching.stats["leftOut"])
    is_untouched(watching, canary)
    # As it is added, and as it is changed.
    for name, tree in made.trees.items():
        hostile.send(added(fresh(tree)))
        hostile.send(*changed(fresh(tree)))
        is_up(hostile, watching, name)
    is_untouched(watching, canary)
    for name, events in made.events.items():
        hostile.send(*events)
        is_up(hostile, watching, name)
    is_untouched(watching, canary)
    left |= set(watching.stats["leftOut"])
    assert {"scripts", "handlers", "addresses", "frames", "objects", "redirects", "requests", "forms"} <= left
    assert {"drawings", "names", "sizes", "nodes", "misfits", "events"} <= left
    assert watching.stats["resets"] == 0
    said = watching.page.locator(".left-out").inner_text()
    assert said.startswith("Left out of this page, as it could harm you: ")
    assert "scripts" in said
    assert (
        watching.document("return doc.querySelectorAll('script,object,embed,applet,base[href],iframe[src]').length")
        == 0
    )
    links = "return [...doc.querySelectorAll('link[href]')].map(({ rel }) => rel)"
    assert set(watching.document(links)) <= {"stylesheet"}


def test_markup_in_what_is_said_is_text(desk: Desk, canary: Canary, broadcaster: Callable[[str], Broadcaster]) -> None:
    hostile = broadcaster("none")
    entries = markup(canary.url)
    payloads = [entry["data"]["payload"] for entry in entries]
    state = {"chat": [payloads[0]["line"]], "page": payloads[1]["page"], "present": payloads[2]["present"]}
    watching = desk.watch(hostile.link, "relay", state=None)
    hostile.admit()
    hostile.checkpoint(meta(), page(), state=state)
    is_up(hostile, watching, "the state")
    hostile.send(*entries)
    is_up(hostile, watching, "the entries")
    assert "<script>" in watching.page.locator(".chat .text").first.inner_text()
    assert "<img" in watching.page.locator(".title").inner_text()
    assert watching.page.locator(".app img, .app script").count() == 0
    is_untouched(watching, canary)


@pytest.mark.parametrize("xmlns", ["", "http://www.w3.org/1999/xhtml"])
def test_a_page_has_its_mode_where_markup_must_be_trusted(
    desk: Desk, broadcaster: Callable[[str], Broadcaster], xmlns: str
) -> None:
    hostile = broadcaster("none")
    event = page()
    document = event["data"]["node"]
    document["compatMode"] = "BackCompat"
    document["childNodes"] = document["childNodes"][1:]
    document["childNodes"][0]["attributes"] = {"xmlns": xmlns} if xmlns else {}
    watching = watched(desk, hostile, meta(), event)
    is_up(hostile, watching, "of old")
    assert watching.document("return doc.compatMode") == ("BackCompat" if not xmlns else "CSS1Compat")
    refused = "(markup) => { try { document.body.innerHTML = markup; } catch (error) { return error.name; } }"
    assert watching.page.evaluate(refused, "<p>") == "TypeError"
    assert watching.document("try { doc.body.innerHTML = '<p>'; } catch (error) { return error.name; }") == "TypeError"


def test_a_checkpoint_that_has_no_page_is_never_shown_as_one(
    desk: Desk, broadcaster: Callable[[str], Broadcaster]
) -> None:
    hostile = broadcaster("none")
    watching = watched(desk, hostile, meta(), {"type": 2, "timestamp": 1, "data": {"node": element("html")}})
    for _ in range(2):
        until(watching.page, "document.documentElement.dataset.state !== 'live'")
        asked = len(hostile.told("demand"))
        hostile.until(lambda asked=asked: len(hostile.told("demand")) >= asked)  # type: ignore[misc]
        hostile.checkpoint(
            meta(), {"type": 2, "timestamp": 1, "data": {"node": {"id": 1, "type": 0, "childNodes": []}}}
        )
    watching.becomes("failed")
    assert "the page cannot be built" in watching.page.locator(".notice").inner_text()


def test_what_the_agent_does_gets_nowhere_into_the_replay(
    desk: Desk, canary: Canary, broadcaster: Callable[[str], Broadcaster]
) -> None:
    hostile = broadcaster("site")
    style = {"style": "position: fixed; inset: 0; display: block; background: #eee"}
    link = element("a", {"href": f"{canary.url}/followed", "accesskey": "x", **style}, "a link over all of it")
    field = element("input", {"id": "field", "autofocus": ""})
    watching = watched(desk, hostile, meta(), page(link, field))
    is_up(hostile, watching, "the link")
    viewer = watching.page
    viewer.evaluate(
        """() => {
          const { contentDocument: doc } = document.querySelector(".replayer-wrapper iframe");
          globalThis.built = doc;
          globalThis.got = [];
          for (const type of ["pointerdown", "mousedown", "click", "auxclick", "keydown", "focusin", "wheel", "submit"])
            doc.addEventListener(type, ({ type }) => got.push(type), true);
        }"""
    )
    viewer.evaluate("built.getElementById('field').click()")
    assert viewer.evaluate("got.splice(0)") == ["click"], "what gets in is noticed"
    box = viewer.locator(".page-frame").bounding_box()
    assert box is not None
    for button in ("left", "middle"):
        viewer.mouse.click(box["x"] + 60, box["y"] + 60, button=button)
    viewer.mouse.wheel(0, 100)
    # All round the page, past whatever takes keys; what has the focus is never in the replay.
    for _ in range(25):
        viewer.keyboard.press("Tab")
        assert viewer.evaluate("document.activeElement?.localName") != "iframe"
    viewer.keyboard.press("Alt+x")
    viewer.keyboard.press("Enter")
    viewer.keyboard.type("a")
    is_up(hostile, watching, "after all that")
    assert viewer.evaluate("got") == []
    assert viewer.evaluate("document.querySelector('.replayer-wrapper iframe').contentDocument === built")
    assert viewer.evaluate("document.activeElement?.localName") != "iframe"
    is_untouched(watching, canary)


@pytest.mark.parametrize("sandbox", ["allow-same-origin allow-scripts", "", None])
def test_another_sandbox_shows_nothing(
    desk: Desk, broadcaster: Callable[[str], Broadcaster], sandbox: str | None
) -> None:
    hostile = broadcaster("none")
    watching = watched(desk, hostile, meta(), page(element("p", {}, "text")))
    is_up(hostile, watching, "as it must be")
    change = (
        "(frame, value) => value === null ? frame.removeAttribute('sandbox') : frame.setAttribute('sandbox', value)"
    )
    watching.page.evaluate(f"(value) => ({change})(document.querySelector('.replayer-wrapper iframe'), value)", sandbox)
    hostile.send(good("too late"))
    watching.becomes("failed")
    assert "not sandboxed" in watching.page.locator(".notice").inner_text()
    assert watching.page.locator(".replayer-wrapper iframe").count() == 0
    assert [error for error in desk.errors if "not sandboxed" not in error] == []
    desk.errors.clear()
