"""TURN credentials: what is in them, for whom, and which URLs are refused."""

from __future__ import annotations

import pytest

from cobrowse import turn

URLS = ["turn:turn.shop.example:3478?transport=udp", "turns:turn.shop.example:5349?transport=tcp"]


def test_they_are_those_of_the_rest_scheme() -> None:
    server = turn.ice_server(URLS, "north", "a1b2", ttl_s=600, now_s=1_700_000_000.9)
    assert server.urls == URLS
    assert server.username == "1700000600:a1b2"
    # printf '1700000600:a1b2' | openssl dgst -sha1 -hmac north -binary | base64
    assert server.credential == "bYm/eVg17u8rbfYwratK+dRyB78="


def test_each_participant_time_and_secret_has_its_own() -> None:
    def credential(secret: str = "north", participant: str = "a", now: float = 0) -> str | None:
        return turn.ice_server(URLS, secret, participant, 600, now).credential

    assert len({credential(), credential("south"), credential(participant="b"), credential(now=1)}) == 4


@pytest.mark.parametrize(
    "url",
    [
        *URLS,
        "turn:192.0.2.7",
        "turn:[2001:db8::7]:3478?transport=tcp",
        "turn:turn.example?transport=udp",
        "turns:turn.example:443",
    ],
)
def test_a_turn_url_stands_as_it_is(url: str) -> None:
    assert turn.checked(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "turn.example:3478",
        "turn://turn.example:3478",
        "https://turn.example",
        "stun:turn.example:3478",
        "turn:",
        "turn:turn.example:0",
        "turn:turn.example:65536",
        "turn:turn.example:port",
        "turn:turn.example?transport=sctp",
        "turn:user@turn.example",
        "turn:turn.example\r\n",
    ],
)
def test_what_is_no_turn_url_says_how_one_looks(url: str) -> None:
    with pytest.raises(ValueError, match="write turn:HOST:3478"):
        turn.checked(url)


def test_turns_over_udp_is_not_for_browsers() -> None:
    with pytest.raises(ValueError, match="over TCP only"):
        turn.checked("turns:turn.example:5349?transport=udp")
