"""Which candidates the server takes, and which it tells."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobrowse.transports.candidates import own_addresses, published, reachable, usable

PUBLIC = ["8.8.8.8", "1.1.1.1", "203.0.113.9", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2001:db8::1"]
PRIVATE = [
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::10.0.0.1",
    "::10.0.0.1",
    "2002:a00:1::1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "192.0.0.192",
    "224.0.0.251",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fec0::1",
    "ff02::fb",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "::ffff:0:0",
    "64:ff9b::169.254.169.254",
    "::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1",
]
NOT_LITERAL = [
    "",
    "localhost",
    "shop.example",
    "x.local",
    "127.1",
    "0x7f000001",
    "2130706433",
    "fe80::1%eth0",
    "1.2.3.4.5",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_sent_to(address: str) -> None:
    assert reachable(address, private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_only_where_the_setting_allows_it(address: str) -> None:
    assert not reachable(address, private=False)
    assert reachable(address, private=True)


@pytest.mark.parametrize("address", [*NEVER, *NOT_LITERAL])
def test_some_are_never_sent_to(address: str) -> None:
    assert not reachable(address, private=True)


@given(st.ip_addresses(v=4, network="169.254.0.0/16"), st.sampled_from(["{}", "::ffff:{}", "64:ff9b::{}", "::{}"]))
def test_no_way_to_write_a_metadata_address_passes(address: object, way: str) -> None:
    assert not reachable(way.format(address), private=True)


@given(st.ip_addresses())
def test_what_passes_is_public(address: object) -> None:
    if reachable(str(address), private=False):
        parsed = ip_address(str(address))
        documentation = any(
            parsed.version == block.version and parsed in block
            for block in map(
                ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001::/23", "2001:db8::/32")
            )
        )
        assert documentation or not (parsed.is_private or parsed.is_multicast or parsed.is_link_local)


@pytest.mark.parametrize(
    ("candidate", "taken"),
    [
        ("candidate:1 1 udp 2130706431 8.8.8.8 50000 typ host", True),
        ("a=candidate:1 1 UDP 2130706431 8.8.8.8 50000 typ srflx raddr 10.0.0.1 rport 9 generation 0", True),
        ("candidate:a+/9 1 udp 1 2606:4700::1 1024 typ relay raddr :: rport 0", True),
        ("candidate:1 1 udp 1 8.8.8.8 443 typ relay", True),
        ("candidate:1 1 tcp 1 8.8.8.8 50000 typ host tcptype active", False),
        ("candidate:1 2 udp 1 8.8.8.8 50000 typ host", False),
        ("candidate:1 1 udp 1 8.8.8.8 53 typ host", False),
        ("candidate:1 1 udp 1 8.8.8.8 0 typ host", False),
        ("candidate:1 1 udp 1 8.8.8.8 65536 typ host", False),
        ("candidate:1 1 udp 4294967296 8.8.8.8 50000 typ host", False),
        ("candidate:1 1 udp 1 8.8.8.8 50000 typ prflx", False),
        ("candidate:1 1 udp 1 x.local 50000 typ host", False),
        ("candidate:1 1 udp 1 shop.example 50000 typ host", False),
        ("candidate:1 1 udp 1 8.8.8.8 50000 typ host\r\na=ice-lite", False),
        ("candidate:" + "1" * 33 + " 1 udp 1 8.8.8.8 50000 typ host", False),
        ("candidate:1 1 udp 1 8.8.8.8", False),
        ("", False),
    ],
)
def test_a_candidate_is_taken_as_it_is_or_not_at_all(candidate: str, taken: bool) -> None:
    assert usable(candidate, private=False) is taken


@given(st.text(max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    usable(text, private=True)
    usable("candidate:" + text, private=True)
    reachable(text, private=True)


@pytest.mark.parametrize(
    ("host", "public_url", "public_ip", "addresses"),
    [
        ("127.0.0.1", "", "", ["127.0.0.1"]),
        ("localhost", "", "", ["127.0.0.1"]),
        ("::1", "", "", ["::1"]),
        ("127.0.0.1", "http://localhost:8080", "", ["127.0.0.1"]),
        ("127.0.0.1", "https://help.example", "", None),
        ("127.0.0.1", "", "203.0.113.9", None),
        ("0.0.0.0", "", "", None),
        ("::", "https://help.example", "", None),
        ("help.example", "", "", None),
        ("203.0.113.9", "https://help.example", "", ["203.0.113.9"]),
        ("10.0.0.5", "https://help.example", "203.0.113.9", None),
    ],
)
def test_where_the_servers_peers_listen(
    host: str, public_url: str, public_ip: str, addresses: list[str] | None
) -> None:
    assert own_addresses(host, public_url, public_ip) == addresses


ANSWER = (
    "v=0\r\nm=application 50000 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 10.0.0.5\r\n"
    "a=candidate:1 1 udp 2130706431 10.0.0.5 50000 typ host\r\n"
    "a=candidate:2 1 udp 2130706431 fd00::5 50001 typ host\r\na=setup:active\r\n"
)


def test_a_public_address_takes_the_place_of_the_own_ones() -> None:
    assert published(ANSWER, "") == ANSWER
    assert published(ANSWER, "203.0.113.9") == ANSWER.replace("10.0.0.5", "203.0.113.9")
    assert published(ANSWER, "2001:db8::9") == ANSWER.replace("fd00::5", "2001:db8::9").replace(
        "IP4 10.0.0.5", "IP6 2001:db8::9"
    )
