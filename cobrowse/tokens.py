"""Signed tokens: a role comes from one of these alone.

JWT (RFC 7519) by HS256 with the server's secret. Each kind has its own audience, so that none passes for another.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from typing import Any, Final, Literal

import jwt

from .close_codes import CloseCode
from .errors import Rejected
from .fields import Role

ISSUER: Final = "cobrowse"
SESSION_TTL_S: Final = 9 * 3_600
"""Tokens of a session outlive the longest session by a little."""


@dataclass(frozen=True)
class Agent:
    """Who has logged in. `session` limits it to one session; None is any. `subject` stands for the token's `sub`."""

    name: str
    session: str | None
    subject: str = ""


@dataclass(frozen=True)
class Watching:
    """A viewer that was in a session before; `subject` is which agent, or ""."""

    session: str
    viewer: str
    name: str
    role: Role
    subject: str = ""


@dataclass(frozen=True)
class Broadcasting:
    """The broadcaster of a session; enough to bring the session back on a server that has forgotten it."""

    session: str
    site: str
    code: str


class Tokens:
    """Makes and verifies tokens. `verify_*` raise Rejected with what was wrong."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def agent(self, name: str, session: str | None = None, ttl_s: float = 24 * 3_600) -> str:
        """A login for an agent."""
        claims = {"sub": name, "displayName": name, "role": "agent", "session": session}
        return self._sign("agent", claims, ttl_s)

    def viewer(self, watching: Watching) -> str:
        """For a viewer to come back with."""
        claims = {"sub": watching.viewer, "displayName": watching.name, "role": watching.role}
        more = {"session": watching.session, "subject": watching.subject}
        return self._sign("viewer", claims | more, SESSION_TTL_S)

    def broadcaster(self, broadcasting: Broadcasting) -> str:
        """For a broadcaster to carry on its session with."""
        claims = {"sub": broadcasting.session, "site": broadcasting.site, "code": broadcasting.code}
        return self._sign("broadcaster", claims, SESSION_TTL_S)

    def verify_agent(self, token: str) -> Agent:
        claims = self._verify("agent", token)
        name = str(claims.get("displayName") or claims["sub"])[:64]
        return Agent(name, claims.get("session"), self._subject(claims["sub"]))

    def verify_viewer(self, token: str) -> Watching:
        claims = self._verify("viewer", token)
        role: Literal["agent", "guest"] = "agent" if claims.get("role") == "agent" else "guest"
        subject = str(claims.get("subject", ""))
        return Watching(str(claims["session"]), claims["sub"], str(claims["displayName"]), role, subject)

    def verify_broadcaster(self, token: str) -> Broadcasting:
        claims = self._verify("broadcaster", token)
        return Broadcasting(claims["sub"], claims["site"], claims["code"])

    def audience(self, token: str) -> str | None:
        """The kind that a token claims to be, not verified: to choose which `verify_*` to call."""
        try:
            audience = jwt.decode(token, options={"verify_signature": False}).get("aud")
        except jwt.InvalidTokenError:
            return None
        return audience if isinstance(audience, str) else None

    def _subject(self, sub: str) -> str:
        """What a visitor's page knows an agent by, across sessions and tokens: it need not know the `sub` itself."""
        return hmac.new(self._secret.encode(), b"subject " + sub.encode(), hashlib.sha256).hexdigest()[:32]

    def _sign(self, audience: str, claims: dict[str, Any], ttl_s: float) -> str:
        now = int(time.time())
        times = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + int(ttl_s)}
        return jwt.encode({key: value for key, value in (claims | times).items() if value is not None}, self._secret)

    def _verify(self, audience: str, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                audience=audience,
                issuer=ISSUER,
                options={"require": ["exp", "sub", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError:
            raise Rejected(CloseCode.UNAUTHORIZED, "the token has expired; log in again") from None
        except jwt.InvalidTokenError as error:
            raise Rejected(CloseCode.UNAUTHORIZED, f"the token is not valid here: {error}") from None


def seconds(text: str) -> float:
    """A duration such as `45s`, `30m`, `1h`, `7d`, in seconds. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if match is None:
        raise ValueError(f"expected a duration such as 45s, 30m, 1h or 7d, got {text!r}")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[match[2]]
