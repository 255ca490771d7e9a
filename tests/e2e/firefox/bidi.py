"""WebDriver BiDi, as much of it as the tests need: commands, one at a time, over a WebSocket.

https://w3c.github.io/webdriver-bidi/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Final

from websockets.sync.client import ClientConnection, connect

WITHIN_S: Final = 90.0
MAX_MESSAGE: Final = 64 << 20
"""A whole page, serialised, comes as one message."""


class BidiError(Exception):
    """The browser refused a command, or a script threw; the text is the browser's."""


class Bidi:
    """A session with a browser. Events are kept until somebody takes them."""

    def __init__(self, socket: ClientConnection) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._socket = socket
        self._last = 0
        self.command("session.new", capabilities={})

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, and wait for its result. Raises BidiError, or TimeoutError after 90 s."""
        end = monotonic() + WITHIN_S
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        with suppress(TimeoutError):
            while (left := end - monotonic()) > 0:
                message = json.loads(self._socket.recv(timeout=left))
                if message["type"] == "event":
                    self.events.append((message["method"], message["params"]))
                elif message.get("id") == self._last:
                    if message["type"] == "error":
                        raise BidiError(f"{method}: {message['error']}: {message['message']}")
                    result: dict[str, Any] = message["result"]
                    return result
        raise TimeoutError(f"{method}: no result within {WITHIN_S:.0f} s")


@contextmanager
def session(url: str) -> Iterator[Bidi]:
    """Connect to a browser that listens at `url`."""
    with connect(f"{url}/session", max_size=MAX_MESSAGE, compression=None, open_timeout=WITHIN_S) as socket:
        yield Bidi(socket)
