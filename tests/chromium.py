"""Chromium as a peer, with the client's own `Peer` bundled into a page of the shop."""

from __future__ import annotations

import asyncio
import subprocess
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Browser, Page, async_playwright

from cobrowse.records import packed

from .e2e.rig import CHROMIUM_ARGS, ROOT, chromium
from .rtc import ORIGIN, WITHIN_S, Inbox

CLIENT: Final = ROOT / "client"
OPEN: Final = """([polite, ice, trusted]) => {
  globalThis.peer = new cobrowse.Peer(polite, ice, (signal) => globalThis.signalled(signal), {
    onopen: () => globalThis.opened(),
    onmessage: (message) => globalThis.received(btoa(String.fromCharCode(...message))),
    ondrain: () => {},
    onclose: (code, reason) => globalThis.ended(code, reason),
  }, trusted);
  if (!polite) peer.open();
}"""


def bundle() -> str:
    """`client/src/link/peer.ts` as a script that defines `cobrowse.Peer`."""
    command = [
        str(CLIENT / "node_modules/.bin/esbuild"),
        "src/link/peer.ts",
        "--bundle",
        "--format=iife",
        "--global-name=cobrowse",
        "--log-level=warning",
    ]
    return subprocess.run(command, cwd=CLIENT, check=True, capture_output=True, text=True).stdout


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """A running Chromium; certificates are not checked, as those of the tests are their own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=[*CHROMIUM_ARGS, "--ignore-certificate-errors"]
        )
        try:
            yield browser
        finally:
            await browser.close()


class PagePeer(Inbox):
    """A page's `Peer`. What it signals is kept, and given to `to`, which is set before it is opened."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.to: Callable[[dict[str, Any]], None] = lambda signal: None
        self.signals: list[dict[str, Any]] = []
        self.opened = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    @classmethod
    async def on_a_page(cls, browser: Browser) -> PagePeer:
        page = await browser.new_page()
        await page.route("**/*", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        await page.goto(ORIGIN)
        await page.evaluate(bundle() + ";globalThis.cobrowse = cobrowse;")
        self = cls(page)
        await page.expose_function("signalled", self._signalled)
        await page.expose_function("opened", self.opened.set)
        await page.expose_function("received", lambda data: self.put(b64decode(data)))
        await page.expose_function("ended", self.end)
        return self

    async def open(
        self, polite: bool = False, ice_servers: list[Any] | None = None, policy: str = "all", trusted: bool = True
    ) -> None:
        """Make the `Peer`; one that is not polite makes the offer. `trusted`: the other end is the server."""
        await self.page.evaluate(OPEN, [polite, {"iceServers": ice_servers or [], "policy": policy}, trusted])

    def receive(self, signal: dict[str, Any]) -> None:
        """Give it a signal of the other side."""
        given = {name: signal[name] for name in ("description", "candidate") if signal.get(name)}
        self._evaluate("(signal) => peer.receive(signal)", given)

    async def is_open(self) -> None:
        async with asyncio.timeout(WITHIN_S):
            await self.opened.wait()

    def say(self, *messages: Any) -> None:
        self._send("send", b"".join(packed(message) for message in messages))

    def record(self, *values: Any) -> None:
        self._send("sendVolatile", packed([3, *values]))

    async def route(self) -> dict[str, Any]:
        """What its bytes go by."""
        route: dict[str, Any] = await self.page.evaluate("""async () => {
          for (;;) {
            const route = await peer.route();
            if (route) return route;
            await new Promise((resolve) => setTimeout(resolve, 10)); // an open connection may be about to change pairs
          }
        }""")
        return route

    async def close(self) -> None:
        await self.page.evaluate("peer.close()")
        await asyncio.gather(*self._tasks)

    @property
    def candidates(self) -> list[str]:
        """All candidates that it has told, in descriptions too."""
        found = [signal["candidate"]["candidate"] for signal in self.signals if signal.get("candidate")]
        for signal in self.signals:
            sdp = (signal.get("description") or {}).get("sdp", "")
            found += [line.removeprefix("a=") for line in sdp.splitlines() if line.startswith("a=candidate:")]
        return [candidate for candidate in found if candidate]

    def _signalled(self, signal: dict[str, Any]) -> None:
        self.signals.append(signal)
        self.to(signal)

    def _send(self, method: str, data: bytes) -> None:
        bytes_of = "Uint8Array.from(atob(data), (one) => one.charCodeAt(0))"
        self._evaluate(f"(data) => peer.{method}({bytes_of})", b64encode(data).decode())

    def _evaluate(self, script: str, argument: Any) -> None:
        task = asyncio.create_task(self.page.evaluate(script, argument))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
