"""Real parts for the end-to-end tests: the server as a process, a site on another origin, browsers, and the oracle."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page

from cobrowse.records import END, Frame, InvalidMessage, Part, decode
from cobrowse.transports.check import CHECK_SIZE, WORD

from ..printed import running

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
CANONICAL: Final = (HERE / "material" / "canonical.js").read_text()
COBROWSE: Final = shutil.which("cobrowse") or str(ROOT / ".venv/bin/cobrowse")
CHROMIUM_ARGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECRET: Final = "a secret for tests, long enough for HS256"
WITHIN_MS: Final = 40_000


def chromium() -> str:
    """The system's Chromium or Chrome."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    raise RuntimeError("no Chromium found: run `make programs`, or install the package 'chromium'")


@dataclass
class Server:
    """A running `cobrowse serve`."""

    url: str
    login: str
    process: subprocess.Popen[str]
    said: deque[str] = field(default_factory=lambda: deque(maxlen=10_000))
    """The last lines that it has printed."""


@contextmanager
def serving(*args: str, program: Sequence[str] = (COBROWSE,), **environment: str) -> Iterator[Server]:
    """Run the server as a process of its own, as a user would, on a free port."""
    command = [*program, "serve", "--demo", *args]
    if "--port" not in args:
        command += ["--port", "0"]
    settings = {"COBROWSE_SECRET": SECRET, "COBROWSE_HOST": "localhost", **environment}
    with running(command, **settings) as served:
        url = served.says(r"is at\s+(\S+)/\n")[1]
        login = served.says(r"login:\s+(\S+)\n")[1]
        yield Server(url, login, served.process, served.said)


