"""Chromium by its own protocol (chromedevtools.github.io/devtools-protocol), where playwright is in the way.

Playwright has every page believe that it is in front (`Emulation.setFocusEmulationEnabled`); here a tab behind another
is hidden, as it is for people.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Final

from websockets.sync.client import ClientConnection, connect

from ..e2e.rig import CHROMIUM_ARGS, chromium
from ..printed import running

WITHIN_S: Final = 120.0
FUNCTION: Final = re.compile(r"\s*(async\s*)?\([^()]*\)\s*=>")


class Tab:
    """A page, in a tab of the one window."""

    def __init__(self, chrome: Chrome, target: str, session: str) -> None:
        self.chrome = chrome
        self.target = target
        self.session = session

    def show(self) -> None:
        """Bring it to the front; the others are hidden then."""
        self.chrome.call("Target.activateTarget", targetId=self.target)

    def until(self, condition: str, within_s: float = 40) -> Any:
        """Look until the expression is true; its value. It is looked at from here: timers of hidden tabs are slow."""
        end = monotonic() + within_s
        while not (value := self.evaluate(condition)):
            if monotonic() > end:
                stats = self.evaluate("JSON.stringify(globalThis.viewer?.stats() ?? null)")
                raise TimeoutError(f"not within {within_s} s: {condition}; {stats}")
            self.chrome.call("Browser.getVersion")
        return value

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """As a page of playwright does: the value of an expression, or of a function that is called, awaited.

        Raises RuntimeError for what the page throws.
        """
        if FUNCTION.match(expression):
            expression = f"({expression})({json.dumps(argument)})"
        parameters = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self.chrome.call("Runtime.evaluate", self.session, **parameters)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:1_000])
        return answer["result"].get("value")


class Chrome:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """A command, and its result; events are passed over. Raises TimeoutError after two minutes."""
        end = monotonic() + WITHIN_S
        number = next(self._numbers)
        said = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(said | ({"sessionId": session} if session else {})))
        with suppress(TimeoutError):
            while (left := end - monotonic()) > 0:
                answer = json.loads(self._socket.recv(timeout=left))
                if answer.get("id") == number:
                    if "error" in answer:
                        raise RuntimeError(f"{method}: {answer['error']}")
                    result: dict[str, Any] = answer["result"]
                    return result
        raise TimeoutError(f"{method}: no result within {WITHIN_S:.0f} s")

    def open(self, url: str) -> Tab:
        target = self.call("Target.createTarget", url=url)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, target, session)
        tab.until("location.href !== 'about:blank' && document.readyState === 'complete'")
        return tab


@contextmanager
def chrome(*arguments: str) -> Iterator[Chrome]:
    """A browser of its own, with one window."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        own = ("--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank")
        command = [chromium(), *CHROMIUM_ARGS, *arguments, *own]
        with running(command) as opened:
            url = opened.says(r"DevTools listening on (ws://\S+)\n")[1]
            with connect(url, max_size=None, open_timeout=WITHIN_S) as socket:
                yield Chrome(socket)
