"""All that the pages of a browser context send: by WebSocket, by data channel, in requests; decoded and searched."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Request, WebSocket

from cobrowse.leaks import Finder, Leak
from cobrowse.records import Frame, Part, decode
from cobrowse.search import Search
from cobrowse.told import Reader, Told
from cobrowse.transports.check import CHECK_SIZE, WORD

HOOK: Final = """{
  const { send } = RTCDataChannel.prototype;
  const channels = new Map();
  RTCDataChannel.prototype.send = function (message) {
    if (!channels.has(this)) channels.set(this, `${Math.random()}`);
    const bytes = ArrayBuffer.isView(message)
      ? new Uint8Array(message.buffer, message.byteOffset, message.byteLength)
      : new TextEncoder().encode(message);
    const text = Array.from(bytes, (one) => String.fromCharCode(one)).join("");
    globalThis.sentByChannel(channels.get(this), btoa(text));
    return send.call(this, message);
  };
}"""
"""Tells of what is sent by data channels, which no tool shows."""


class Sent:
    """Hears a context from before its first page."""

    def __init__(self, context: BrowserContext, server: str, own: bool = False) -> None:
        """`own`: the pages are the server's own, which gets their addresses and what they load anyway."""
        self.channels: set[str] = set()
        self._server = server
        self._items: list[Any] = []
        self._requests: list[Request] = []
        context.expose_binding("sentByChannel", lambda _, channel, data: self._channel(channel, data))
        context.add_init_script(HOOK)
        context.on("page", lambda page: page.on("websocket", self._socket))
        if not own:
            context.on("request", self._requested)

    def told(self) -> list[Told]:
        """All that was sent by any transport: a log may be begun on one and carried on on another."""
        frames: dict[tuple[int, int], Frame] = {}
        parts: dict[tuple[int, int, int], Part] = {}
        told = []
        for item in self._items:
            if isinstance(item, Frame):
                assert frames.setdefault((item.epoch, item.seq), item) == item
            elif isinstance(item, Part):
                assert parts.setdefault((item.epoch, item.id, item.part), item) == item
            else:
                told.append(Told("message", item))
        reader = Reader()
        for _, record in [*sorted(parts.items()), *sorted(frames.items())]:
            told += reader.take(record)
        return told + reader.rest

    def leaks(self, secrets: Sequence[str]) -> list[Leak]:
        """Those of the secrets that were sent, and where."""
        finder = Finder(Search(secrets))
        finder.look(self.told())
        for request in self._requests:
            said = {"address": request.url.partition("#")[0], "headers": dict(request.headers)}
            finder.look([Told(f"request of {urlsplit(request.url).path}", {**said, "body": request.post_data_buffer})])
        return finder.leaks

    @property
    def text(self) -> str:
        """All that was told, to be searched for what should be there."""
        return json.dumps([told.value for told in self.told()], default=repr)

    def _socket(self, socket: WebSocket) -> None:
        if self._is_server(f"http{socket.url.removeprefix('ws')}"):
            socket.on("framesent", partial(self._framed, urlsplit(socket.url).query == WORD))

    def _framed(self, checked: bool, message: bytes | str) -> None:
        assert isinstance(message, bytes)
        self._items += decode(message[:-CHECK_SIZE] if checked else message)

    def _channel(self, channel: str, data: str) -> None:
        self.channels.add(channel)
        self._items += decode(b64decode(data))

    def _requested(self, request: Request) -> None:
        if self._is_server(request.url):
            self._requests.append(request)

    def _is_server(self, address: str) -> bool:
        return address.startswith(f"{self._server}/")
