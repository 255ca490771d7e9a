"""Fixtures of the fault tests: a network of namespaces, with the server, a visitor's browser and an agent's in it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from ..e2e.rig import CHROMIUM_ARGS, HERE, Desk, Server, chromium, serving, site
from .network import Network
from .network import network as a_network

SERVER_PORT: Final = 8080
PAGES_PORT: Final = 8000
PROXY_PORT: Final = 8081
PORTS: Final = (SERVER_PORT, PAGES_PORT, PROXY_PORT)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was measured, for the reader; no test depends on it."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {name}: {value}")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One on this machine, in no namespace."""
    opened = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
    yield opened
    opened.close()


@pytest.fixture
def network() -> Iterator[Network]:
    with a_network() as made:
        yield made


@pytest.fixture
def settings() -> dict[str, str]:
    """More settings of the server; a module says them anew."""
    return {}


@pytest.fixture
def server(network: Network, settings: dict[str, str]) -> Iterator[Server]:
    address = network.address("server")
    origins = [f"http://{address}:{port}" for port in PORTS]
    sites = json.dumps([{"key": "demo", "origins": origins, "consent": "granted"}])
    with ExitStack() as stack:
        with network.entered("server"):
            running = stack.enter_context(
                serving("--port", str(SERVER_PORT), COBROWSE_HOST=address, COBROWSE_SITES=sites, **settings)
            )
        yield running


@pytest.fixture
def pages(network: Network, server: Server) -> Iterator[str]:
    """The hard cases, on an origin of their own, at the server's address."""
    address = network.address("server")
    with ExitStack() as stack:
        with network.entered("server"):
            folder = HERE / "material" / "pages"
            url = stack.enter_context(site(folder, server, address, (address, PAGES_PORT)))
        yield url


Launch = Callable[[str], Browser]


@pytest.fixture
def launch(playwright: Playwright, network: Network, tmp_path: Path) -> Iterator[Launch]:
    """Starts a browser on one of the hosts; playwright speaks to it by a pipe, which is in no network."""
    secure = ",".join(f"http://{network.address('server')}:{port}" for port in PORTS)
    arguments = [
        *CHROMIUM_ARGS,
        # Pages of a real site come by HTTPS.
        f"--unsafely-treat-insecure-origin-as-secure={secure}",
        # Names of mDNS do not pass a router.
        "--disable-features=WebRtcHideLocalIpsWithMdns",
        # That of the TURN server is made for the test.
        "--ignore-certificate-errors",
    ]
    opened: list[Browser] = []

    def start(host: str) -> Browser:
        script = tmp_path / f"chromium-{host}"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(network.command(host, chromium()))} "$@"\n')
        script.chmod(0o755)
        browser = playwright.chromium.launch(executable_path=script, args=arguments)
        opened.append(browser)
        return browser

    yield start
    for browser in opened:
        browser.close()


@pytest.fixture
def visitors(launch: Launch, server: Server) -> Iterator[Desk]:
    """The visitor's browser; a script error on any page fails the test."""
    yield from _desk(launch("visitor"), server)


@pytest.fixture
def agents(launch: Launch, server: Server) -> Iterator[Desk]:
    """The agent's browser, on another machine."""
    yield from _desk(launch("agent"), server)


def _desk(browser: Browser, server: Server) -> Iterator[Desk]:
    opened = Desk(browser, server)
    yield opened
    opened.close()
    assert opened.errors == []
