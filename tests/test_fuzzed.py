"""Bytes that nobody would send, a hundred thousand times, by whoever may connect: one connection closes, no more."""

from __future__ import annotations

import json
import os
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from time import process_time
from typing import Final

import jwt
import pytest

from cobrowse.close_codes import CloseCode
from cobrowse.codec import FROM_BROADCASTER, FROM_VIEWER, parse
from cobrowse.codes import typed
from cobrowse.connection import Connection, clock
from cobrowse.errors import Rejected
from cobrowse.hub import Hub
from cobrowse.records import END, MAX_MESSAGE, Frame, InvalidMessage, Part, decode, packed
from cobrowse.session import Limits
from cobrowse.tokens import Tokens, Watching, id_of
from cobrowse.transports.candidates import usable
from cobrowse.transports.check import Garbled, opened, sealed
from cobrowse.transports.offer import InvalidOffer, read

from .faults.process import resident
from .links import ORIGIN, SECRET, hello, settings
from .quiet import QuietHub, begin, heard, say
from .test_offer import OFFER

CASES: Final = 100_000
OF_CONNECTIONS: Final = 10_000
MIB: Final = 1_048_576
VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
BOMBS: Final = {
    "arrays in one another": b"\x91" * MAX_MESSAGE,
    "maps in one another": b"\x81\xa0" * (MAX_MESSAGE // 2),
    "arrays of arrays": b"\xdc\x04\x00" + (b"\xdc\x00\x40" + b"\x90" * 64) * 330,
    "an array of 4 G": b"\xdd\xff\xff\xff\xff",
    "a map of 4 G": b"\xdf\xff\xff\xff\xff",
    "bytes of 4 G": b"\xc6\xff\xff\xff\xff" + b"x" * 1_000,
    "a text of 4 G": b"\xdb\xff\xff\xff\xff" + b"x" * 1_000,
    "an extension": b"\xc7\x10\x01" + b"x" * 16,
    "a time": b"\xd6\xff\x00\x00\x00\x00",
    "as many values as go in": b"\x90" * MAX_MESSAGE,
    "a map of one key": b"\xde\x00\xff" + b"\xa1a\xc0" * 255,
    "a text that is none": b"\x82\xa4type\xa4ping\xa2at\xa2\xff\xfe",
    "a number that is none": b"\x82\xa4type\xa4ping\xa2at\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    "a key that is an array": b"\x81\x90\xc0",
    "a key that is bytes": b"\x81\xc4\x04type\xa4ping",
    "names that are Python's": packed({"type": "__class__", "__init__": {"__globals__": 1}}),
    "too much by one": b"\xc4" * (MAX_MESSAGE + 1),
}


def changed(random: Random, message: bytes, others: list[bytes]) -> bytes:
    """It, as something hostile would have it."""
    match random.randrange(6):
        case 0:
            return random.randbytes(random.randrange(1, 200))
        case 1:
            return message[: random.randrange(len(message) + 1)]
        case 2:
            return message + random.choice(others)
        case 3:
            at = random.randrange(len(message) + 1)
            return message[:at] + random.choice(others)[: random.randrange(1, 40)] + message[at:]
        case 4:
            at = random.randrange(max(1, len(message) - 8))
            return message[:at] + struct.pack(">BQ", random.choice((0xCF, 0xD3, 0xCB)), random.getrandbits(64))
        case _:
            bytes_ = bytearray(message)
            for _ in range(random.randrange(1, 6)):
                bytes_[random.randrange(len(bytes_))] = random.randrange(256)
            return bytes(bytes_)


class Crowd:
    """Hostile connections of each kind, each made anew when it was closed, by an address of its own."""

    def __init__(self) -> None:
        quick = settings().model_copy(update={"site_rate": 1e6})
        self.hub: Hub = QuietHub(quick, Tokens(SECRET), Limits(away_ms=1))
        self.open: dict[str, Connection] = {}
        self.closed: Counter[CloseCode] = Counter()
        self.count = 0

    def take(self, kind: str, message: bytes) -> float:
        """Send it by a connection of that kind; the CPU that it took, in ms."""
        connection = self.open.get(kind) or self._opened(kind)
        began = process_time()
        self.hub.receive(connection, message)
        while connection.take():
            pass
        took = 1_000 * (process_time() - began)
        if connection.closing is not None:
            self.closed[connection.closing[0]] += 1
            self.leave(kind)
        return took

    def leave(self, kind: str) -> None:
        if connection := self.open.pop(kind, None):
            self.hub.lost(connection)

    def _opened(self, kind: str) -> Connection:
        visitor = self.open.get("broadcaster")
        if kind == "viewer" and visitor is None:
            visitor = self._opened("broadcaster")
        self.count += 1
        connection = self.open[kind] = self.hub.connect(ORIGIN, str(IPv4Address(self.count)))
        if kind == "broadcaster":
            say(self.hub, connection, hello("broadcaster"))
            self.leave("viewer")
        elif kind == "viewer" and visitor is not None:
            assert visitor.session is not None, visitor.closing
            say(self.hub, connection, hello("viewer", session=visitor.session.id))
            heard(connection)
            say(self.hub, visitor, {"type": "admit", "viewer": connection.id, "capabilities": ["chat", "pointer"]})
            say(self.hub, connection, {"type": "subscribe", "id": 1, "position": None})
        return connection


KINDS: Final = ("nobody", "viewer", "broadcaster")
USUAL: Final = [
    *(bytes.fromhex(vector["hex"]) for vector in VECTORS["messages"] if vector["hex"]),
    packed(hello("broadcaster")),
    packed(hello("viewer", session="s")),
    packed({"type": "input", "n": 0, "base": 0, "input": {"kind": "chat", "id": "a", "text": "b"}}),
    packed({"type": "signal", "peer": "", "description": {"type": "offer", "sdp": "v=0"}}),
    packed({"type": "admit", "viewer": "a", "capabilities": ["view"]}),
    packed([3, "", "pointer", 2, 0.5, 0.5]),
    Frame(1, 0, END, b"x" * 64).record,
    Part(1, -1, 0, 0, 2, b"x" * 64).record,
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_closes_its_connection_or_is_nothing(kind: str, bomb: bytes) -> None:
    crowd = Crowd()
    crowd.take("broadcaster", packed({"type": "ping", "at": 1}))
    crowd.take(kind, bomb)
    assert set(crowd.closed) <= {CloseCode.INVALID, CloseCode.TOO_LARGE, CloseCode.NO_HELLO}
    broadcaster, guest, _ = begin(crowd.hub)
    goes_on(crowd.hub, broadcaster, guest)


def test_a_hundred_thousand_messages_are_read_or_refused() -> None:
    random = Random(21)
    before = resident(os.getpid())
    refused = 0
    for _ in range(CASES):
        message = changed(random, random.choice(USUAL), USUAL)
        try:
            for item in decode(message):
                if isinstance(item, dict):
                    parse(item, random.choice((FROM_BROADCASTER, FROM_VIEWER)))
        except InvalidMessage:
            refused += 1
    assert CASES // 4 < refused < CASES
    assert resident(os.getpid()) - before < 20 * MIB


TOKENS: Final = Tokens(SECRET)
CANDIDATE: Final = "candidate:1 1 udp 2113937151 8.8.8.8 56735 typ host generation 0"


def known(token: str) -> None:
    """As a hello has it: the kind that it claims to be, then whether it is."""
    verify = {"agent": TOKENS.verify_agent, "viewer": TOKENS.verify_viewer}
    verify.get(TOKENS.audience(token) or "", TOKENS.verify_broadcaster)(token)
    id_of(token)


DECODERS: Final[dict[str, tuple[Callable[[bytes], object], list[bytes]]]] = {
    "tokens": (
        lambda data: known(data.decode("latin1")),
        [
            TOKENS.agent("Ann").encode(),
            TOKENS.viewer(Watching("s", "v", "Ann", "guest")).encode(),
            jwt.encode({"aud": "agent", "sub": "Ann"}, "x" * 32, "HS256").encode(),
            b'{"alg":"none"}',
        ],
    ),
    "offers": (lambda data: read(data.decode("latin1"), private=False), [OFFER.encode(), b"a=mid:0", b"m="]),
    "candidates": (lambda data: usable(data.decode("latin1"), private=False), [CANDIDATE.encode(), b"::ffff:1.2.3.4"]),
    "codes": (lambda data: typed(data.decode("latin1")), [b"ABC-DEF", b"234567"]),
    "checked messages": (lambda data: opened(data, 7), [sealed(USUAL[0], 7), sealed(USUAL[-1], 8)]),
}


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_hundred_thousand_of_each_other_thing_are_read_or_refused(decoder: str) -> None:
    random = Random(23)
    read_it, usual = DECODERS[decoder]
    for data in usual[:1]:
        read_it(data)
    before = resident(os.getpid())
    for _ in range(CASES):
        with suppress(Rejected, InvalidOffer, Garbled):
            read_it(changed(random, random.choice(usual), usual))
    assert resident(os.getpid()) - before < 20 * MIB


def test_who_sends_what_nobody_would_is_closed_and_nobody_else(
    record_property: Callable[[str, object], None],
) -> None:
    random = Random(22)
    crowd = Crowd()
    broadcaster, guest, _ = begin(crowd.hub)
    for _ in range(2_000):
        crowd.take(random.choice(KINDS), changed(random, random.choice(USUAL), USUAL))
    before = resident(os.getpid())
    longest = 0.0
    for n in range(OF_CONNECTIONS):
        longest = max(longest, crowd.take(random.choice(KINDS), changed(random, random.choice(USUAL), USUAL)))
        if n % 1_000 == 0:
            # Signs of life first: a thousand may take longer than one may be silent.
            for one in (broadcaster, guest):
                say(crowd.hub, one, {"type": "pong", "at": 1})
                heard(one)
            crowd.hub.tick(clock())
    grown = (resident(os.getpid()) - before) / MIB
    record_property("closed with", ", ".join(f"{code.name} {n}" for code, n in crowd.closed.items()))
    record_property("memory grew by, MiB; the most CPU of one, ms", f"{grown:.1f}; {longest:.1f}")
    assert grown < 20
    goes_on(crowd.hub, broadcaster, guest)
    for kind in KINDS:
        crowd.leave(kind)
    for one in (broadcaster, guest):
        crowd.hub.lost(one)
    assert not crowd.hub._connections
    assert not crowd.hub._joined
    assert not crowd.hub.entrance.turnstile._of_address
    assert not crowd.hub.entrance.turnstile._of_site


def goes_on(hub: Hub, broadcaster: Connection, guest: Connection) -> None:
    """What one says reaches the other."""
    line = {"kind": "chat", "id": "c", "text": "hello"}
    say(hub, guest, {"type": "input", "n": 0, "base": 0, "input": line})
    assert line in [item.get("input") for item in heard(broadcaster) if isinstance(item, dict)]
