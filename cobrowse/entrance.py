"""Who may come in now: which pages may connect at all, how many and how fast, and by which code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from .codes import Codes
from .connection import Connection
from .errors import Busy
from .limits import Guesses, Turnstile
from .settings import Settings, Site
from .tokens import Agent


class Entrance:
    """The limits of one server, and the codes of its sessions."""

    def __init__(self, settings: Settings, sites: Mapping[str, Site]) -> None:
        self.public_url = settings.public_url
        self.sites = sites
        self.codes = Codes()
        self.guesses = Guesses()
        self.turnstile = Turnstile(
            settings.address_connections, settings.address_rate, settings.site_connections, settings.site_rate
        )

    def welcomes(self, origin: str | None, host: str) -> bool:
        """Whether a page of that origin may connect at all: those of a site may, and our own, which have it as `Host`.

        Who somebody is does not follow from that; `hello` says it.
        """
        if origin is None:
            return False
        if self.public_url:
            public = urlsplit(self.public_url)
            own = [f"{public.scheme}://{public.netloc}"]
        else:
            own = [f"{scheme}://{host}" for scheme in ("http", "https")]
        return origin in own or any(site.allows(origin) for site in self.sites.values())

    def connected(self, connection: Connection, now: float) -> None:
        """A link has opened; it is closed when there are too many."""
        try:
            self.turnstile.connect(connection.address, now)
        except Busy as busy:
            connection.close(busy.code, busy.reason)

    def lost(self, connection: Connection) -> None:
        """The link is gone."""
        self.turnstile.lost(connection.address)
        if connection.site is not None:
            self.turnstile.left(connection.site)

    def enter(self, connection: Connection, site: Site) -> None:
        """It is about to take part in a session of the site. Raises Busy."""
        self.turnstile.enter(site.key)
        connection.site = site.key

    def session_by_code(
        self, code: str, agent: Agent, address: str, site_of: Callable[[str], Site], now: float
    ) -> str | None:
        """The id of the session with that code, however it was typed. Raises Busy after too many wrong ones."""
        who = (address, agent.login.sub, [site for site in self.sites if agent.policy.allows_site(site)], now)
        self.guesses.check(*who)
        session = self.codes.find(code, now)
        if session is None or not agent.policy.allows(site_of(session).key, session):
            self.guesses.missed(*who)
            return None
        self.codes.use(session)
        return session
