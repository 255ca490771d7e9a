"""What is looked at before anything else: whose address a request has, and that no secret stands in its address."""

from __future__ import annotations

import logging
import re
from typing import Final
from urllib.parse import parse_qsl

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

logger = logging.getLogger(__name__)

OURS: Final = re.compile(r"/(ws|http|v|preview|join|login|console|api)(/|$)")
"""Addresses of this server that have to do with sessions; pages of the demo may be asked for as they like."""
NAMES: Final = frozenset(
    ["token", "access_token", "id_token", "jwt", "auth", "authorization", "secret", "proof", "code", "key", "password"]
)
TOKEN: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.")
"""How a JWT begins (RFC 7519, section 3.1)."""


class Gate:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, trusted_proxies: list[str]) -> None:
        self.app = app
        # It takes the right-most address that is not a trusted proxy's: what stands left of it anybody can write.
        self.behind = ProxyHeadersMiddleware(app, trusted_proxies)  # type: ignore[arg-type]
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif _holds_secret(scope):
            await _refuse(scope, receive, send)
        else:
            self._tell(scope)
            await self.behind(scope, receive, send)  # type: ignore[arg-type]

    def _tell(self, scope: Scope) -> None:
        """Say once that a proxy is not trusted: all who come by it count as one address."""
        client = scope["client"][0] if scope.get("client") else ""
        if self._told or client in self.behind.trusted_hosts:
            return
        if any(name == b"x-forwarded-for" for name, _ in scope["headers"]):
            self._told = True
            text = (
                "X-Forwarded-For from %.64s is not believed; if that is your proxy, name it in COBROWSE_TRUSTED_PROXIES"
            )
            logger.warning(text, client)


def _holds_secret(scope: Scope) -> bool:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    query = scope["query_string"].decode("latin1")
    if not query or not OURS.match(path):
        return False
    pairs = parse_qsl(query, keep_blank_values=True)
    return any(name.lower() in NAMES or TOKEN.search(value) or TOKEN.search(name) for name, value in pairs)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    text = "tokens, secrets and codes do not belong in a query, which logs and referrers keep; put them behind a #"
    response = PlainTextResponse(text, 400)
    await response(scope, receive, send)
