"""Stock Firefox for the tests: the browser, and a page that answers to what the rig asks of one."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

from playwright.sync_api import BrowserContext, Page

from ...printed import running
from ..rig import Desk, Server, Visit, Watching, start, until
from .bidi import Bidi, BidiError, session

PREFERENCES: Final = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}
"""What only makes noise; nothing that a page can tell is changed."""
FUNCTION: Final = re.compile(r"\s*(async\s*)?(function\b|\([^)]*\)\s*=>|\w+\s*=>)")
KEYS: Final = {"Enter": "\ue007"}
"""https://w3c.github.io/webdriver/#keyboard-actions"""


@contextmanager
def firefox(profile: Path, **preferences: bool) -> Iterator[Bidi]:
    """Run Firefox with a new profile in that folder. In names of preferences `__` stands for a dot."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        raise RuntimeError("no Firefox found: run `make programs`, or install the package 'firefox-esr'")
    wanted = PREFERENCES | {name.replace("__", "."): value for name, value in preferences.items()}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in wanted.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [program, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(profile)]
    with running(command) as opened:
        url = opened.says(r"WebDriver BiDi listening on (ws://\S+)\n")[1]
        with session(url) as bidi:
            bidi.command("session.subscribe", events=["log.entryAdded"])
            yield bidi


NO_PATH: Final = "WebRTC: ICE failed"
"""What Firefox itself says of a direct path that could not be made, or was cut; it goes on by another."""


class FirefoxPage:
    """A window with cookies and storage of its own. What the rig calls is named as playwright names it."""

    def __init__(self, bidi: Bidi) -> None:
        self.bidi = bidi
        user = bidi.command("browser.createUserContext")["userContext"]
        self.context: str = bidi.command("browsingContext.create", type="window", userContext=user)["context"]
        bidi.command("browsingContext.setViewport", context=self.context, viewport={"width": 1280, "height": 800})
        self.keyboard = Keyboard(self)
        self.mouse = Mouse(self)

    def goto(self, url: str) -> None:
        self.bidi.command("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def reload(self) -> None:
        self.bidi.command("browsingContext.reload", context=self.context, wait="complete")

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """The value, through JSON, of an expression, or of a function called with the argument."""
        function = script if FUNCTION.match(script) else f"() => ({script})"
        answer = self.bidi.command(
            "script.callFunction",
            functionDeclaration=f"async (text) => JSON.stringify(await ({function})(JSON.parse(text))) ?? 'null'",
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            target={"context": self.context},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise BidiError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def close(self) -> None:
        self.bidi.command("browsingContext.close", context=self.context)

    def act(self, kind: str, *actions: dict[str, Any]) -> None:
        """Do that with the keyboard ("key") or the mouse ("pointer")."""
        source = {"type": kind, "id": kind, "actions": actions}
        self.bidi.command("input.performActions", context=self.context, actions=[source])


class Keyboard:
    """The page's keyboard, as playwright has it."""

    def __init__(self, page: FirefoxPage) -> None:
        self.page = page

    def type(self, text: str) -> None:
        self.page.act("key", *({"type": way, "value": key} for key in text for way in ("keyDown", "keyUp")))

    def press(self, key: str) -> None:
        self.type(KEYS[key])


class Mouse:
    """The page's mouse, as playwright has it."""

    def __init__(self, page: FirefoxPage) -> None:
        self.page = page

    def move(self, x: float, y: float) -> None:
        self.page.act("pointer", {"type": "pointerMove", "x": round(x), "y": round(y)})


class FirefoxDesk(Desk):
    """Opens visitors and viewers in Firefox. What came over a viewer's WebSocket is not kept."""

    def __init__(self, bidi: Bidi, server: Server) -> None:
        self.bidi = bidi
        self.server = server
        self.errors: list[str] = []
        self._pages: list[FirefoxPage] = []

    def page(self) -> FirefoxPage:
        page = FirefoxPage(self.bidi)
        self._pages.append(page)
        return page

    def visit(self, url: str, options: str = "{ consent: 'granted' }", **context: Any) -> Visit:
        page = self.page()
        page.goto(url)
        asked = cast(Page, page)
        until(asked, "globalThis.Cobrowse?.start")
        return Visit(asked, cast(BrowserContext, None), start(asked, options))

    def watch(self, link: str, path: str | None = None, state: str | None = "live", **context: Any) -> Watching:
        page = self.page()
        page.goto(link if path is None else link.replace("#", f"?path={path}#"))
        watching = Watching(cast(Page, page), cast(BrowserContext, None))
        if state is not None:
            watching.becomes(state)
        return watching

    def close(self) -> None:
        """Close its pages; `errors` then has what their scripts have thrown, and nobody has caught."""
        for page in self._pages:
            page.close()
        self._pages.clear()
        entries = [entry for name, entry in self.bidi.events if name == "log.entryAdded"]
        self.bidi.events.clear()
        self.errors += [
            entry["text"]
            for entry in entries
            if (entry["type"], entry["level"]) == ("javascript", "error") and not entry["text"].startswith(NO_PATH)
        ]
