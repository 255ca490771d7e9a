"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from .rig import CHROMIUM_ARGS, HERE, Desk, Server, chromium, serving, site
from .stranger import Stranger, strangers


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    opened = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
    yield opened
    opened.close()


@pytest.fixture
def desk(browser: Browser, server: Server) -> Iterator[Desk]:
    """Visitors and viewers; a script error on any of their pages fails the test."""
    opened = Desk(browser, server)
    yield opened
    opened.close()
    assert opened.errors == []


@pytest.fixture(scope="session")
def pages(server: Server) -> Iterator[str]:
    """The hard cases, on an origin of their own."""
    with site(HERE / "material" / "pages", server) as url:
        yield url


@pytest.fixture(scope="session")
def others(server: Server) -> Iterator[str]:
    """Real pages of others, on an origin of their own."""
    with site(HERE / "material" / "node_modules", server) as url:
        yield url


@pytest.fixture
def stranger(server: Server) -> Iterator[Callable[[], Stranger]]:
    """Makes viewers without a browser."""
    with strangers(server.url, Stranger) as make:
        yield make
