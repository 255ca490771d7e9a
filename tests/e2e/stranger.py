"""A viewer without a browser, that speaks the protocol as it likes, and keeps all that it is sent."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cobrowse.records import Frame, Part, packed

from ..links import Closed, Participant, WebSocketLink

WITHIN_S: Final = 40.0
T = TypeVar("T")


def parts_of(link: str) -> tuple[str, str]:
    """The session and the secret in a viewer's link."""
    session, _, secret = link.partition("/v/")[2].partition("#")
    return session, secret


def proof_of(secret: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"auth").derive(secret.encode())


class Stranger:
    """One connection. `items` has what came, each with when (Unix time, in ms); `closed` is why it ended."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Future[Any]], server: str) -> None:
        self._run = run
        self._news = threading.Condition()
        self.items: list[tuple[float, Any]] = []
        self.closed: Closed | None = None
        self._participant = Participant(self._do(WebSocketLink.open(server, server)))
        self._reading = run(self._read())

    def say(self, *messages: dict[str, Any] | bytes) -> None:
        """Say it all at once, as one message of the transport."""
        self._do(self._participant.say(*messages))

    def hello(self, session: str, **shown: Any) -> None:
        self.say({"type": "hello", "role": "viewer", "wire": 1, "log": 1, "session": session, **shown})

    def subscribe(self) -> None:
        self.say({"type": "subscribe", "id": 1, "position": None})

    def until(self, holds: Callable[[], T]) -> T:
        """Wait until something that came makes it true."""
        end = time.monotonic() + WITHIN_S
        with self._news:
            while not (value := holds()):
                left = end - time.monotonic()
                if self.closed or left <= 0 or not self._news.wait(left):
                    raise TimeoutError(f"it did not come; the last was {self.items[-3:]}, closed: {self.closed}")
            return value

    def told(self, type: str) -> list[dict[str, Any]]:
        """The control messages of that type that came."""
        return [item for _, item in self.items if isinstance(item, dict) and item["type"] == type]

    def hears(self, type: str) -> dict[str, Any]:
        """Wait for a control message of that type; the first that came."""
        return self.until(lambda: self.told(type))[0]

    def is_closed(self) -> Closed:
        return self.until(lambda: self.closed)  # type: ignore[return-value]

    @property
    def log(self) -> list[tuple[float, Frame | Part]]:
        """What it has of the page."""
        return [(at, item) for at, item in self.items if isinstance(item, Frame | Part)]

    def leave(self) -> None:
        self._reading.cancel()
        self._do(self._participant.link.close())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._run(work).result(WITHIN_S)  # type: ignore[no-any-return]

    async def _read(self) -> None:
        try:
            while True:
                self._keep(await self._participant.next())
        except Closed as closed:
            with self._news:
                self.closed = closed
                self._news.notify_all()

    def _keep(self, item: Any) -> None:
        with self._news:
            self.items.append((time.time() * 1_000, item))
            self._news.notify_all()


S = TypeVar("S", bound=Stranger)


@contextmanager
def strangers(server: str, kind: Callable[..., S]) -> Iterator[Callable[..., S]]:
    """Makes strangers of a kind at that server; all leave in the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="strangers", daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, loop)

    def make(*more: Any) -> S:
        stranger = kind(run, server, *more)
        leaving.callback(stranger.leave)
        return stranger

    try:
        with ExitStack() as leaving:
            yield make
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WITHIN_S)
        loop.close()


def chat(n: int, text: str = "hostile", base: int | None = None, **more: Any) -> dict[str, Any]:
    return asked(n, {"kind": "chat", "id": f"id{n}{text}", "text": text, **more}, base)


def asked(n: int, what: dict[str, Any], base: int | None = None) -> dict[str, Any]:
    return {"type": "input", "n": n, "base": n if base is None else base, "input": what}


def volatile(kind: str, *values: Any, party: str = "") -> bytes:
    return packed([3, party, kind, *values])
