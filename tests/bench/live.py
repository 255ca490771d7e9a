"""rrweb's own live mode over socket.io, between two pages: what is in use without cobrowse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.impair import Impaired
from tests.rerouted import behind

from . import bare
from .bench import Bench
from .relays import HERE, process


@dataclass(frozen=True)
class LivePair:
    sender: Page
    viewer: Page


@contextmanager
def relaying() -> Iterator[str]:
    """The address of a relay on socket.io."""
    with process(["node", "socketio_relay.mjs"], HERE) as (_, port):
        yield f"http://127.0.0.1:{port}"


def shared(bench: Bench, rows: int, relay: str, network: Impaired | None = None) -> LivePair:
    """Two pages, of which one shows the other; with a network, which is clear now, between it and the relay."""
    sender = bare.recorded_page(bench, rows, "live_sender")
    sender.evaluate("(url) => live.connected(url)", relay)
    viewer = bench.desk.context().new_page()
    viewer.goto(f"{bench.plain}/live.html")
    viewer.evaluate("(url) => watcher.watching(url)", behind(network, relay) if network else relay)
    sender.evaluate("live.share()")
    viewer.evaluate("watcher.shown")
    return LivePair(sender, viewer)
