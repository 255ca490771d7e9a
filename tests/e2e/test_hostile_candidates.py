"""A viewer that names addresses which are not its own: the visitor's browser sends nothing to those it should not."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Final

import pytest

from ..rtc import HOST, canary
from ..test_offer import OFFER
from .rig import Desk
from .stranger import WITHIN_S, Stranger, parts_of, proof_of

NEVER: Final = [
    ("169.254.169.254", 8_080),
    ("100.100.100.200", 8_080),
    ("::ffff:127.0.0.5", 8_080),
    ("metadata.example", 8_080),
    ("localhost", 8_080),
]


def own_address() -> str:
    """An address of this machine that is not loopback: one that a browser may send to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("203.0.113.1", 9))  # nothing is sent by that
        except OSError:
            pytest.skip("this machine has no address but loopback's, so nothing would show that checks are sent at all")
        address: str = asking.getsockname()[0]
        return address


@pytest.mark.parametrize("how", ["in the offer", "one by one"])
def test_no_packet_goes_to_this_machine_or_to_metadata(
    desk: Desk, pages: str, stranger: Callable[[], Stranger], how: str
) -> None:
    with (
        canary("127.0.0.5") as (port, came),
        canary("::1") as (other, came_too),
        canary(own_address()) as (own, checked),
    ):
        forbidden = [("127.0.0.5", port), ("::1", other), *NEVER]
        named = [f"candidate:{n} 1 udp {2_000_000_000 - n} {at} {to} typ host" for n, (at, to) in enumerate(forbidden)]
        named.append(HOST.format(own_address(), own).replace("2130706431", "1000"))  # what is checked last
        visit = desk.visit(f"{pages}/form.html")
        eve = stranger()
        eve.hello(parts_of(visit.link)[0], proof=proof_of(parts_of(visit.link)[1]))
        eve.hears("admitted")
        inside = named if how == "in the offer" else []
        offer = "".join(f"{line}\r\n" for line in OFFER.splitlines() if "candidate" not in line)
        offer += "".join(f"a={line}\r\n" for line in inside)
        eve.say({"type": "signal", "peer": "", "description": {"type": "offer", "sdp": offer}})
        eve.until(lambda: [one for one in eve.told("signal") if one.get("description")])
        for line in [] if inside else named:
            candidate = {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}
            eve.say({"type": "signal", "peer": "", "candidate": candidate})
        packets: list[bytes] = []
        end = time.monotonic() + WITHIN_S
        while len(packets) < 3:  # three rounds: each address has had its turn
            assert time.monotonic() < end, "the browser checks nothing"
            visit.page.evaluate("new Promise((resolve) => setTimeout(resolve, 10))")
            packets += checked()
            assert not eve.closed
        assert all(packet[4:8] == b"\x21\x12\xa4\x42" for packet in packets), "checks by STUN"
        assert came() == came_too() == []
