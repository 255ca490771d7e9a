"""Signed tokens: a role comes from one of these alone.

JWT (RFC 7519) by HS256 with the server's secret. Each kind has its own audience, so that none passes for another.
Text: `docs/tokens.md`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .close_codes import CloseCode
from .errors import Rejected
from .fields import Id, Role
from .revocations import Login, Revocations

ISSUER: Final = "cobrowse"
SESSION_TTL_S: Final = 9 * 3_600
"""Tokens of a session outlive the longest session by a little."""
LEEWAY_S: Final = 10
"""How far the clock of a backend that mints tokens may be ahead of ours. What has expired has expired."""
MAX_NAME: Final = 64

Ids = Annotated[list[Id], Field(max_length=256)]


class Policy(BaseModel):
    """Which sites and sessions an agent may see; None is any. A field that it does not know is refused: a typo."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    sites: Ids | None = None
    sessions: Ids | None = None

    def allows(self, site: str, session: str) -> bool:
        """Whether that session, of that site, may be seen."""
        return self.allows_site(site) and (self.sessions is None or session in self.sessions)

    def allows_site(self, site: str) -> bool:
        return self.sites is None or site in self.sites


ANYTHING: Final = Policy()


@dataclass(frozen=True)
class Agent:
    """Who has logged in, and what it may see. `subject` stands for the token's `sub`."""

    name: str
    policy: Policy
    login: Login
    subject: str = ""


@dataclass(frozen=True)
class Watching:
    """A viewer that was in a session before; an agent with which one it is, and the login that it came by."""

    session: str
    viewer: str
    name: str
    role: Role
    subject: str = ""
    login: Login | None = None


@dataclass(frozen=True)
class Broadcasting:
    """The broadcaster of a session; enough to bring the session back on a server that has forgotten it."""

    session: str
    site: str
    code: str


class Tokens:
    """Makes and verifies tokens. `verify_*` raise Rejected with what was wrong."""

    def __init__(self, secret: str, revocations: Revocations | None = None) -> None:
        self._secret = secret
        self.revocations = revocations or Revocations()

    def agent(self, name: str, policy: Policy = ANYTHING, ttl_s: float = 24 * 3_600, sub: str | None = None) -> str:
        """A login for an agent; `sub` tells it from others of the same name."""
        claims = {"sub": sub or name, "displayName": name, "role": "agent", "jti": secrets.token_urlsafe(12)}
        return self._sign("agent", claims | {"policy": policy.model_dump(exclude_none=True)}, ttl_s)

    def viewer(self, watching: Watching) -> str:
        """For a viewer to come back with."""
        claims = {"sub": watching.viewer, "displayName": watching.name, "role": watching.role}
        login = watching.login and [watching.login.sub, watching.login.jti, watching.login.issued]
        more = {"session": watching.session, "subject": watching.subject, "login": login}
        return self._sign("viewer", claims | more, SESSION_TTL_S)

    def broadcaster(self, broadcasting: Broadcasting) -> str:
        """For a broadcaster to carry on its session with."""
        claims = {"sub": broadcasting.session, "site": broadcasting.site, "code": broadcasting.code}
        return self._sign("broadcaster", claims, SESSION_TTL_S)

    def verify_agent(self, token: str) -> Agent:
        claims = self._verify("agent", token)
        if claims.get("role") != "agent":
            raise _refused("its role must be 'agent'")
        try:
            policy = Policy.model_validate(claims.get("policy", {}))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(["policy", *(str(part) for part in first["loc"])])
            raise _refused(f"{where[:80]}: {first['msg']}") from None
        login = Login(claims["sub"], claims.get("jti"), float(claims["iat"]))
        return Agent(self._name(claims), policy, self._standing(login), self._subject(claims["sub"]))

    def verify_viewer(self, token: str) -> Watching:
        claims = self._verify("viewer", token)
        role: Literal["agent", "guest"] = "agent" if claims.get("role") == "agent" else "guest"
        login = self._standing(Login(*claims["login"])) if claims.get("login") else None
        subject = str(claims.get("subject", ""))
        return Watching(str(claims["session"]), claims["sub"], self._name(claims), role, subject, login)

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

    def _standing(self, login: Login) -> Login:
        if self.revocations.covers(login):
            raise Rejected(CloseCode.UNAUTHORIZED, "this login was revoked; ask for a new one")
        return login

    def _name(self, claims: dict[str, Any]) -> str:
        name = claims.get("displayName", claims["sub"])
        if not isinstance(name, str):
            raise _refused("its displayName must be a string")
        return (name or str(claims["sub"]))[:MAX_NAME]

    def _sign(self, audience: str, claims: dict[str, Any], ttl_s: float) -> str:
        now = int(time.time())
        times = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + int(ttl_s)}
        return jwt.encode({key: value for key, value in (claims | times).items() if value is not None}, self._secret)

    def _verify(self, audience: str, token: str) -> dict[str, Any]:
        try:
            claims = jwt.decode(
                token,
                self._secret,
                # Nothing in the token says how it is checked: not `alg`, nor `kid`, `jku`, `jwk` or `x5u`.
                algorithms=["HS256"],
                audience=audience,
                issuer=ISSUER,
                leeway=LEEWAY_S,
                # Our own are never of the future: it is our clock that was set back, and the session goes on.
                options={
                    "require": ["exp", "iat", "sub", "aud", "iss"],
                    "strict_aud": True,
                    "verify_iat": audience == "agent",
                },
            )
        except jwt.ExpiredSignatureError:
            raise _expired() from None
        except jwt.InvalidTokenError as error:
            raise _refused(str(error)) from None
        if int(claims["exp"]) <= time.time():
            raise _expired()
        return claims


def id_of(token: str) -> str | None:
    """The `jti` of a token, not verified: enough to revoke it."""
    try:
        id = jwt.decode(token, options={"verify_signature": False}).get("jti")
    except jwt.InvalidTokenError:
        return None
    return id if isinstance(id, str) else None


def _expired() -> Rejected:
    return Rejected(CloseCode.UNAUTHORIZED, "the token has expired; log in again")


def _refused(why: str) -> Rejected:
    return Rejected(CloseCode.UNAUTHORIZED, f"the token is not valid here: {why}")


def seconds(text: str) -> float:
    """A duration such as `45s`, `30m`, `1h`, `7d`, in seconds. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if match is None:
        raise ValueError(f"expected a duration such as 45s, 30m, 1h or 7d, got {text!r}")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[match[2]]
