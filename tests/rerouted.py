"""Pages behind the proxies of `impair.py`: their links, and their WebRTC, whose candidates become those of proxies."""

from __future__ import annotations

import re
import socket
from functools import partial
from pathlib import Path
from typing import Final

from playwright.sync_api import BrowserContext

from .impair import Impaired

REROUTED: Final = (Path(__file__).parent / "rerouted.js").read_text()


def behind(network: Impaired, link: str, slow: bool = False) -> str:
    """That link, or address of a server, by way of the network's proxy."""
    host, port = re.findall(r"^http://([^:/]+):(\d+)", link)[0]
    return link.replace(f"//{host}:{port}", f"//localhost:{network.tcp(host, int(port), slow)}", 1)


def rerouted(context: BrowserContext, network: Impaired) -> BrowserContext:
    """What pages of that context send by WebRTC goes by proxies, if the other end is deaf or tells no address."""
    context.expose_function("reroute", partial(_reroute, network))
    context.add_init_script(REROUTED)
    return context


def deaf(context: BrowserContext) -> BrowserContext:
    """Pages of that context are told no candidates: they learn of the other end when it calls."""
    context.add_init_script(f"globalThis.deaf = true; {REROUTED}")
    return context


def _reroute(network: Impaired, host: str, port: int) -> str:
    """The rest of a candidate that leads to that one: an address and a port."""
    # A page tells a name in place of its address (mDNS); the port is its own.
    address = _own_address() if host.endswith(".local") else host
    return f"{address} {network.udp(address, port)}"


def _own_address() -> str:
    """The address of this machine by which its pages are reached."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
