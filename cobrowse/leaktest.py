"""`cobrowse leaktest`: fills a page with secrets in a browser, and looks for them in all that would leave it.

It runs a server of its own on this machine, to which the page tells everything, and needs Playwright and a Chromium.
"""

from __future__ import annotations

import json
import os
import secrets as random
import shutil
import socket
import tempfile
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .app import STATIC, create_app
from .errors import LeakTestError
from .leaks import Finder, Leak
from .records import InvalidMessage
from .search import Search
from .server import Server
from .settings import Settings, Site
from .told import Reader, Told
from .transports.check import WORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, WebSocket

SITE: Final = "leaktest"
WITHIN_MS: Final = 30_000
CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS: Final = [
    # A page of the Internet may speak to a server of this machine.
    "--disable-features=LocalNetworkAccessChecks,PrivateNetworkAccessSendPreflights,BlockInsecurePrivateNetworkRequests",
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
]
OWN_OPTIONS: Final = ("site", "server", "path", "transport", "consent")
"""Options of `Cobrowse.start` that are the test's own to choose."""
FILL: Final = (Path(__file__).parent / "leaktest.js").read_text()
"""Defines `fill(value)`."""
QUIET: Final = """async () => {
  const position = () => { const { epoch, seq } = Cobrowse.session.stats(); return `${epoch}.${seq}`; };
  const end = performance.now() + 5000;
  for (let last = null, now = position(); now !== last && performance.now() < end; now = position()) {
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return Cobrowse.session.stats();
}"""


def leaktest(
    url: str, secrets: Sequence[str], options: Mapping[str, Any] | None = None, browser: Browser | None = None
) -> list[Leak]:
    """Share the page with those options of `Cobrowse.start`, fill each of its fields with each secret, and search.

    Without a `browser` one is started. Raises LeakTestError when that cannot be done to the end: nothing is known then.
    """
    search = Search(secrets)
    options = _checked(url, options or {})
    if browser is not None:
        return _driven(browser, url, search, options)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise LeakTestError("Playwright is missing: run `pip install 'cobrowse[leaktest]'`") from None
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    with sync_playwright() as playwright:
        try:
            own = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        except Exception as error:
            remedy = "install it, or run `playwright install chromium`"
            raise LeakTestError(f"Chromium does not start: {_first_line(error)}; {remedy}") from error
        with own:
            return _driven(own, url, search, options)


