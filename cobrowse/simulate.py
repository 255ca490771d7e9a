"""Faults on purpose, for diagnosis: what `?simulate=` on a viewer's page asks of the server.

Only under `demo` or `debug`. Its other half is `client/src/viewer/simulate.ts`; what each fault should look like is in
`docs/delivery.md`.
"""

from __future__ import annotations

import asyncio
import math
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from .close_codes import CloseCode
from .connection import MIN_ROOM, Connection, clock
from .errors import Rejected
from .hub import Hub
from .outputs import BROADCASTER
from .records import MAX_MESSAGE
from .settings import Settings

BY_THE_SERVER: Final = ("kill-relay", "silence-relay", "kill-visitor", "server-restart", "slow")
BY_THE_PAGE: Final = ("kill-direct", "silence-direct", "switch", "force-websocket", "force-webrtc", "force-http")
FAULTS: Final = tuple(sorted(BY_THE_SERVER + BY_THE_PAGE))
SLOW_BYTES_A_SECOND: Final = 32_768
"""One message, of `MIN_ROOM` at the most, takes half a second: far less than what a viewer takes for silence."""
SILENT_MS: Final = 10_000


def refusal(settings: Settings, fault: str) -> Response | None:
    """Why a viewer's page is not opened with that fault; None when it is."""
    if not (settings.demo or settings.debug):
        text = (
            "simulate= breaks things on purpose and is off here; run `cobrowse serve --demo` or set COBROWSE_DEBUG=true"
        )
        return PlainTextResponse(f"{text}\n", 403)
    if fault not in FAULTS:
        return PlainTextResponse(f"there is no simulate={fault[:40]}; there are {', '.join(FAULTS)}\n", 404)
    return None


class Held:
    """Takes the place of a connection's `take` and `take_volatile`: silent at first, then so many bytes a second."""

    def __init__(self, connection: Connection, silent_ms: float, bytes_a_second: float) -> None:
        self._take = connection.take
        self._take_volatile = connection.take_volatile
        self._ready = connection.ready
        self._bytes_a_ms = bytes_a_second / 1_000
        self._free_at = clock()
        self._wait(silent_ms)

    def __call__(self, limit: int = MAX_MESSAGE, volatile: bool = True) -> bytes:
        if clock() < self._free_at:
            return b""
        message = self._take(min(limit, MIN_ROOM), volatile)
        if message:
            self._wait(len(message) / self._bytes_a_ms)
        return message

    def volatile(self, limit: int = MAX_MESSAGE) -> bytes:
        """Where they have a channel of their own."""
        return b"" if clock() < self._free_at else self._take_volatile(limit)

    def _wait(self, ms: float) -> None:
        self._free_at = clock() + ms
        asyncio.get_running_loop().call_later(ms / 1_000 + 0.001, self._ready.set)


def routes(hub: Hub) -> list[Route]:
    """`POST /simulate/{fault}`, with the token of a viewer: what is broken is that viewer's session, or the server."""

    async def simulate(request: Request) -> Response:
        fault = request.path_params["fault"]
        if fault not in BY_THE_SERVER:
            return PlainTextResponse(f"the server has no fault {fault[:40]!r}", 404)
        try:
            asking = hub.tokens.verify_viewer(request.headers.get("authorization", "").removeprefix("Bearer "))
        except Rejected as error:
            return PlainTextResponse(error.reason, 401)
        if fault == "server-restart":
            hub.restart()
            return Response(status_code=204)
        connection = hub.connection_of(asking.session, BROADCASTER if fault == "kill-visitor" else asking.viewer)
        if connection is None:
            return PlainTextResponse("it is not connected now", 409)
        if fault in ("kill-relay", "kill-visitor"):
            connection.close(CloseCode.SILENT, f"cut by simulate={fault}")
        else:
            silent, rate = (SILENT_MS, math.inf) if fault == "silence-relay" else (0, SLOW_BYTES_A_SECOND)
            held = Held(connection, silent, rate)
            connection.take, connection.take_volatile = held, held.volatile  # type: ignore[method-assign]
        return Response(status_code=204)

    return [Route("/simulate/{fault}", simulate, methods=["POST"])]
