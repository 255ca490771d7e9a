"""Clients that never read: a window of zero for the server, by WebSocket and by a streaming answer."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from playwright.sync_api import Browser

from cobrowse.records import packed

from ..bench.sockets import framed
from ..e2e.rig import Visit, until
from .held import TELLING, freed, settled
from .process import sockets
from .roads import Local, Record, local

BUFFER: Final = 2_048
WITHIN_MS: Final = 60_000
HELLO: Final = {"type": "hello", "role": "viewer", "wire": 1, "log": 1}
SUBSCRIBE: Final = {"type": "subscribe", "id": 1, "position": None}


def said(here: Local, visit: Visit) -> bytes:
    """The first words of a viewer that has the link, and is let in."""
    session, _, secret = visit.link.partition("/v/")[2].partition("#")
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"auth").derive(secret.encode())
    return packed({**HELLO, "session": session, "proof": key}) + packed(SUBSCRIBE)


def connected(here: Local, buffer: int = BUFFER) -> socket.socket:
    parts = urlsplit(here.server.url)
    for family, kind, _, _, address in socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM):
        made = socket.socket(family, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        made.settimeout(10)
        try:
            made.connect(address)
        except OSError:
            made.close()
            continue
        return made
    raise ConnectionError(f"nothing listens at {here.server.url}")


def by_websocket(here: Local, words: bytes) -> socket.socket:
    """One that has said hello, and reads nothing after the handshake."""
    client = connected(here)
    lines = (f"Origin: {here.server.url}", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    client.sendall("\r\n".join(["GET /ws HTTP/1.1", f"Host: {host(here)}", *lines, key, "", ""]).encode())
    assert b" 101 " in client.recv(512)
    client.sendall(framed(words))
    return client


def by_http(here: Local, words: bytes) -> socket.socket:
    """One that has asked for a stream, and reads nothing after its head."""
    opened = answer(here, "POST /http", b"")
    id = opened.rpartition(b"\r\n\r\n")[2].decode()
    client = connected(here)
    client.sendall(f"GET /http/{id}/0 HTTP/1.1\r\nHost: {host(here)}\r\n\r\n".encode())
    assert b" 200 " in client.recv(64)
    assert b" 204 " in answer(here, f"POST /http/{id}/0", words)
    return client


def answer(here: Local, request: str, body: bytes) -> bytes:
    with connected(here, 65_536) as client:
        lines = (
            f"Host: {host(here)}",
            f"Origin: {here.server.url}",
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
        client.sendall("\r\n".join([f"{request} HTTP/1.1", *lines, "", ""]).encode() + body)
        whole = b""
        while chunk := client.recv(65_536):
            whole += chunk
        return whole


def host(here: Local) -> str:
    return here.server.url.partition("//")[2]


@pytest.mark.parametrize("opened", [by_websocket, by_http])
def test_who_never_reads_is_let_go(
    browser: Browser, opened: Callable[[Local, bytes], socket.socket], tmp_path: Path, record_property: Record
) -> None:
    """Criterion: the server has no socket to it any more, its files and tasks are as many as before, and the visitor is
    told that it has left. Goal for what is recorded: the socket within 10 s."""
    told = tmp_path / "tasks"
    with local(browser, program=TELLING, SOAK_TASKS=str(told)) as here:
        # A change to WebRTC, which a busy page may make, would be tasks of the visitor's.
        options = "{ consent: 'granted', path: 'relay', transport: 'websocket' }"
        visit = here.desk.visit(f"{here.pages}/bulk.html", options)
        port = int(host(here).rpartition(":")[2])
        base = settled(here.server, told, visit.page)
        with opened(here, said(here, visit)) as client:
            began = monotonic()
            peer = client.getsockname()[1]
            # While the page has nothing else to do: who says nothing any more is not there for long.
            until(visit.page, "Cobrowse.session.viewers.length === 1")
            visit.page.evaluate("window.start(2)")
            held = 0
            while here_are := [one for one in sockets(port, peer) if one[1]]:
                held = max(held, *(waiting for waiting, _ in here_are))
                visit.page.evaluate("new Promise((resolve) => setTimeout(resolve, 50))")
                assert monotonic() - began < WITHIN_MS / 1_000, "the server still holds the socket"
            took = monotonic() - began
            until(visit.page, "Cobrowse.session.viewers.length === 0", WITHIN_MS)
            gone = monotonic() - began
            visit.page.evaluate("window.stop()")
            assert held > 0, "something was to wait for it"
            whole = freed(here.server, told, visit.page, base, began)
        name = opened.__name__.replace("_", " ")
        text = f"{took:.1f}; the visitor is told after {gone:.1f}; all after {whole:.1f}: {base} as before"
        record_property(f"{name}, freed after, s", text)
        record_property(f"{name}, most that waited in the socket, bytes", held)
