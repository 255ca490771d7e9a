"""What is tried in `test_hostile.py` does harm where nothing stands against it: rrweb's own player, no policy.

Of 118 vectors 30 call the host, and 9 leave the player without what comes next; with scripts allowed in its frame, as
`UNSAFE_replayCanvas` does, 12 run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser

from .events import added, changed, fresh, good, meta, page
from .hostile import Canary
from .rig import until
from .vectors import vectors

PLAYER: Final = Path(__file__).parents[2] / "client/node_modules/rrweb/dist/rrweb.umd.min.cjs"
FRAMES: Final = 1_200
PLAY: Final = """async ({ name, events, scripts }) => {
  const unsafe = { UNSAFE_replayCanvas: scripts };
  const player = new rrweb.Replayer([], { liveMode: true, useVirtualDom: false, showWarning: false, ...unsafe });
  player.startLive(Infinity);
  try {
    for (const event of events) {
      player.addEvent(event);
      await null; // it applies each in a microtask
    }
  } catch { return false; }
  const last = player.iframe.contentDocument?.getElementById("last");
  return last?.previousElementSibling?.textContent === name;
}"""


class Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>A page without a policy</title>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as web:
        web.daemon_threads = True
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://player.localhost:{web.server_address[1]}/"
        web.shutdown()
        thread.join()


@pytest.mark.parametrize("scripts", [False, True])
def test_the_vectors_do_harm_to_a_bare_player(browser: Browser, site: str, scripts: bool) -> None:
    with Canary.listening() as canary, browser.new_context() as context:
        made = vectors(canary.url)
        tried = {
            name: [meta(), page(tree), added(fresh(tree)), *changed(fresh(tree))] for name, tree in made.trees.items()
        }
        tried |= {name: [meta(), page(), *events] for name, events in made.events.items()}
        opened = context.new_page()
        opened.goto(site)
        opened.add_script_tag(path=PLAYER)
        upset = [
            name
            for name, events in tried.items()
            if not opened.evaluate(PLAY, {"name": name, "events": [*events, good(name)], "scripts": scripts})
        ]
        assert len(upset) >= 9
        if scripts:
            until(opened, "new Set(globalThis.ran).size >= 12")
        for _ in range(FRAMES):
            if len({path for path in canary.hits if not path.startswith("/ran-")}) >= 30:
                break
            opened.evaluate("new Promise(requestAnimationFrame)")
        else:
            raise AssertionError(f"only these were called: {sorted(set(canary.hits))}")
        if not scripts:
            assert opened.evaluate("globalThis.ran") is None, "the sandbox holds scripts alone"
