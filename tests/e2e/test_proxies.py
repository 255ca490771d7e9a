"""The http transport of a real browser through real proxies, with WebSockets that do not pass."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page

from ..proxies import caddy, nginx
from .rig import HERE, ROOT, Server

BUFFERS: Final = "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"
GZIP: Final = "gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;"
HOLDS: Final = BUFFERS + GZIP


@pytest.fixture(scope="module")
def bundle() -> str:
    """The client's transport and a session over it, as one script."""
    command = ["node_modules/.bin/esbuild", str(HERE / "material" / "relay.js"), "--bundle", "--format=iife"]
    built = subprocess.run(
        [*command, "--global-name=relay", "--log-level=warning"],
        cwd=ROOT / "client",
        check=True,
        capture_output=True,
        text=True,
    )
    return built.stdout


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(bypass_csp=True)  # the server's pages run no script of ours
    yield context.new_page()
    context.close()


def prepared(page: Page, bundle: str, place: str) -> None:
    """An empty page behind the proxy, on another origin than that of the transport: 127.0.0.1 is not localhost."""
    page.goto(f"http://{place.replace('localhost', '127.0.0.1')}/healthz")
    page.add_script_tag(content=bundle)


def whole_session(page: Page, place: str) -> bool:
    """Plays a session; whether it polled."""
    result: dict[str, Any] = page.evaluate("(url) => relay.session(url)", f"http://{place}/http")
    assert result["received"] == 96
    assert result["reason"] == "broadcaster"
    assert result["closed"].startswith("closed with 4110: ")
    return bool(result["polls"])


Proxy = Callable[[Path, str, str], Any]


@pytest.mark.parametrize(
    ("proxy", "lines", "polls"),
    [
        pytest.param(nginx, "", False, id="nginx"),
        pytest.param(nginx, "proxy_http_version 1.1;", False, id="nginx with HTTP 1.1"),
        pytest.param(nginx, GZIP, False, id="nginx that compresses"),
        # Whole chunks pass nginx's buffers at once; its compressor is what waits for more.
        pytest.param(nginx, BUFFERS, False, id="nginx that buffers"),
        pytest.param(nginx, HOLDS, True, id="nginx that buffers and compresses"),
        pytest.param(caddy, "reverse_proxy {upstream}", False, id="caddy"),
        pytest.param(
            caddy,
            "encode gzip {{\n match header Content-Type *\n minimum_length 1\n }}\n reverse_proxy {upstream}",
            True,
            id="caddy that compresses",
        ),
    ],
)
def test_a_session_passes(
    page: Page, server: Server, bundle: str, tmp_path: Path, proxy: Proxy, lines: str, polls: bool
) -> None:
    with proxy(tmp_path, server.url.removeprefix("http://"), lines) as place:
        prepared(page, bundle, place)
        assert whole_session(page, place) == polls


def test_it_passes_where_a_websocket_does_not(page: Page, server: Server, bundle: str, tmp_path: Path) -> None:
    with nginx(tmp_path, server.url.removeprefix("http://"), "") as place:
        prepared(page, bundle, place)
        assert page.evaluate("(url) => relay.websocketOpens(url)", f"ws://{server.url.removeprefix('http://')}/ws")
        assert not page.evaluate("(url) => relay.websocketOpens(url)", f"ws://{place}/ws")
        assert whole_session(page, place) is False


def test_no_timer_is_needed_to_notice_that_the_stream_is_held_back(
    page: Page, server: Server, bundle: str, tmp_path: Path
) -> None:
    with nginx(tmp_path, server.url.removeprefix("http://"), HOLDS) as place:
        prepared(page, bundle, place)
        page.evaluate("() => { window.setTimeout = window.setInterval = () => 0; }")
        assert whole_session(page, place) is True
        assert whole_session(page, place) is True