class _SiteHandler(SimpleHTTPRequestHandler):
    """Serves files, with the script tag put into each page as a site would do it."""

    tag = ""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.suffix not in (".html", ".htm") or not path.is_file():
            super().do_GET()
            return
        page = path.read_text(encoding="utf-8", errors="replace")
        tag = self.tag
        page, count = re.subn(r"(?i)<head[^>]*>", lambda match: match[0] + tag, page, count=1)
        body = (page if count else tag + page).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def site(
    folder: Path, server: Server, host: str = "localhost", at: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[str]:
    """A site of somebody else, on an origin of its own; yields its address without a trailing slash.

    It listens `at` an address and a port, of which 0 is a free one; pages call it `host`.
    """
    tag = f'<script async src="{server.url}/embed.js" data-site="demo"></script>'
    handler = type("SiteHandler", (_SiteHandler,), {"tag": tag})
    web = ThreadingHTTPServer(at, partial(handler, directory=str(folder)))
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{web.server_address[1]}"
    finally:
        web.shutdown()
        web.server_close()
        thread.join()


def until(page: Page, condition: str, within_ms: float = WITHIN_MS) -> Any:
    """Wait in the page for a JavaScript expression to become true; its value.

    Not `wait_for_function`, which evaluates strings in the page: the viewer's policy forbids that.
    """
    return page.evaluate(
        """async ([within, text]) => {
          const end = performance.now() + within;
          const condition = () => (CONDITION);
          for (;;) {
            const value = await condition();
            if (value) return value;
            if (performance.now() > end) {
              const state = globalThis.viewer?.stats() ?? globalThis.Cobrowse?.session?.stats() ?? null;
              const notice = document.querySelector(".notice")?.textContent ?? "";
              throw new Error(`not within ${within} ms: ${text}; ${JSON.stringify(state)} ${notice}`);
            }
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
        }""".replace("CONDITION", condition),
        [within_ms, condition],
    )


def comes(page: Page, condition: Callable[[], bool], what: str, within_s: float = WITHIN_MS / 1_000) -> None:
    """Wait for something in this process. Playwright calls the handlers of routes and events only while it waits."""
    end = monotonic() + within_s
    while not condition():
        assert monotonic() < end, f"not within {within_s:.0f} s: {what}"
        page.wait_for_timeout(10)


def settled(page: Page, promise: str, within_ms: float = WITHIN_MS) -> Any:
    """Wait in the page for a promise, a JavaScript expression; its value. Throws when it is not settled in time."""
    return page.evaluate(
        """([within, text]) => Promise.race([
          PROMISE,
          new Promise((_, reject) => {
            setTimeout(() => reject(new Error(`not settled within ${within} ms: ${text}`)), within);
          }),
        ])""".replace("PROMISE", promise),
        [within_ms, promise],
    )


def start(page: Page, options: str = "", of: str = "link") -> str:
    """Start a session on a page that has the script; its link, or another property of it."""
    told: str = settled(page, f"Cobrowse.start({options}).then((session) => session.{of})")
    return told


QUIET: Final = """async () => {
  // Nothing new in the log for longer than the recorder's slowest throttle.
  let last = null, since = performance.now();
  for (;;) {
    const { epoch, seq } = Cobrowse.session.stats();
    const now = `${epoch}.${seq}`;
    if (now !== last) { last = now; since = performance.now(); }
    if (performance.now() - since > 300) return [epoch, seq];
    if (performance.now() - START > 20000) throw new Error(`the page does not become quiet: ${now}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}""".replace("START", "globalThis.__quietStart")


def inflated(items: Iterable[Frame | Part]) -> bytes:
    """The MessagePack in checkpoints and frames, in the order in which they came."""
    whole = b""
    inflate = zlib.decompressobj(-15)
    for item in items:
        if isinstance(item, Part):
            if item.part == 0:
                inflate = zlib.decompressobj(-15)
            whole += inflate.decompress(item.data)
            if item.part == item.parts - 1:
                inflate = zlib.decompressobj(-15)
        else:
            whole += inflate.decompress(item.data)
            if item.flags & END:
                whole += inflate.decompress(b"\x00\x00\xff\xff")
    return whole


@dataclass
class Watching:
    """A viewer's page, and what came to it over its WebSocket."""

    page: Page
    context: BrowserContext
    relayed: list[int] = field(default_factory=list)
    """The seq of each frame that came by the relay."""
    received: list[Frame | Part] = field(default_factory=list)
    """All of the log that came by the relay, in order."""

    @property
    def stats(self) -> dict[str, Any]:
        return self.page.evaluate("viewer.stats()")  # type: ignore[no-any-return]

    def becomes(self, state: str, within_ms: float = WITHIN_MS) -> None:
        until(self.page, f"document.documentElement.dataset.state === {state!r}", within_ms)

    def keeps_states(self) -> None:
        """Keep each state that it is in from now on, also one that the next follows before it can be looked at."""
        self.page.evaluate("""() => {
          const { dataset } = document.documentElement;
          const before = [];
          const note = (changes) => before.push(...changes.map(({ oldValue }) => oldValue));
          const observer = new MutationObserver(note);
          observer.observe(document.documentElement, { attributeFilter: ["data-state"], attributeOldValue: true });
          globalThis.keptStates = () => [...before, dataset.state];
        }""")

    @property
    def states(self) -> list[str]:
        """Those that were kept, in order, each that follows another one."""
        kept: list[str] = self.page.evaluate("keptStates()")
        return [state for state, _ in groupby(kept)]

    def goes(self, path: str, within_ms: float = WITHIN_MS) -> None:
        until(self.page, f"viewer.stats().path === {path!r} && viewer.stats().state === 'live'", within_ms)

    def told(self) -> bytes:
        """All that was ever told on the relay, inflated: the MessagePack of checkpoints and frames."""
        return inflated(self.received)

    def document(self, script: str) -> Any:
        """Evaluate with `doc`, the mirrored document."""
        return self.page.evaluate(
            f"() => {{ const doc = document.querySelector('.replayer-wrapper iframe').contentDocument; {script} }}"
        )

    def shows(self, selector: str, text: str, within_ms: float = WITHIN_MS) -> None:
        """Wait until the mirrored page has that text there."""
        find = "document.querySelector('.replayer-wrapper iframe')?.contentDocument"
        condition = f"{find}?.querySelector({json.dumps(selector)})?.textContent.includes({json.dumps(text)})"
        until(self.page, condition, within_ms)


@dataclass
class Visit:
    """A visitor's page that is shared."""

    page: Page
    context: BrowserContext
    link: str

    @property
    def stats(self) -> dict[str, Any]:
        return self.page.evaluate("Cobrowse.session.stats()")  # type: ignore[no-any-return]

    def quiet(self) -> tuple[int, int]:
        """Wait until nothing changes any more; the position then."""
        self.page.evaluate("() => { globalThis.__quietStart = performance.now(); }")
        epoch, seq = self.page.evaluate(QUIET)
        return epoch, seq


class Desk:
    """Opens visitors and viewers, each in a browser context of its own."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self.browser = browser
        self.server = server
        self.errors: list[str] = []
        self._contexts: list[BrowserContext] = []

    def context(self, **options: Any) -> BrowserContext:
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self._contexts.append(context)
        return context

    def visit(self, url: str, options: str = "{ consent: 'granted' }", **context: Any) -> Visit:
        """Open a page that carries the script tag, and start a session on it."""
        return self.visit_in(self.context(**context), url, options)

    def visit_in(self, opened: BrowserContext, url: str, options: str = "{ consent: 'granted' }") -> Visit:
        """The same in a context that the test has prepared."""
        page = opened.new_page()
        self._listen(page, "visitor")
        page.goto(url)
        until(page, "globalThis.Cobrowse?.start")
        return Visit(page, opened, start(page, options))

    def watch(self, link: str, path: str | None = None, state: str | None = "live", **context: Any) -> Watching:
        """Open a link in a context of its own, and wait until it is live (or in that state)."""
        return self.watch_in(self.context(**context), link, path, state)

    def watch_in(
        self, opened: BrowserContext, link: str, path: str | None = None, state: str | None = "live"
    ) -> Watching:
        """The same in a context that the test has prepared."""
        page = opened.new_page()
        self._listen(page, "viewer")
        watching = Watching(page, opened)
        page.on("websocket", lambda socket: socket.on("framereceived", partial(self._relayed, watching, socket.url)))
        if path not in (None, "auto"):
            link = link.replace("#", f"?path={path}#")
        page.goto(link)
        if state is not None:
            watching.becomes(state)
        return watching

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        self._contexts.clear()

    def _listen(self, page: Page, who: str) -> None:
        page.on("pageerror", lambda error: self.errors.append(f"{who}: {error}"))

    @staticmethod
    def _relayed(watching: Watching, url: str, payload: bytes | str) -> None:
        items = [item for item in said(url, payload) if isinstance(item, Frame | Part)]
        watching.received += items
        watching.relayed += [item.seq for item in items if isinstance(item, Frame)]


def said(url: str, payload: bytes | str) -> list[Any]:
    """What a message of that WebSocket says. Nothing if it was garbled on the way: the page does not take it either."""
    if isinstance(payload, str):
        return []
    message = payload[:-CHECK_SIZE] if url.endswith(f"?{WORD}") else payload
    with suppress(InvalidMessage):
        return list(decode(message))
    return []


def _come_to_rest(page: Page, document: str) -> None:
    """Wait until no animation or transition is about to end: each side plays its own."""
    page.evaluate(f"() => {{ {CANONICAL}; globalThis.__atRest = () => animationsEnded({document}); }}")
    until(page, "globalThis.__atRest()")


def difference(visit: Visit, watching: Watching, foreign: bool = False) -> str | None:
    """The oracle: None when the viewer shows just what the visitor sees, else the first difference.

    Waits until the page is quiet and both sides name the same position. `foreign`: the two are different browser
    engines; then the visitor's styles are compared as the viewer's engine reads what the visitor's has written.
    """
    epoch, seq = visit.quiet()
    until(watching.page, f"viewer.stats().epoch === {epoch} && viewer.stats().seq >= {seq}")
    at = visit.page.evaluate("Cobrowse.session.stats()")
    there = watching.stats
    if (at["epoch"], at["seq"]) != (there["epoch"], there["seq"]):
        return difference(visit, watching, foreign)
    _come_to_rest(visit.page, "document")
    _come_to_rest(watching.page, "document.querySelector('.replayer-wrapper iframe').contentDocument")
    # As text: a page may be nested deeper than a value that is handed out may be.
    other = json.dumps(foreign)
    tell = f"() => {{ {CANONICAL}; return JSON.stringify(canonical(document, 'broadcaster', {other})); }}"
    seen = visit.page.evaluate(tell)
    if foreign:
        read = f"(text) => {{ {CANONICAL}; return JSON.stringify(readHere(JSON.parse(text))); }}"
        seen = watching.page.evaluate(read, seen)
    shown = watching.document(f"{CANONICAL}; return JSON.stringify(canonical(doc, 'viewer', {other}));")
    if seen == shown:
        left = watching.stats["leftOut"]
        return f"of a page that harms nobody this was left out: {left}" if left else None
    now = visit.page.evaluate("Cobrowse.session.stats()")
    if (now["epoch"], now["seq"]) != (at["epoch"], at["seq"]):
        return difference(visit, watching, foreign)  # it has changed while it was read
    found: str | None = visit.page.evaluate(
        f"([a, b]) => {{ {CANONICAL}; return firstDifference(JSON.parse(a), JSON.parse(b)); }}", [seen, shown]
    )
    return found or "the two differ, and the difference was not found"