def _checked(url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    if urlsplit(url).scheme not in ("http", "https"):
        raise LeakTestError(f"{url!r} is no address of a page: write http://… or https://…")
    if own := [name for name in OWN_OPTIONS if name in options]:
        raise LeakTestError(f"the option {own[0]} is the test's own to choose: leave it out")
    if not (STATIC / "embed.js").exists():
        raise LeakTestError("the browser files are not built; run `make client` in the checkout")
    return dict(options)


def _driven(browser: Browser, url: str, search: Search, options: dict[str, Any]) -> list[Leak]:
    from playwright.sync_api import Error

    with (
        browser.new_context(bypass_csp=True, ignore_https_errors=True) as context,
        browser.new_context(bypass_csp=True) as watching,
        ExitStack() as stack,
    ):
        visit = _Visit(context, url)
        try:
            own = stack.enter_context(_serving(visit.load()))
            visit.start(own, options)
            visit.drive(watching.new_page(), search.secrets)
        except Error as error:
            raise LeakTestError(f"{url}: {_first_line(error)}") from error
    finder = Finder(search)
    finder.look(visit.told)
    finder.look(own.requests)
    if not any(one.place.startswith("checkpoint") for one in visit.told):
        raise LeakTestError(f"{url}: nothing of the page was told, so nothing could be searched")
    return finder.leaks


def fill(page: Page, value: str) -> None:
    """Put the value into every field of the page and of its frames."""
    from playwright.sync_api import Error

    for frame in page.frames:
        try:
            frame.evaluate(f"(value) => {{ {FILL}; return fill(value); }}", value)
        except Error:
            if not frame.is_detached():
                raise


class _Visit:
    """The page that is shared, and what it tells."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._url = url
        self._server = ""
        self._link = ""
        self._told: list[Told] = []
        self._reader = Reader()
        self._unread: Exception | None = None
        # The page's own script tag belongs to another server, and maybe to another version.
        context.route(
            lambda asked: urlsplit(asked).path.endswith("/embed.js") and not self._is_own(asked),
            lambda route: route.abort(),
        )
        self._page = context.new_page()
        self._page.on("websocket", self._opened)

    @property
    def told(self) -> list[Told]:
        """All that the page has sent. Raises LeakTestError when some of it could not be read."""
        if self._unread:
            raise LeakTestError(f"{self._url}: what the page has sent cannot be read: {self._unread}")
        return [*self._told, *self._reader.rest]

    def load(self) -> str:
        """Load the page; its origin."""
        answer = self._page.goto(self._url, timeout=WITHIN_MS)
        if answer is not None and answer.status >= 400:
            raise LeakTestError(f"{self._url} does not load: HTTP status {answer.status}")
        origin: str = self._page.evaluate("location.origin")
        return origin

    def start(self, own: _Own, options: dict[str, Any]) -> None:
        page = self._page
        self._server = own.url
        page.evaluate(
            "() => { delete globalThis.Cobrowse; addEventListener('submit', (event) => event.preventDefault(), true); }"
        )
        page.add_script_tag(url=f"{own.url}/embed.js")
        chosen = {"site": SITE, "server": own.url, "path": "relay", "transport": "websocket", "consent": "granted"}
        begun = page.evaluate(
            "(options) => Cobrowse.start(options).then(({ link }) => ({ link }), ({ message }) => ({ message }))",
            {**options, **chosen},
        )
        if "link" not in begun:
            raise LeakTestError(f"{self._url} cannot be shared: {begun['message']}")
        self._link = begun["link"]

    def drive(self, viewer: Page, values: Sequence[str]) -> None:
        """Let somebody watch, type everything everywhere, and do so again in a log that begins anew."""
        page = self._page
        viewer.goto(self._link)
        self._follow(viewer)
        for again in (False, True):
            if again:
                page.evaluate("Cobrowse.session.pause()")
                self._reaches(viewer, "viewer.stats().state === 'paused'")
                page.evaluate("Cobrowse.session.unpause()")
                self._follow(viewer)
            for value in values:
                fill(page, value)
                self._follow(viewer)
        page.evaluate("Cobrowse.session.end()")
        self._reaches(viewer, "viewer.stats().state === 'ended'")

    def _follow(self, viewer: Page) -> None:
        """Wait until the page says nothing new, and the viewer has all of it."""
        at = self._page.evaluate(QUIET)
        epoch, seq = at["epoch"], at["seq"]
        here = f"(epoch > {epoch} || (epoch === {epoch} && seq >= {seq}))"
        self._reaches(viewer, f"(({{ state, epoch, seq }}) => state === 'live' && {here})(viewer.stats())")

    def _reaches(self, viewer: Page, condition: str) -> None:
        from playwright.sync_api import TimeoutError

        try:
            viewer.wait_for_function(f"() => globalThis.viewer && {condition}", timeout=WITHIN_MS, polling=20)
        except TimeoutError:
            stats = viewer.evaluate("globalThis.viewer?.stats() ?? null")
            what = f"a viewer does not get the page within {WITHIN_MS / 1_000:.0f} s: {json.dumps(stats)}"
            raise LeakTestError(f"{self._url}: {what}") from None

    def _is_own(self, address: str) -> bool:
        return bool(self._server) and address.startswith(f"{self._server}/")

    def _opened(self, websocket: WebSocket) -> None:
        if self._is_own(f"http{websocket.url.removeprefix('ws')}"):
            checked = urlsplit(websocket.url).query == WORD
            websocket.on("framesent", lambda message: self._sent(message, checked))

    def _sent(self, message: str | bytes, checked: bool) -> None:
        try:
            self._told += self._reader.read(message.encode() if isinstance(message, str) else message, checked)
        except (InvalidMessage, zlib.error) as error:
            self._unread = self._unread or error


class _Own:
    """The test's own server, and the requests that it gets."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Told] = []
        self.app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        place = f"request of {scope['path']}"
        query = scope["query_string"]
        self.requests.append(Told(place, {"address": scope["raw_path"] + b"?" + query, "headers": scope["headers"]}))

        async def heard() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self.requests.append(Told(place, {"body": message.get("body", b"")}))
            return message

        return await self.app(scope, heard, send)


@contextmanager
def _serving(origin: str) -> Iterator[_Own]:
    """A server for the pages of that origin, in a thread, on a port of its own of this machine."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        own = _Own(f"http://127.0.0.1:{port}")
        settings = Settings(
            host="127.0.0.1",
            port=port,
            public_url=own.url,
            secret=random.token_urlsafe(48),
            sites=[Site(key=SITE, origins=[origin], consent="granted")],
            demo=False,
            webrtc=False,
            revoked=Path(folder) / "revoked",
        )
        own.app = app = create_app(settings)
        server = Server(app.state.hub, own)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield own
        finally:
            server.should_exit = True
            thread.join()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
