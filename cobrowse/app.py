"""The ASGI app: pages, browser files and the WebSocket, under any prefix of another app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import Scope

from . import headers, simulate
from .close_codes import CloseCode
from .errors import Busy, Rejected
from .files import BrowserFiles, DemoFiles
from .gate import Gate
from .hub import Hub
from .revocations import Revocations
from .settings import Settings, kept_secret
from .tokens import Tokens
from .transports.http import HttpTransport, body_of
from .transports.webrtc import WebRTCTransport
from .transports.websocket import WebSocketTransport

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
MAX_CODE: Final = 64
"""Bytes of a code as it may be typed."""

HTML: Final = """<!doctype html>
<html lang="en" data-state="connecting">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
{scripts}
</head>
<body></body>
</html>
"""


def create_app(settings: Settings | None = None) -> Starlette:
    """The server as an ASGI app.

    Mount it under a prefix of another app if you like. An outer app does not run its lifespan: use `lifespan`
    in the outer app's own, or leave it out, and the hub starts with its first connection.
    Raises SettingsError for settings that cannot be used.
    """
    settings = settings or Settings()
    tokens = Tokens(settings.secret or kept_secret(), Revocations(settings.revoked_file))
    hub = Hub(settings, tokens)
    hub.peers = WebRTCTransport(hub)
    files = BrowserFiles(directory=STATIC, check_dir=False)
    routes: list[BaseRoute] = [
        WebSocketRoute("/ws", WebSocketTransport(hub)),
        *HttpTransport(hub).routes,
        Route("/embed.js", _embed),
        Mount("/static", files),
        Route("/v/{session}", _viewer),
        Route("/preview/{session}", _preview),
        Route("/join", _join_page, methods=["GET"]),
        Route("/join", _join, methods=["POST"]),
        Route("/login", _join_page),
        Route("/healthz", _health),
        Route("/readyz", _health),
    ]
    if settings.demo or settings.debug:
        routes += simulate.routes(hub)
    if settings.demo:
        routes += [
            Route("/", lambda request: RedirectResponse("demo/")),
            Mount("/demo", DemoFiles(directory=demo_folder(), html=True)),
        ]
    around = [Middleware(headers.Headed), Middleware(Gate, trusted_proxies=settings.trusted_proxies)]
    app = Starlette(routes=routes, lifespan=lifespan, middleware=around, exception_handlers={Exception: _failed})
    app.state.hub = hub
    app.state.files = files
    return app


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Starts the hub of a `create_app` app, and stops it: everybody is told to come back."""
    hub: Hub = app.state.hub
    hub.start()
    try:
        yield
    finally:
        await hub.stop()


def demo_folder() -> Path:
    """The demo shop: in the package when installed, else beside it in the checkout."""
    packed = HERE / "demo"
    return packed if packed.is_dir() else HERE.parent / "demo"


async def _embed(request: Request) -> Response:
    scope: Scope = {**request.scope, "path": "/embed.js", "root_path": ""}
    try:
        return await request.app.state.files.get_response("embed.js", scope)  # type: ignore[no-any-return]
    except HTTPException:
        return Response("// cobrowse: the client is not built; run `make client`\n", 503, media_type="text/javascript")


async def _viewer(request: Request) -> Response:
    hub: Hub = request.app.state.hub
    fault = request.query_params.get("simulate")
    if fault is not None and (refusal := simulate.refusal(hub.settings, fault)):
        return refusal
    assets = hub.asset_origins(request.path_params["session"])
    # What breaks things on purpose comes first: it wraps what the viewer's script uses.
    scripts = ["viewer"] if fault is None else ["simulate", "viewer"]
    return _page(scripts, "Co-browsing", "../", assets)


async def _preview(request: Request) -> Response:
    """What the page that shares the session shows in a frame of its own."""
    hub: Hub = request.app.state.hub
    session = request.path_params["session"]
    # An IPv6 address cannot be written in a policy (CSP 3, section 2.3.1): pages there have no preview.
    pages = [origin for origin in hub.page_origins(session) if "[" not in origin]
    return _page(["preview"], "What they see", "../", hub.asset_origins(session), framed_by=pages)


async def _join_page(request: Request) -> Response:
    return _page(["join"], "Join a session", "", [])


async def _join(request: Request) -> Response:
    """A logged-in agent's code for a session id."""
    hub: Hub = request.app.state.hub
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise Rejected(CloseCode.UNAUTHORIZED, "log in first: codes are for agents")
        agent = hub.tokens.verify_agent(token)
    except Rejected as error:
        return JSONResponse({"error": error.reason}, 401, headers={"WWW-Authenticate": "Bearer"})
    try:
        body = await body_of(request, MAX_CODE)
    except TimeoutError:
        return JSONResponse({"error": "the code did not come"}, 408)
    if body is None:
        return JSONResponse({"error": f"a code has at most {MAX_CODE} bytes"}, 413)
    address = request.client.host if request.client else ""
    try:
        session = hub.session_by_code(body.decode("utf-8", "replace"), agent, address)
    except Busy as busy:
        return JSONResponse({"error": busy.reason}, 429, headers={"Retry-After": str(busy.after_s)})
    if session is None:
        return JSONResponse({"error": "no session has this code now; ask for it again"}, 404)
    return JSONResponse({"session": session})


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _failed(request: Request, error: Exception) -> Response:
    """The server's own fault. It is answered outside of the middleware, so its headers are given here."""
    return PlainTextResponse("the server has failed; its log says why\n", 500, headers=headers.ANSWER)


def _page(
    scripts: list[str], title: str, base: str, assets: list[str], framed_by: list[str] | None = None
) -> HTMLResponse:
    tags = "\n".join(f'<script type="module" src="{base}static/{script}.js"></script>' for script in scripts)
    policy = headers.page_policy(assets, framed_by)
    html = HTML.format(title=title, scripts=tags)
    return HTMLResponse(html, headers={**headers.PAGE, "Content-Security-Policy": policy})
