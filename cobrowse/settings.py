"""Settings: environment variables `COBROWSE_*`, or a TOML file; the environment wins.

With none the server runs for localhost only: a secret is made and kept, and pages of this machine may be shared.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableSource

from . import turn
from .errors import SettingsError
from .fields import CAPABILITIES, Capability, IceServer, PathPolicy
from .privacy import SitePrivacy
from .session import Limits

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
LOCAL_ORIGINS = [f"{scheme}://{host}:*" for scheme in ("http", "https") for host in LOOPBACK]


class Site(BaseModel):
    """A site whose pages may be shared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The script tag's `data-site`.")]
    name: Annotated[str, Field(max_length=64, description="Shown to agents. Default: the key.")] = ""
    origins: Annotated[list[str], Field(description="Exact origins of its pages, such as `https://shop.example`.")]
    path: Annotated[PathPolicy, Field(description="How frames may reach viewers.")] = "auto"
    consent: Annotated[
        Literal["ask", "granted"],
        Field(description="Whether a page may say that the visitor has already agreed to be seen."),
    ] = "ask"
    assets: Annotated[
        Literal["none", "site"] | list[str],
        Field(description="From where a viewer may load pictures, fonts and style sheets."),
    ] = "site"
    capabilities: Annotated[list[Capability], Field(description="The most that a visitor can grant.")] = list(
        CAPABILITIES
    )
    privacy: Annotated[SitePrivacy, Field(description="What is hidden of its pages, whatever they show.")] = (
        SitePrivacy()
    )

    @field_validator("origins")
    @classmethod
    def _exact(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            parts = urlsplit(origin.removesuffix(":*"))
            exact = f"{parts.scheme}://{parts.netloc}"
            if parts.scheme not in ("http", "https") or not parts.netloc or exact != origin.removesuffix(":*"):
                raise ValueError(f"{origin!r} is no origin; write scheme, host and port, such as https://shop.example")
            if "*" in exact or (origin.endswith(":*") and parts.netloc not in LOOPBACK):
                raise ValueError(f"{origin!r}: only a port of this machine's own names may be *")
        return origins

    def allows(self, origin: str | None) -> bool:
        """Whether pages of that origin (as browsers send it) belong to the site."""
        if origin is None:
            return False
        if origin in self.origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
        return f"{parts.scheme}://{host}:*" in self.origins

    def asset_origins(self, seen: set[str]) -> list[str]:
        """From where a viewer may load what belongs to a page; `seen` are the origins of the session's pages."""
        if self.assets == "none":
            return []
        if self.assets == "site":
            return sorted({origin for origin in self.origins if not origin.endswith("*")} | seen)
        return list(self.assets)


def local_site(key: str, public_url: str, **policy: Any) -> Site:
    """A site for pages of this machine, and those that the server itself serves."""
    public = urlsplit(public_url)
    own = f"{public.scheme}://{public.netloc}"
    return Site(key=key, name=key.title(), origins=[*LOCAL_ORIGINS, own], **policy)


class Settings(BaseSettings):
    """All settings, each with its default."""

    model_config = SettingsConfigDict(env_prefix="COBROWSE_", extra="ignore", frozen=True)

    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535, description="Port to listen on.")] = 8080
    public_url: Annotated[str, Field(description="Where browsers reach the server. Default: from host and port.")] = ""
    secret: Annotated[str, Field(description="Signs tokens; at least 32 characters. Default: made and kept.")] = ""
    sites: Annotated[list[Site], Field(description="Whose pages may be shared. Default: `local`, this machine's.")] = []
    ice_servers: Annotated[list[IceServer], Field(description="STUN and TURN servers given to browsers.")] = []
    demo: Annotated[bool, Field(description="Serve the demo shop at /demo/, as the site `demo`.")] = False
    debug: Annotated[
        bool, Field(description="Let `?simulate=` on a viewer's page break things on purpose; not in production.")
    ] = False
    pending_timeout: Annotated[
        float, Field(gt=0, description="Seconds until a session ends that nobody was let into.")
    ] = 1_200
    idle_timeout: Annotated[float, Field(gt=0, description="Seconds until a session ends that nobody watches.")] = 1_800
    away_timeout: Annotated[
        float, Field(gt=0, description="Seconds until a session ends whose visitor is away, unless that was expected.")
    ] = 60
    longest: Annotated[float, Field(gt=0, description="Seconds that a session may last in all.")] = 28_800
    turn_urls: Annotated[
        list[str],
        Field(description="TURN servers that share `turn_secret`; credentials are made for each participant."),
    ] = []
    turn_secret: Annotated[str, Field(description="The secret shared with the TURN servers.")] = ""
    turn_ttl: Annotated[
        int, Field(ge=60, le=86_400, description="Seconds in which TURN credentials can be put to use.")
    ] = 600
    ice_policy: Annotated[
        Literal["all", "relay"], Field(description="`relay`: browsers use TURN alone, and show no address of theirs.")
    ] = "all"
    webrtc: Annotated[bool, Field(description="Answer participants that want the relay by WebRTC.")] = True
    webrtc_peers: Annotated[int, Field(ge=1, description="The most WebRTC connections to this server.")] = 200
    webrtc_private: Annotated[
        bool, Field(description="Send to private addresses that participants name as their own.")
    ] = False
    webrtc_public_ip: Annotated[
        str, Field(description="The address by which the server is reached through a 1:1 NAT.")
    ] = ""

    trusted_proxies: Annotated[
        list[str], Field(description="Addresses of reverse proxies whose X-Forwarded-For is believed.")
    ] = []
    address_connections: Annotated[int, Field(ge=1, description="The most connections from one address.")] = 2_000
    address_rate: Annotated[float, Field(gt=0, description="New connections a second from one address.")] = 100
    site_connections: Annotated[int, Field(ge=1, description="The most connections on one site.")] = 10_000
    site_rate: Annotated[float, Field(gt=0, description="New sessions a second on one site.")] = 50
    revoked: Annotated[
        Path | None, Field(description="The file of revoked logins. Default: in the user's state folder.")
    ] = None

    def __init__(self, config: Path | None = None, **values: Any) -> None:
        try:
            _source.path = config
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_said(error)) from None
        except UnreadableSource as error:
            raise SettingsError(f"COBROWSE_*: {error}; lists are written as JSON") from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{config}: not TOML: {error}") from None
        finally:
            _source.path = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = [TomlConfigSettingsSource(settings_cls, _source.path)] if _source.path else []
        return (init_settings, env_settings, *file)

    @field_validator("secret")
    @classmethod
    def _long(cls, secret: str) -> str:
        if secret and len(secret) < 32:
            raise ValueError("a secret needs at least 32 characters; leave it out and one is made and kept")
        return secret

    @field_validator("turn_urls")
    @classmethod
    def _turn(cls, urls: list[str]) -> list[str]:
        return [turn.checked(url) for url in urls]

    @field_validator("ice_servers")
    @classmethod
    def _ice(cls, servers: list[IceServer]) -> list[IceServer]:
        return [turn.usable(server) for server in servers]

    @field_validator("webrtc_public_ip")
    @classmethod
    def _literal(cls, address: str) -> str:
        return str(ip_address(address)) if address else ""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: list[str]) -> list[str]:
        return [str(ip_network(proxy)) for proxy in proxies]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.turn_urls and not self.turn_secret:
            raise ValueError("COBROWSE_TURN_SECRET is missing: COBROWSE_TURN_URLS needs the TURN server's secret")
        if self.turn_secret and not self.turn_urls:
            raise ValueError("COBROWSE_TURN_URLS is missing: COBROWSE_TURN_SECRET says of no server whose it is")
        known = any(url.startswith(("turn:", "turns:")) for server in self.ice_servers for url in server.urls)
        if self.ice_policy == "relay" and not self.turn_urls and not known:
            raise ValueError("COBROWSE_ICE_POLICY: 'relay' needs a TURN server; set COBROWSE_TURN_URLS")
        return self

    def ice_servers_for(self, participant: str, now_s: float) -> list[IceServer]:
        """The STUN and TURN servers for one participant, at that Unix time; its TURN credentials are its own."""
        if not self.turn_urls:
            return self.ice_servers
        own = turn.ice_server(self.turn_urls, self.turn_secret, participant, self.turn_ttl, now_s)
        return [*self.ice_servers, own]

    @property
    def limits(self) -> Limits:
        """How long a session may stay in a state."""
        return Limits(
            pending_ms=self.pending_timeout * 1_000,
            idle_ms=self.idle_timeout * 1_000,
            away_ms=self.away_timeout * 1_000,
            active_ms=self.longest * 1_000,
        )

    @property
    def revoked_file(self) -> Path:
        """Where revoked logins are listed."""
        return self.revoked or state_folder() / "revoked"

    @property
    def url(self) -> str:
        """Where browsers reach the server, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        host = "localhost" if host in ("0.0.0.0", "[::]") else host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def known_sites(self) -> dict[str, Site]:
        """The sites by key, with `demo` under `--demo`, and `local` when there would be none."""
        sites = {site.key: site for site in self.sites}
        if self.demo:
            sites.setdefault("demo", local_site("demo", self.url, consent="granted"))
        return sites or {"local": local_site("local", self.url)}


def _said(error: ValidationError) -> str:
    """What is wrong, by the setting's name; what was given is repeated where it cannot hold a secret."""
    first = error.errors(include_url=False, include_context=False)[0]
    if not first["loc"]:
        return first["msg"].removeprefix("Value error, ")
    path = [str(part) for part in first["loc"]]
    given = first.get("input")
    secret = isinstance(given, dict) or any("secret" in part or "credential" in part for part in path)
    got = "" if secret else f" (got {given!r:.80})"
    return f"COBROWSE_{'.'.join(path).upper()}: {first['msg']}{got}"


class _Source:
    path: Path | None = None


_source = _Source()


def state_folder() -> Path:
    """Where this user's server keeps what it has to know after a restart."""
    return platformdirs.user_state_path("cobrowse")


def kept_secret(folder: Path | None = None) -> str:
    """The secret kept in the user's state folder (mode 0600), made at the first call.

    Raises SettingsError when it can be neither read nor written.
    """
    path = (folder or state_folder()) / "secret"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            secret = path.read_text().strip()
            if len(secret) < 32:
                raise SettingsError(f"{path} holds no secret; remove the file and one is made") from None
            return secret
        with os.fdopen(descriptor, "w") as file:
            secret = secrets.token_urlsafe(48)
            file.write(secret)
        return secret
    except OSError as error:
        raise SettingsError(f"the secret cannot be kept in {path}: {error}; set COBROWSE_SECRET") from error
