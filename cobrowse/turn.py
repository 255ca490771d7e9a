"""Short-lived credentials for a TURN server that shares a secret with us. Pure: no clock, no I/O.

The scheme is that of draft-uberti-behave-turn-rest-00, which coturn calls `use-auth-secret`: the user name is the
time it expires (Unix, in s) and whose it is, the password an HMAC-SHA1 of the user name. Text: `docs/turn.md`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

from .fields import IceServer

URL: Final = re.compile(
    r"(?P<scheme>turns?):(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>\d{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?"
)
"""A TURN URI (RFC 7065, section 3.1)."""
STUN: Final = re.compile(r"stuns?:(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?")
"""A STUN URI (RFC 7064, section 3.1)."""


def checked(url: str) -> str:
    """The URL of a TURN server, as it stands. Raises ValueError, saying how one looks."""
    match = URL.fullmatch(url)
    if match is None or (match["port"] and not 0 < int(match["port"]) < 65_536):
        raise ValueError(
            f"{url!r} is no TURN URL; write turn:HOST:3478?transport=udp, turn:HOST:3478?transport=tcp "
            f"or turns:HOST:5349?transport=tcp"
        )
    if match["scheme"] == "turns" and match["transport"] == "udp":
        raise ValueError(f"{url!r}: browsers speak turns: over TCP only; write ?transport=tcp")
    return url


def usable(server: IceServer) -> IceServer:
    """The server, as it stands. Raises ValueError for one that browsers do not take: they make no connection then."""
    if not server.urls:
        raise ValueError("an ICE server has no urls")
    for url in server.urls:
        if not url.startswith("turn"):
            if not STUN.fullmatch(url):
                raise ValueError(f"{url!r} is neither a STUN nor a TURN URL; write stun:HOST:3478")
        elif not (checked(url) and server.username and server.credential):
            raise ValueError(f"{url!r} needs a username and a credential; or set COBROWSE_TURN_URLS")
    return server


def ice_server(urls: Sequence[str], secret: str, participant: str, ttl_s: int, now_s: float) -> IceServer:
    """The TURN server's `urls` with credentials for `participant`, good until `now_s` (Unix time) + `ttl_s`.

    They are looked at when a browser allocates a relayed address; what is allocated then outlives them.
    """
    username = f"{int(now_s) + ttl_s}:{participant}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return IceServer(urls=list(urls), username=username, credential=base64.b64encode(digest).decode())
