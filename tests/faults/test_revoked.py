"""A login that is taken back while its agent watches: nothing more comes, by any path, and it opens nothing."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from cobrowse.tokens import Policy, Tokens

from ..e2e.rig import COBROWSE, SECRET, Desk, serving, start, until
from ..e2e.test_story import open_shop

COUNT = """() => {
  const mark = document.body.appendChild(document.createElement("p"));
  setInterval(() => { mark.textContent = String(performance.now()); }, 20);
}"""


@pytest.mark.parametrize("path", ["relay", "direct"])
def test_a_login_that_is_taken_back_sees_nothing_more(
    browser: Browser, tmp_path: Path, path: str, record_property: Callable[[str, object], None]
) -> None:
    """Goal for what is recorded: 2 s."""
    environment = {"COBROWSE_SECRET": SECRET, "COBROWSE_REVOKED": str(tmp_path / "revoked")}
    with serving(COBROWSE_REVOKED=environment["COBROWSE_REVOKED"]) as server:
        desk = Desk(browser, server)
        page = open_shop(desk, server)
        options = f"{{ confirmView: () => true, path: {path!r} }}"
        session = start(page, options, of="id")
        page.evaluate(COUNT)
        tokens = Tokens(SECRET)
        taken, other = (tokens.agent(name, Policy(sites=["demo"]), sub=name) for name in ("ann", "bo"))
        watching = []
        for token in (taken, other):
            context = desk.context()
            context.add_init_script(f"localStorage.setItem('cobrowse.agent', {token!r})")
            watching.append(desk.watch_in(context, f"{server.url}/v/{session}"))
        ann, bo = watching
        for one in watching:
            one.goes(path)
        until(page, "Cobrowse.session.viewers.length === 2")
        subprocess.run([COBROWSE, "revoke", "--sub", "ann"], check=True, env={**os.environ, **environment})
        ann.becomes("denied")
        took = time.time() - (tmp_path / "revoked").stat().st_mtime
        until(page, "Cobrowse.session.viewers.length === 1")
        assert "revoked" in ann.page.locator(".notice").inner_text()
        seq = ann.stats["seq"]
        before = bo.stats["seq"]
        until(bo.page, f"viewer.stats().seq > {before + 20}")
        assert ann.stats["seq"] == seq, "nothing more came"
        ann.page.reload()
        ann.becomes("denied")
        assert bo.stats["state"] == "live"
        desk.close()
        assert desk.errors == []
        record_property("from the command to what the agent's page says, s", f"{took:.1f}")
