"""TURN alone, between browsers that cannot reach each other: a direct path by coturn, and no address is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocket

from ..coturn import SECRET, coturn
from ..e2e.rig import Desk, difference, said, until
from .network import Network
from .peers import ROUTE, counted
from .roads import Record, since_opened

TRANSPORTS = ("udp", "tcp", "tls")


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(network: Network, transport: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    network.part("visitor", "agent")
    if transport != "udp":
        network.block_udp("agent")
        network.block_udp("visitor")
    address = network.address("turn")
    with ExitStack() as stack:
        with network.entered("turn"):
            # Each browser's peer is what the other has allocated: coturn's own address.
            turn = stack.enter_context(coturn(tmp_path, f"--allowed-peer-ip={address}", addresses=[address]))
        yield {
            "COBROWSE_TURN_URLS": json.dumps([turn.urls[transport]]),
            "COBROWSE_TURN_SECRET": SECRET,
            "COBROWSE_ICE_POLICY": "relay",
        }


def overheard(context: BrowserContext) -> list[dict[str, Any]]:
    """The signals that pages of that context send and receive."""
    signals: list[dict[str, Any]] = []

    def heard(url: str, payload: bytes | str) -> None:
        items = (item for item in said(url, payload) if isinstance(item, dict))
        signals.extend(item for item in items if item["type"] == "signal")

    def connected(socket: WebSocket) -> None:
        socket.on("framesent", partial(heard, socket.url))
        socket.on("framereceived", partial(heard, socket.url))

    def opened(page: Page) -> None:
        page.on("websocket", connected)

    context.on("page", opened)
    return signals


def candidates(signals: list[dict[str, Any]]) -> list[str]:
    """All candidates, those in descriptions too."""
    told = [signal["candidate"]["candidate"] for signal in signals if signal.get("candidate")]
    for signal in signals:
        sdp = (signal.get("description") or {}).get("sdp", "")
        told += [line.removeprefix("a=") for line in sdp.splitlines() if line.startswith("a=candidate:")]
    return [candidate for candidate in told if candidate]


def test_the_page_comes_through_turn_and_no_address_is_told(
    network: Network, visitors: Desk, agents: Desk, pages: str, transport: str, record_property: Record
) -> None:
    """Criterion: with TURN by UDP, by TCP or by TLS as the only way between the browsers (and no UDP at all but for the
    first), the page is painted, goes that way, and is equal; no signal has an address of a browser.
    """
    contexts = visitors.context(), agents.context()
    signals = [overheard(context) for context in contexts]
    visit = visitors.visit_in(contexts[0], f"{pages}/table.html")
    watching = agents.watch_in(counted(contexts[1]), visit.link)
    watching.goes("direct")
    record_property(f"TURN by {transport}, opened to live and direct, ms", since_opened(watching))
    on_relay = len(watching.relayed)
    visit.page.evaluate("window.start(100)")
    until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 50")
    visit.page.evaluate("window.stop()")
    assert difference(visit, watching) is None
    assert len(watching.relayed) == on_relay
    assert watching.stats["resets"] == 0
    assert watching.page.evaluate(ROUTE) == ["relay", transport, "relay"]
    for told in signals:
        assert {signal["description"]["type"] for signal in told if signal.get("description")} == {"offer", "answer"}
        assert candidates(told)
        assert [one for one in candidates(told) if " typ relay " not in one] == []
        text = json.dumps(told)
        assert ".local" not in text
        assert network.address("visitor") not in text
        assert network.address("agent") not in text
