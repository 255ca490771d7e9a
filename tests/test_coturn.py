"""TURN: browsers relay with the credentials we make, and strangers get nowhere with or without them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from cobrowse import turn
from cobrowse.fields import IceServer

from .chromium import PagePeer, browsing
from .coturn import IPV6, SECRET, Coturn, TurnClient, coturn
from .rtc import broadcasting, hello, run, serving

QUOTA = 3


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    """The file as it is, but for a quota that is soon reached."""
    with coturn(tmp_path_factory.mktemp("locked"), f"--user-quota={QUOTA}") as server:
        yield server


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    """One that relays to this machine, where both browsers are."""
    with coturn(tmp_path_factory.mktemp("local"), "--allow-loopback-peers", "--allowed-peer-ip=127.0.0.1") as server:
        yield server


def credentials(participant: str, url: str = "", ttl_s: int = 900, ago_s: int = 0, secret: str = SECRET) -> IceServer:
    return turn.ice_server([url], secret, participant, ttl_s, time.time() - ago_s)


def client(server: Coturn, made: IceServer) -> TurnClient:
    assert made.username
    assert made.credential
    return TurnClient(server, made.username, made.credential)


# Browsers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_two_browsers_meet_at_the_turn_server_and_tell_no_address(local: Coturn, transport: str) -> None:
    async def main() -> None:
        async with browsing() as browser:
            one, other = await PagePeer.on_a_page(browser), await PagePeer.on_a_page(browser)
            one.to, other.to = other.receive, one.receive
            for page, polite in ((other, True), (one, False)):
                server = credentials(f"{transport}-{polite}", local.urls[transport])
                await page.open(polite, [server.model_dump()], policy="relay")
            await one.is_open()
            await other.is_open()
            one.say({"type": "subscribe", "id": 7, "position": None})
            assert (await other.until("subscribe"))["id"] == 7
            for page in (one, other):
                assert page.candidates
                assert all(" typ relay raddr " in candidate for candidate in page.candidates)
                assert not any(".local" in str(signal) for signal in page.signals)
                route = await page.route()
                assert (route["local"], route["protocol"]) == ("relay", transport)
            await one.close()
            await other.close()

    run(main)


def test_a_browser_reaches_the_servers_peer_through_turn(local: Coturn) -> None:
    async def main() -> None:
        async with serving() as hub, browsing() as browser:
            carrier, welcome = await broadcasting(hub)
            page = await PagePeer.on_a_page(browser)
            page.to = lambda signal: carrier.signal(**signal)
            await page.open(ice_servers=[credentials("a", local.urls["tcp"]).model_dump()], policy="relay")
            page.receive(await carrier.answered())
            await page.is_open()
            page.say(hello("broadcaster", token=welcome["token"]))
            assert (await page.until("welcome"))["session"] == welcome["session"]
            assert (await page.route())["local"] == "relay"
            await page.close()

    run(main)


# Strangers ---------------------------------------------------------------------------------------------------


def test_credentials_we_make_are_taken(locked: Coturn) -> None:
    asking = client(locked, credentials("taken"))
    assert asking.allocate() == 0
    asking.close()


@pytest.mark.parametrize(
    "made",
    [
        credentials("expired", ago_s=1_000),
        credentials("forged", secret="another secret"),
        credentials("empty", secret=""),
        IceServer(urls=[], username=f"{int(time.time()) + 3_600}:late", credential=credentials("late").credential),
        IceServer(urls=[], username="nobody", credential="password"),
    ],
    ids=["expired", "forged", "empty", "prolonged", "made-up"],
)
def test_other_credentials_are_refused(locked: Coturn, made: IceServer) -> None:
    asking = client(locked, made)
    assert asking.allocate() == 401
    assert asking.permit("8.8.8.8") != 0
    asking.close()


DENIED = {
    4: [
        "0.0.0.1",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.0.0.5",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.254",
        "192.0.0.192",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.251",
        "255.255.255.255",
    ],
    6: [
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:8.8.8.8",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "2001:0:808:808::1",
        "2002:7f00:1::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
    ],
}
ALLOWED = {4: "8.8.8.8", 6: "2606:4700::1111"}


@pytest.mark.parametrize("version", [4, 6])
def test_nothing_inside_is_relayed_to(locked: Coturn, version: int) -> None:
    asking = client(locked, credentials(f"inside-{version}"))
    assert asking.allocate(**({"REQUESTED_ADDRESS_FAMILY": IPV6} if version == 6 else {})) == 0
    assert {address: (asking.permit(address), asking.bind(address)) for address in DENIED[version]} == dict.fromkeys(
        DENIED[version], (403, 403)
    )
    assert asking.permit(ALLOWED[version]) == 0, "the ranges are no wider than they are meant to be"
    asking.close()


def test_no_packet_comes_through_without_a_permission(locked: Coturn) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as canary:
        canary.bind(("127.0.0.1", 0))
        canary.setblocking(False)
        asking = client(locked, credentials("canary"))
        assert asking.allocate() == 0
        assert asking.permit("127.0.0.1") == 403
        for _ in range(20):
            asking.indicate("127.0.0.1", canary.getsockname()[1], b"hello")
        assert asking.permit(ALLOWED[4]) == 0, "the server has dealt with what came before"
        with pytest.raises(BlockingIOError):
            canary.recv(2_048)
        asking.close()


def test_the_quota_holds(locked: Coturn) -> None:
    made = credentials("greedy")
    asking = [client(locked, made) for _ in range(QUOTA + 3)]
    assert [one.allocate() for one in asking] == [0] * QUOTA + [486] * 3
    another = client(locked, credentials("modest"))
    assert another.allocate() == 0
    for one in [*asking, another]:
        one.close()
