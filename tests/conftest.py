"""What all tests share: in CI a skipped test is a failed run; a hub without transports, and its clock."""

from __future__ import annotations

import os

import pytest

from cobrowse import connection as connection_module
from cobrowse import hub as hub_module
from cobrowse.hub import Hub
from cobrowse.session import Limits

from .quiet import Now, QuietHub
from .shop import TOKENS, settings


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if reporter and os.environ.get("CI") == "true" and skipped and session.exitstatus == 0:
        reporter.write_line(f"{len(skipped)} tests were skipped; in CI that is a failure", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    now = Now()
    monkeypatch.setattr(hub_module, "clock", now)
    monkeypatch.setattr(connection_module, "clock", now)
    return now


@pytest.fixture
def hub(now: Now) -> Hub:
    return QuietHub(settings(), TOKENS, Limits(away_ms=5_000))
