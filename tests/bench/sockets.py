"""A WebSocket without a library: a blocking socket that says what it is given and reads what comes.

What the benchmark's clients cost must not be what it measures. Masks are zero (RFC 6455, section 5.3, allows any key),
so that nothing is copied on the way out.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from cobrowse.records import packed

BINARY: Final = 0x82
TEXT: Final = 0x81
WITHIN_S: Final = 30.0
RECEIVE_BUFFER: Final = 4_194_304


def framed(payload: bytes, opcode: int = BINARY) -> bytes:
    """One WebSocket frame of a client, with the key zero."""
    size = len(payload)
    if size < 126:
        head = bytes((opcode, 0x80 | size))
    elif size < 65_536:
        head = bytes((opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


class Closed(Exception):
    """The server has closed the connection; the text has its code and reason."""


class PlainSocket:
    """One connection, from the handshake on."""

    def __init__(self, url: str, path: str, origin: str = "") -> None:
        parts = urlsplit(url)
        self.host = f"{parts.hostname}:{parts.port}"
        self.socket = socket.socket()
        # A window that is small beside loopback's segments of 64 KiB makes the sender wait for 200 ms at a time.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.settimeout(WITHIN_S)
        self.socket.connect((parts.hostname, parts.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {self.host}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *([f"Origin: {origin}"] if origin else []),
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self._rest:
            self._read()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        if b" 101 " not in head:
            raise Closed(f"{url}{path} is no WebSocket: {head[:200]!r}")

    def say(self, payload: bytes, opcode: int = BINARY) -> None:
        self.socket.sendall(framed(payload, opcode))

    def messages(self) -> Iterator[bytes]:
        """What comes, for ever. Raises Closed at a close frame, TimeoutError after a silence."""
        while True:
            yield self.message()

    def message(self) -> bytes:
        while True:
            rest = self._rest
            if len(rest) >= 2:
                size, start = rest[1] & 0x7F, 2
                if size == 126:
                    size, start = int.from_bytes(rest[2:4], "big"), 4
                elif size == 127:
                    size, start = int.from_bytes(rest[2:10], "big"), 10
                if len(rest) >= start + size:
                    self._rest = rest[start + size :]
                    payload = rest[start : start + size]
                    if rest[0] & 0x0F == 8:
                        raise Closed(f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')}")
                    if rest[0] & 0x0F < 8:
                        return payload
                    continue
            self._read()

    def close(self) -> None:
        """Close it, also for a thread that reads."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _read(self) -> None:
        chunk = self.socket.recv(262_144)
        if not chunk:
            raise Closed("the connection was cut")
        self._rest = self._rest + chunk if self._rest else chunk


def hello(role: str, **more: Any) -> bytes:
    """The first message of a participant of the demo site, whose link has a proof of zeros."""
    message = {"type": "hello", "role": role, "wire": 1, "log": 1, "proof": bytes(32)}
    return packed(message | ({"site": "demo"} if role == "broadcaster" else {}) | more)
