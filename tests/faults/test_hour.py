"""The changes of an hour, 50 a second, as fast as they are followed."""

from __future__ import annotations

from time import monotonic
from typing import Final

from playwright.sync_api import Browser

from ..bench.hour import CHANGES, MIB, session
from ..e2e.rig import ROOT, Desk, serving, site
from .roads import Record

MOST: Final = 20 * MIB


def test_an_hour_of_changes_grows_neither_page(browser: Browser, record_property: Record) -> None:
    """Criterion: the viewer's page, the visitor's and the server grow by at most 20 MiB each."""
    with serving() as server, site(ROOT / "tests" / "bench" / "pages", server) as pages:
        desk = Desk(browser, server)
        began = monotonic()
        before, after = session(desk, f"{pages}/table.html")
        took = monotonic() - began
        desk.close()
        assert desk.errors == []
        assert before.server is not None
        assert after.server is not None
        grown = {
            "the viewer's page": after.viewer - before.viewer,
            "the visitor's": after.page - before.page,
            "the server": after.server - before.server,
        }
        text = ", ".join(f"{who} {size / MIB:+.1f}" for who, size in grown.items())
        record_property(f"{CHANGES:,} changes in {took:.0f} s, MiB", text)
        assert max(grown.values()) <= MOST
