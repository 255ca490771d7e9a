"""Fixtures of the tests with Firefox: it is the visitor's browser, or the agent's; Chromium is the other's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from ..rig import Desk, Server
from .bidi import Bidi
from .browser import FirefoxDesk, firefox


@dataclass(frozen=True)
class Desks:
    """Who opens pages for whom."""

    visitors: Desk
    agents: Desk


@pytest.fixture(scope="session")
def bidi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bidi]:
    with firefox(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(params=["visitor", "agent"])
def desks(request: pytest.FixtureRequest, browser: Browser, bidi: Bidi, server: Server) -> Iterator[Desks]:
    """The parameter says who has Firefox. A script error on any page fails the test."""
    ours, other = FirefoxDesk(bidi, server), Desk(browser, server)
    yield Desks(ours, other) if request.param == "visitor" else Desks(other, ours)
    for desk in (ours, other):
        desk.close()
    assert ours.errors == other.errors == []
