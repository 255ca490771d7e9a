"""A whole session on a site with the strictest policy that `docs/embedding.md` says will do: nothing is reported."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import pytest
from playwright.sync_api import BrowserContext, Error, Page

from .rig import ROOT, Desk, Server, Visit, comes, difference, start, until
from .test_preview import look, shown, stands_with
from .test_story import button, says

DOCUMENTED: Final = re.findall(
    r"^```\n(script-src .*?)^```$", (ROOT / "docs/embedding.md").read_text(), re.MULTILINE | re.DOTALL
)
NONCE: Final = "c3RyaWN0IGFzIGNhbiBiZQ"
SITE: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "style-src 'self'; report-uri /report"
)
"""What the site itself needs, and what tells of each breach, also in documents that no listener hears."""
PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Strict</title>
<link rel="stylesheet" href="/style.css">
<script async nonce="{nonce}" src="{server}/embed.js" data-site="demo" data-launcher></script>
</head><body><h1>Strict</h1><p id="text">Nothing yet</p><form><input id="name" value="typed"></form></body></html>
"""
STYLE: Final = "h1 { color: rgb(1, 2, 3) } @layer a { p { margin: 1px } }"
CHANGES: Final = """() => {
  const text = document.getElementById("text");
  text.textContent = "Changed";
  text.style.color = "rgb(4, 5, 6)";
  text.style.setProperty("margin", "3px");
  text.className = "another";
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("p { padding: 2px }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  document.styleSheets[0].insertRule("p { border: 1px solid rgb(7, 8, 9) }");
  const host = document.body.appendChild(document.createElement("section"));
  host.attachShadow({ mode: "open" }).append(Object.assign(document.createElement("b"), { textContent: "within" }));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "circle"));
  document.body.append(svg, document.createElement("iframe"), document.createElement("canvas"));
  text.style.color = "rgb(9, 9, 9)";
  text.offsetWidth;
  setTimeout(() => text.style.removeProperty("margin"));
}"""


class Reports:
    """What browsers have reported to the site."""

    def __init__(self) -> None:
        self._all: list[str] = []
        self._news = threading.Condition()

    def take(self, report: bytes) -> None:
        """One has come: what was breached, and by what."""
        body = json.loads(report)["csp-report"]
        with self._news:
            self._all.append(f"{body['effective-directive']} {body['blocked-uri']} {body.get('script-sample', '')}")
            self._news.notify_all()

    def until(self, page: Page, end: str) -> list[str]:
        """Those that came before one that is provoked now, from an address that is never asked."""
        page.evaluate(f"new Image().src = 'https://{end}.example/'")
        with self._news:
            assert self._news.wait_for(lambda: any(end in one for one in self._all), 40), "reports do not come"
            return [one for one in self._all if ".example" not in one]


@contextmanager
def strict(server: Server, policy: str) -> Iterator[tuple[str, Reports]]:
    """The site; its address, and the reports that it gets."""
    reports = Reports()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_style = self.path == "/style.css"
            page = PAGE.format(server=server.url, nonce=NONCE)
            body = (STYLE if is_style else page if self.path == "/" else "").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/css" if is_style else "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            reports.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{web.server_address[1]}", reports
    finally:
        web.shutdown()
        web.server_close()
        thread.join()


def policy_of(documented: str, server: Server) -> str:
    own = documented.replace("https://help.shop.example", server.url).replace("RANDOM", NONCE)
    own = own.replace("wss://help.shop.example", server.url.replace("http", "ws"))
    assert "help.shop" not in own
    policy = f"{SITE}; {' '.join(own.split())}"
    assert not re.search(r"unsafe|script-src[^;]* 'self'|[*]", policy)
    return policy


def open_strictly(context: BrowserContext, url: str) -> tuple[Page, list[str]]:
    """A page of the site, and what it says on its console."""
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{url}/")
    until(page, "globalThis.Cobrowse?.start")
    return page, said


def test_what_a_policy_refuses_is_reported(desk: Desk, server: Server) -> None:
    with strict(server, policy_of(DOCUMENTED[0], server)) as (url, reports):
        page, said = open_strictly(desk.context(), url)
        page.evaluate("document.body.setAttribute('style', 'color: red')")
        with pytest.raises(Error, match="TrustedHTML"):
            page.evaluate("document.body.insertAdjacentHTML('beforeend', '<b></b>')")
        assert {one.split()[0] for one in reports.until(page, "end")} == {"style-src-attr", "require-trusted-types-for"}
        comes(page, lambda: len(said) >= 2, "the console tells of both")


@pytest.mark.parametrize(
    ("documented", "transport"), [*zip(DOCUMENTED, ("websocket", "http"), strict=True)], ids=["hosts", "nonce"]
)
def test_a_session_needs_no_more_than_is_documented(
    desk: Desk, server: Server, documented: str, transport: str
) -> None:
    with strict(server, policy_of(documented, server)) as (url, reports):
        context = desk.context()
        page, said = open_strictly(context, url)
        page.locator("cobrowse-widget").click()
        says(page, ".code")
        page.evaluate("Cobrowse.session.end()")
        link = start(page, f"{{ transport: {transport!r} }}")
        watching = desk.watch(link, state="waiting")
        button(page, "Allow").click()
        watching.becomes("live")
        visit = Visit(page, context, link)
        page.evaluate(CHANGES)
        page.locator("#name").fill("something else")
        watching.shows("#text", "Changed")
        button(page, "Chat").click()
        page.locator("cobrowse-widget input[name=line]").fill("hello")
        button(page, "Send").click()
        watching.page.locator("text=hello").wait_for()
        watching.page.locator("input[name=line]").fill("and hello")
        watching.page.locator("input[name=line]").press("Enter")
        until(page, "Cobrowse.session.chat.length === 2")
        watching.page.locator(".layer").hover()
        button(page, "Viewers").click()
        frame = look(page)
        stands_with(visit, frame)
        assert "Changed" in json.dumps(shown(frame))
        assert "something" not in json.dumps(shown(frame))
        button(page, "Close").click()
        button(page, "Pause").click()
        watching.becomes("paused")
        button(page, "Unpause").click()
        watching.becomes("live")
        assert difference(visit, watching) is None
        assert reports.until(page, "before-the-reload") == []

        page.reload()
        until(page, "globalThis.Cobrowse?.session?.viewers.length === 1")
        watching.becomes("live")
        page.evaluate(CHANGES)
        watching.shows("#text", "Changed")
        assert difference(visit, watching) is None
        page.evaluate("Cobrowse.session.end()")
        watching.becomes("ended")
        assert reports.until(page, "in-the-end") == []
        assert [text for text in said if ".example/" not in text] == []
