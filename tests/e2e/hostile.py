"""A broadcaster that sends whatever it likes, and the host that it would like viewers to call."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from cobrowse.records import END, MAX_FRAME, Frame, Part, packed

from .events import DEEP, element
from .stranger import Stranger, proof_of

SECRET_OF_LINK: Final = "a-link-that-a-hostile-page-made"


class Canary:
    """A host that nobody should call: who has, by the path that was asked for, and how many connections there were."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self.connections = 0
        canary = self

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                canary.connections += 1
                super().setup()

            def do_GET(self) -> None:
                canary.hits.append(self.path)
                self.send_response(204)
                self.end_headers()

            do_POST = do_HEAD = do_OPTIONS = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.web.daemon_threads = True
        self.url = f"http://canary.localhost:{self.web.server_address[1]}"

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[Canary]:
        canary = cls()
        thread = threading.Thread(target=canary.web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield canary
        finally:
            canary.web.shutdown()
            canary.web.server_close()
            thread.join()


class Broadcaster(Stranger):
    """One that made up its page: it lets everybody in, and sends events as it likes."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Future[Any]], server: str, site: str) -> None:
        super().__init__(run, server)
        proof = proof_of(SECRET_OF_LINK)
        self.say({"type": "hello", "role": "broadcaster", "wire": 1, "log": 1, "site": site, "proof": proof})
        welcome = self.hears("welcome")
        self.link = f"{server}/v/{welcome['session']}#{SECRET_OF_LINK}"
        self.epoch: int = welcome["epoch"]
        self.seq = -1
        self._admitted: set[str] = set()
        self._stream = zlib.compressobj(6, zlib.DEFLATED, -15)

    def admit(self) -> None:
        """Let the next viewer in, once it asks."""

        def new() -> str | None:
            ids = [one["viewer"] for one in self.told("requested")]
            return next((id for id in ids if id not in self._admitted), None)

        id = self.until(new)
        assert id is not None
        self._admitted.add(id)
        self.say({"type": "admit", "viewer": id, "capabilities": ["view", "chat"]})
        self.until(lambda: any(one["frames"] and one["checkpoint"] for one in self.told("demand")))

    def checkpoint(self, *events: Any, state: Any = None) -> None:
        """The page anew, at the position where the log is."""
        self._stream = zlib.compressobj(6, zlib.DEFLATED, -15)
        raw = zlib.compressobj(6, zlib.DEFLATED, -15)
        data = raw.compress(b"".join(_packed(one) for one in [state or {}, *events])) + raw.flush()
        pieces = [data[at : at + MAX_FRAME] for at in range(0, len(data), MAX_FRAME)]
        for part, piece in enumerate(pieces):
            self.say(Part(self.epoch, self.seq, 0, part, len(pieces), piece).record)

    def send(self, *events: Any) -> None:
        """One batch of the log."""
        data = b"".join(self._stream.compress(_packed(event)) for event in events)
        data += self._stream.flush(zlib.Z_SYNC_FLUSH)
        assert data.endswith(b"\x00\x00\xff\xff")
        data = data[:-4]
        pieces = [data[at : at + MAX_FRAME] for at in range(0, len(data), MAX_FRAME)]
        for n, piece in enumerate(pieces, 1):
            self.seq += 1
            self.say(Frame(self.epoch, self.seq, END if n == len(pieces) else 0, piece).record)


def _packed(event: Any) -> bytes:
    """With a tree in place of `DEEP`: the library packs nothing that is nested 512 times."""
    data = packed(event)
    if packed(DEEP) not in data:
        return data
    levels = [packed({**element("i"), "childNodes": [None]})[:-1] for _ in range(900)]
    return data.replace(packed(DEEP), b"".join(levels) + packed(element("b")))
