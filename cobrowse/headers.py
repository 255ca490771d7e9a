"""What answers tell browsers to refuse, by kind of answer; `docs/security.md` has the table, and a test compares it."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FEATURES: Final = (
    "accelerometer",
    "camera",
    "clipboard-read",
    "clipboard-write",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "storage-access",
    "usb",
    "window-management",
    "xr-spatial-tracking",
)
"""What browsers let pages ask for, and ours never do."""

ANSWER: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer that does not say something else."""

FILE: Final = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-cache",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""Scripts, which pages of any origin load."""

PAGE: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in FEATURES),
}
"""The viewer's and the agent's pages, and the preview; `page_policy` comes to it."""

DEMO: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": ("object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "cross-origin",
    # The bar copies the session's link.
    "Permissions-Policy": ", ".join(f"{name}=()" for name in FEATURES if name != "clipboard-write"),
}
"""The demo shop, whose pictures viewers load."""


def page_policy(assets: list[str], framed_by: list[str] | None = None) -> str:
    """The Content-Security-Policy of a page of ours. The replay inherits it: what is not from `assets` is not loaded.

    `framed_by`: the pages that may have it in a frame; then it makes no connections.
    """
    allowed = " ".join(assets)
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'unsafe-inline' {allowed}",
        "img-src": f"data: blob: {allowed}",
        "font-src": f"data: {allowed}",
        "media-src": f"data: blob: {allowed}",
        "connect-src": "'self'" if framed_by is None else "'none'",
        "frame-src": "'none'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": " ".join(framed_by or ["'none'"]),
        # Only the player's own policy makes markup: two doctypes (client/rrweb.mjs).
        "require-trusted-types-for": "'script'",
        "trusted-types": "cobrowse",
    }
    return "; ".join(f"{name} {value}".strip() for name, value in policy.items())


class Headed:
    """ASGI middleware around the whole app: no answer goes out without `ANSWER`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ANSWER.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, headed)
