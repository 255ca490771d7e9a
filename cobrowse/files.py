"""The built browser files, as small as the browser takes them: `client/build.mjs` has compressed each script before."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from . import headers

ENDINGS: Final = {"br": ".br", "gzip": ".gz"}
"""What a file ends with that is compressed so, the smallest first."""


class BrowserFiles(StaticFiles):
    """Loaded by pages of any origin, checked again at each use."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        accepted = codings(Headers(scope=scope).get("accept-encoding", ""))
        for coding in (one for one in ENDINGS if one in accepted):
            try:
                response = await super().get_response(path + ENDINGS[coding], scope)
            except HTTPException:
                continue
            response.headers["Content-Encoding"] = coding
            return response
        return await super().get_response(path, scope)

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(headers.FILE)
        response.headers["Vary"] = "Accept-Encoding"
        return response


class DemoFiles(StaticFiles):
    """The demo shop."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        # Also on a 304: what it says takes the place of what the browser has kept.
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(headers.DEMO)
        return response


def codings(accepted: str) -> set[str]:
    """The codings that an Accept-Encoding header names, but for those that it refuses (RFC 9110, section 12.5.3)."""
    named = (one.replace(" ", "").lower().split(";") for one in accepted.split(","))
    return {name for name, *weight in named if not (weight and weight[0].rstrip("0.") == "q=")}
