"""How often, and how many: what an address, an agent and a site may ask of this server. Pure; `now` in ms.

Memory is bounded: of addresses and agents the latest are kept. What is refused says how long to wait, in ms.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final, Generic, TypeVar

from .errors import Busy

T = TypeVar("T")

KEPT: Final = 10_000
"""Addresses, and agents, that are remembered."""
MINUTE_MS: Final = 60_000
GUESSES_EACH: Final = 5
"""Wrong codes a minute from an address, and by an agent."""
GUESSES_PER_MINUTE: Final = 60
"""Wrong codes a minute on a site."""
BURST_S: Final = 10
"""What a rate allows in so many seconds may come at once."""
FULL_MS: Final = 5_000
"""When to come back to what is full."""


def network(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 customer has. "" for what is none."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))


class Allowance:
    """`rate` a second in the long run, and `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._left = burst
        self._at: float | None = None

    def take(self, cost: float, now: float) -> bool:
        """Take `cost` if that much is left; False leaves it as it is."""
        elapsed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._left = min(self.burst, self._left + elapsed * self.rate / 1_000)
        self._at = now
        if cost > self._left:
            return False
        self._left -= cost
        return True

    def wait(self, cost: float) -> float:
        """How long after the last `take` there is that much."""
        return max(0.0, (cost - self._left) / self.rate * 1_000)


class Window:
    """At most `most` in any minute, exactly."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._times: deque[float] = deque()

    def wait(self, now: float) -> float:
        """0, or how long until one more may be noted."""
        while self._times and now - self._times[0] >= MINUTE_MS:
            self._times.popleft()
        return 0.0 if len(self._times) < self.most else self._times[0] + MINUTE_MS - now

    def note(self, now: float) -> None:
        self._times.append(now)


class Latest(Generic[T]):
    """One of something for each of the latest keys; the one that was not asked for longest goes."""

    def __init__(self, make: Callable[[], T], most: int = KEPT) -> None:
        self._make = make
        self._most = most
        self._held: OrderedDict[str, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def __getitem__(self, key: str) -> T:
        if key in self._held:
            self._held.move_to_end(key)
        else:
            self._held[key] = self._make()
            if len(self._held) > self._most:
                self._held.popitem(last=False)
        return self._held[key]


class Guesses:
    """Codes that were typed and are none. Those that are one do not count: an office may join as often as it likes."""

    def __init__(self) -> None:
        self._addresses = Latest(lambda: Window(GUESSES_EACH))
        self._agents = Latest(lambda: Window(GUESSES_EACH))
        self._sites = Latest(lambda: Window(GUESSES_PER_MINUTE))

    def check(self, address: str, agent: str, sites: Iterable[str], now: float) -> None:
        """A code is about to be tried on all of these sites. Raises Busy."""
        wait = max(window.wait(now) for window in self._windows(address, agent, sites))
        if wait > 0:
            raise Busy("too many codes were wrong", wait)

    def missed(self, address: str, agent: str, sites: Iterable[str], now: float) -> None:
        """The code that was tried is none on any of these sites."""
        for window in self._windows(address, agent, sites):
            window.note(now)

    def _windows(self, address: str, agent: str, sites: Iterable[str]) -> list[Window]:
        own = [self._addresses[network(address)], self._agents[agent]]
        return own + [self._sites[site] for site in sites]


class Turnstile:
    """Who may connect, and begin a session: so many at a time and so fast, from an address and on a site.

    What is let through counts until `left` or `lost`; what is not raises Busy.
    """

    def __init__(self, address_connections: int, address_rate: float, site_connections: int, site_rate: float) -> None:
        self._address_most, self._site_most = address_connections, site_connections
        self._connecting = Latest(lambda: Allowance(address_rate, address_rate * BURST_S))
        self._beginning = Latest(lambda: Allowance(address_rate / 10, address_rate))
        self._sites = Latest(lambda: Allowance(site_rate, site_rate * BURST_S))
        self._of_address: Counter[str] = Counter()
        self._of_site: Counter[str] = Counter()

    def connect(self, address: str, now: float) -> None:
        """A connection has opened, and counts even if that is one too many: it has to be closed."""
        key = network(address)
        self._of_address[key] += 1
        if self._of_address[key] > self._address_most:
            raise Busy(f"{self._address_most} connections from your address are open", FULL_MS)
        _take(self._connecting[key], "too many connections from your address", now)

    def lost(self, address: str) -> None:
        """A connection is gone."""
        _less(self._of_address, network(address))

    def begin(self, address: str, site: str, now: float) -> None:
        """A page begins a session."""
        _take(self._beginning[network(address)], "too many sessions from your address", now)
        _take(self._sites[site], f"too many sessions on the site {site!r}", now)

    def enter(self, site: str) -> None:
        """A connection takes part in a session of the site."""
        if self._of_site[site] >= self._site_most:
            raise Busy(f"{self._site_most} connections on the site {site!r} are open", FULL_MS)
        self._of_site[site] += 1

    def left(self, site: str) -> None:
        """It does not any more."""
        _less(self._of_site, site)


def _take(allowance: Allowance, what: str, now: float) -> None:
    if not allowance.take(1, now):
        raise Busy(what, allowance.wait(1))


def _less(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
