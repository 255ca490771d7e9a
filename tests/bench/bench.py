"""What each measurement is given: the browser, the server, and the sites of the pages under measure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.e2e.rig import Desk


@dataclass(frozen=True)
class Bench:
    desk: Desk
    site: str
    """The pages with the script tag in them."""
    plain: str
    """The same pages as they are."""
    folder: Path

    def page(self, rows: int) -> str:
        """The page with a session on it, of `rows` rows of 17 nodes."""
        return f"{self.site}/table.html?rows={rows}"

    def plain_page(self, rows: int) -> str:
        return f"{self.plain}/table.html?rows={rows}"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def plain_site(folder: Path) -> Iterator[str]:
    """The files of a folder as they are."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{web.server_address[1]}"
    finally:
        web.shutdown()
        web.server_close()
        thread.join()
