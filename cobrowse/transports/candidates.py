"""Which ICE candidates the server's own peer takes, and which it tells. Pure.

Without this a participant could make the server send packets to any address: to this machine, into its network, to a
cloud's metadata service. A browser behind such an address is reached all the same if it reaches us: its checks
arrive, and are answered where they came from (peer-reflexive candidates, RFC 8445, section 7.3.1.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

MAX_CANDIDATES: Final = 50
"""Candidates that are taken from one participant."""

CANDIDATE: Final = re.compile(
    r"(?:a=)?candidate:(?P<foundation>[A-Za-z0-9+/]{1,32}) 1 (?i:udp) (?P<priority>\d{1,10}) "
    r"(?P<address>[0-9A-Fa-f:.]{2,45}) (?P<port>\d{1,5}) typ (?P<type>host|srflx|relay)"
    r"(?: raddr [0-9A-Fa-f:.]{2,45} rport \d{1,5})?(?: (?!raddr |rport )[A-Za-z0-9-]{1,32} [A-Za-z0-9+/.:-]{1,64})*",
    re.ASCII,
)
"""A candidate over UDP for the one component, with a literal address (RFC 8839, section 5.1): no names, no mDNS."""

NEVER: Final = [
    ip_network(block)
    for block in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "100.100.100.200/32",  # metadata of Alibaba
        "168.63.129.16/32",  # the host of an Azure machine
        "192.0.0.0/24",  # protocol assignments, and metadata of Oracle
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "100::/64",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        "fd00:ec2::/32",  # metadata of Amazon
    )
]
PRIVATE: Final = [
    ip_network(block)
    for block in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "::1/128",
        "fc00::/7",
        "64:ff9b:1::/48",
    )
]
NAT64: Final = ip_network("64:ff9b::/96")


def reachable(address: str, private: bool) -> bool:
    """Whether the server may send to that literal address, of its own accord; `private`: to private ones too."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return all(
        not any(meant in block for block in NEVER) and (private or not any(meant in block for block in PRIVATE))
        for meant in _meant(parsed)
    )


def usable(candidate: str, private: bool) -> bool:
    """Whether the server's peer takes that candidate: over UDP, a literal address it may send to, a likely port."""
    match = CANDIDATE.fullmatch(candidate)
    if match is None or int(match["priority"]) >= 2**32:
        return False
    port = int(match["port"])
    # As browsers do: no service below 1024 is somebody's browser, but NATs and TURN servers may use the web's ports.
    return (1_024 <= port < 65_536 or port in (80, 443)) and reachable(match["address"], private)


def own_addresses(host: str, public_url: str, public_ip: str) -> list[str] | None:
    """Where the server's peers listen, given where the server listens; None: on all interfaces.

    A server for this machine alone listens on the loopback address. One behind a reverse proxy does too, as far as
    HTTP goes, but its peers have to be reached from outside: `public_url` tells the two apart.
    """
    if public_ip or not (loopback(host) or _specific(host)):
        return None
    if not loopback(host):
        return [host]
    if public_url and not loopback(urlsplit(public_url).hostname or ""):
        return None
    return [host if _specific(host) else "127.0.0.1"]


def published(sdp: str, public_ip: str) -> str:
    """An answer with `public_ip` in place of the host addresses of its family, for a server behind a 1:1 NAT."""
    if not public_ip:
        return sdp
    public = ip_address(public_ip)
    lines = []
    for line in sdp.splitlines():
        match = CANDIDATE.fullmatch(line)
        if match and match["type"] == "host" and ip_address(match["address"]).version == public.version:
            start, end = match.span("address")
            line = f"{line[:start]}{public}{line[end:]}"
        elif line.startswith("c=IN "):
            line = f"c=IN IP{public.version} {public}"
        lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def loopback(host: str) -> bool:
    """Whether a host, as in a URL, is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _specific(host: str) -> bool:
    try:
        return not ip_address(host).is_unspecified
    except ValueError:
        return False


def _meant(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """The address, and those that it is another way to write."""
    yield address
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            yield address.ipv4_mapped
        elif address in NAT64 or 1 < int(address) < 2**32:
            yield IPv4Address(int(address) & 0xFFFF_FFFF)
        if address.sixtofour:
            yield address.sixtofour
        if address.teredo:
            yield from address.teredo
