"""Whole pages that nobody here wrote, driven as a visitor would, equal on both paths."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route

from .material.real_pages import REAL_PAGES, RealPage, settle
from .rig import Desk, Server, difference, site


def only_local(route: Route) -> None:
    """Fonts and analytics of other hosts are not needed by any page."""
    if urlsplit(route.request.url).hostname in ("localhost", "127.0.0.1"):
        route.continue_()
    else:
        route.abort()


@pytest.mark.parametrize("path", ["relay", "direct"])
@pytest.mark.parametrize("real", REAL_PAGES, ids=lambda real: real.name)
def test_equal(desk: Desk, server: Server, real: RealPage, path: str) -> None:
    with site(real.root, server) as url:
        context = desk.context()
        context.route("**/*", only_local)
        visit = desk.visit_in(context, url + real.url_path)
        watching = desk.watch(visit.link, path=path)
        real.interact(visit.page)
        settle(visit.page)
        assert difference(visit, watching) is None
        assert watching.stats["path"] == path
        assert watching.stats["resets"] == 0
        desk.errors.clear()  # the pages' own errors, if any, are theirs
