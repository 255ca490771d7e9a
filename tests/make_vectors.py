"""Prints `tests/vectors.json`: what both test suites hold their side of the wire to.

    python tests/make_vectors.py > tests/vectors.json

Deterministic. Bytes stand as `{"hex": "..."}`. `log` schedules are played on the Python `Log` and `Cursor`, and what
can be observed after each step is written down, so that the TypeScript twins can be held to the same story.
"""

from __future__ import annotations

import json
import random
import sys
import zlib
from typing import Any, Final

import msgpack
from pydantic import BaseModel

from cobrowse.close_codes import CloseCode
from cobrowse.codec import FROM_VIEWER, encode, parse
from cobrowse.fields import IceServer, Position
from cobrowse.inputs import Acknowledged, Chat, InputMessage
from cobrowse.log import Cursor, Log
from cobrowse.messages import (
    Admitted,
    Begun,
    Demand,
    Ended,
    HelloBroadcaster,
    HelloViewer,
    Ping,
    Reset,
    Signal,
    Subscribe,
    WelcomeViewer,
)
from cobrowse.records import (
    END,
    FULL,
    MAX_FRAME,
    MAX_MESSAGE,
    MAX_PARTS,
    MAX_VALUES,
    Frame,
    InvalidMessage,
    Part,
    packed,
)
from cobrowse.transports.check import sealed

Json = Any
MIB: Final = 1_048_576


def plain(value: Any) -> Json:
    """The value with bytes as `{"hex": ...}`."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


# Messages ----------------------------------------------------------------------------------------------------

RECORDS: Final[list[tuple[str, list[Frame | Part | list[Any]]]]] = [
    ("a frame", [Frame(1, 0, END, b"\x01\x02\x03")]),
    ("a frame without bytes, flags or a batch's end", [Frame(0, 0, 0, b"")]),
    ("a frame far into a late epoch", [Frame(70_000, 4_294_967_296, END | FULL, bytes(range(40)))]),
    ("a frame at the highest place", [Frame(2**53 - 1, 2**53 - 1, 0xFF, b"x")]),
    ("a part of a checkpoint before any frame", [Part(1, -1, 0, 0, 1, b"state")]),
    ("the last of many parts", [Part(3, 900, 17, MAX_PARTS - 1, MAX_PARTS, b"\x00" * 20)]),
    ("a volatile record without values", [[3, "", "pointer"]]),
    ("a volatile record with every kind of value", [[3, "a1b2", "echo", 12.5, 3, -1, "é", True, None]]),
    ("frames and a part glued", [Frame(2, 8, 0, b"ab"), Part(2, 7, 1, 0, 2, b"cd"), Frame(2, 9, END, b"ef")]),
]

MESSAGES: Final[list[tuple[str, list[BaseModel]]]] = [
    ("ping", [Ping(at=1234.5)]),
    ("hello of a broadcaster", [HelloBroadcaster(wire=1, log=1, site="demo", proof=bytes(range(32)))]),
    ("hello of a viewer", [HelloViewer(wire=1, log=1, session="s", name="Ann", proof=b"\x07" * 32, token=None)]),
    (
        "welcome of a viewer",
        [
            WelcomeViewer(
                wire=1,
                session="s",
                viewer="ab12",
                token="t",
                name="Zoë",
                role="guest",
                site="Shop",
                state="active",
                path="auto",
                ice_servers=[IceServer(urls=["stun:stun.example:3478"])],
                ice_policy="all",
            )
        ],
    ),
    ("demand after a position", [Demand(frames=True, after=Position(epoch=2, seq=-1), checkpoint=True)]),
    ("subscribe from a checkpoint", [Subscribe(id=1, position=None)]),
    ("a line of chat", [InputMessage(n=3, base=2, input=Chat(id="c1", text="日本 👋"))]),
    ("signaling with nulls", [Signal(peer="")]),
    (
        "control messages glued",
        [Begun(epoch=2), Admitted(capabilities=["chat", "view"]), Reset(id=4, reason="window"), Ended(reason="agent")],
    ),
]


def messages() -> list[Json]:
    listed: list[Json] = []
    for name, records in RECORDS:
        encoded = [record if isinstance(record, list) else _fields(record) for record in records]
        whole = b"".join(packed(record) if isinstance(record, list) else record.record for record in records)
        listed.append({"name": name, "hex": whole.hex(), "items": plain(encoded)})
    for name, models in MESSAGES:
        whole = b"".join(encode(model) for model in models)
        listed.append({"name": name, "hex": whole.hex(), "items": plain([model.model_dump() for model in models])})
    frame, ack = Frame(5, 6, END, b"z"), Acknowledged(viewer="", n=9)
    listed.append(
        {
            "name": "a frame, a control message and a volatile record glued",
            "hex": (frame.record + encode(ack) + packed([3, "v", "probe", 1])).hex(),
            "items": plain([_fields(frame), ack.model_dump(), [3, "v", "probe", 1]]),
        }
    )
    unknown = packed([9, "later"]) + packed([]) + packed({"type": "later", "x": 1}) + packed([1, 1, 1, 0, b"q", "more"])
    listed.append(
        {
            "name": "records of an unknown kind are left out, unknown types and extra elements are not in the way",
            "hex": unknown.hex(),
            "items": [{"type": "later", "x": 1}, [1, 1, 1, 0, {"hex": b"q".hex()}]],
        }
    )
    listed.append({"name": "nothing", "hex": "", "items": []})
    for name, item in [
        ("a truth value for a kind is a kind that is not known", [True, 1, 1, 0, b""]),
        ("as many elements as may be", [9, *[0] * 1_023]),
        ("as deep as may be", deep(16)),
    ]:
        listed.append({"name": f"{name}: left out", "hex": packed(item).hex(), "items": []})
    most: Json = {"type": "later", **{f"n{n}": n for n in range(255)}}
    deepest: Json = {"type": "later", "x": deep(15)}
    marked: Json = {"type": "later", "x": "\ufeff\ufffd\U0001f44b"}
    for name, item in [("as many names as may be", most), ("nested", deepest), ("text of all kinds", marked)]:
        listed.append({"name": name, "hex": packed(item).hex(), "items": [item]})
    return listed


def deep(levels: int) -> Json:
    """So many arrays in one another."""
    value: list[Json] = [9]
    for _ in range(levels - 1):
        value = [value]
    return value


def _fields(record: Frame | Part) -> list[Any]:
    if isinstance(record, Frame):
        return [1, record.epoch, record.seq, record.flags, record.data]
    return [2, record.epoch, record.seq, record.id, record.part, record.parts, record.data]


def invalid() -> list[Json]:
    """Byte strings that no side may take. Long ones are `[hex, times]` pairs."""
    frame = Frame(1, 1, END, b"abc").record
    listed: list[tuple[str, list[tuple[bytes, int]]]] = [
        ("reserved byte", [(b"\xc1", 1)]),
        ("truncated", [(frame[:-1], 1)]),
        ("truncated header", [(frame[:1], 1)]),
        ("garbage after a good record", [(frame, 1), (b"\xc1", 1)]),
        ("nil", [(packed(None), 1)]),
        ("number", [(packed(7), 1)]),
        ("string", [(packed("hello"), 1)]),
        ("bytes", [(packed(b"hello"), 1)]),
        ("map without a type", [(packed({"kind": "x"}), 1)]),
        ("type that is no string", [(packed({"type": 7}), 1)]),
        ("extension", [(msgpack.packb(msgpack.ExtType(5, b"x")), 1)]),
        ("timestamp", [(msgpack.packb(msgpack.Timestamp(1)), 1)]),
        ("frame that is too short", [(packed([1, 1, 1]), 1)]),
        ("frame without bytes", [(packed([1, 1, 1, 0]), 1)]),
        ("frame with text for bytes", [(packed([1, 1, 1, 0, "abc"]), 1)]),
        ("frame with a negative seq", [(packed([1, 1, -1, 0, b""]), 1)]),
        ("frame with a fraction", [(packed([1, 1, 1.5, 0, b""]), 1)]),
        ("frame with not-a-number", [(packed([1, 1, float("nan"), 0, b""]), 1)]),
        ("frame with a truth value", [(packed([1, True, 1, 0, b""]), 1)]),
        ("frame with a text number", [(packed([1, "1", 1, 0, b""]), 1)]),
        ("frame with a nil", [(packed([1, None, 1, 0, b""]), 1)]),
        ("frame beyond what numbers can say", [(packed([1, 1, 2**53 + 2, 0, b""]), 1)]),
        ("frame that is too long", [(packed([1, 1, 1, 0, bytes(MAX_FRAME + 1)])[:-1], 1), (b"\x00", 1)]),
        ("part that is not one of the parts", [(packed([2, 1, 1, 1, 3, 3, b""]), 1)]),
        ("part before the first", [(packed([2, 1, 1, 1, -1, 3, b""]), 1)]),
        ("part of none", [(packed([2, 1, 1, 1, 0, 0, b""]), 1)]),
        ("part of too many", [(packed([2, 1, 1, 1, 0, MAX_PARTS + 1, b""]), 1)]),
        ("part without bytes", [(packed([2, 1, 1, 1, 0, 1, None]), 1)]),
        ("part below every position", [(packed([2, 1, -2, 1, 0, 1, b""]), 1)]),
        ("volatile without a kind", [(packed([3, "a"]), 1)]),
        ("volatile for a number", [(packed([3, 1, "pointer"]), 1)]),
        ("volatile with bytes", [(packed([3, "", "pointer", b"x"]), 1)]),
        ("volatile with a list", [(packed([3, "", "pointer", [1]]), 1)]),
        ("volatile with a map", [(packed([3, "", "pointer", {}]), 1)]),
        ("message that is too long", [(packed([3, "", "k"]), MAX_MESSAGE // 5 + 1)]),
        ("too many values", [(b"\x90", MAX_VALUES + 1)]),
        ("array that claims too much", [(b"\xdc\xff\xff", 1), (b"\x00", 64)]),
        ("array of 4 GiB", [(b"\xdd\xff\xff\xff\xff", 1)]),
        ("map that claims too much", [(b"\xde\xff\xff", 1), (b"\x00", 64)]),
        ("bytes that claim too much", [(b"\xc6\xff\xff\xff\xff", 1)]),
        ("text that claims too much", [(b"\xdb\xff\xff\xff\xff", 1)]),
        ("nesting that is too deep", [(b"\x91", 30_000), (b"\xc0", 1)]),
        ("nesting that is one too deep", [(packed(deep(17)), 1)]),
        ("nesting that is too deep in what is not known of a frame", [(packed([1, 1, 1, 0, b"", deep(16)]), 1)]),
        ("nesting that is too deep in a map", [(packed({"type": "later", "x": deep(16)}), 1)]),
        ("one element too many", [(packed([9, *[0] * 1_024]), 1)]),
        ("one name too many", [(packed({"type": "later", **{f"n{n}": n for n in range(256)}}), 1)]),
        ("map with a number for a name", [(packed({"type": "later", 1: 2}), 1)]),
        ("map with bytes for a name", [(packed({"type": "later", b"x": 2}), 1)]),
        ("map in a map with bytes for a name", [(packed({"type": "later", "x": {b"x": 2}}), 1)]),
        ("map with nil for a name", [(packed({"type": "later", None: 2}), 1)]),
        ("map with the name of a prototype", [(packed({"type": "later", "__proto__": {}}), 1)]),
        ("type that is bytes", [(packed({"type": b"ping"}), 1)]),
        ("text that is not UTF-8", [(b"\x82\xa4type\xa5later\xa1x\xa2\xff\xfe", 1)]),
        ("text that is cut in a letter", [(b"\x82\xa4type\xa5later\xa1x\xa2\xe6\x97", 1)]),
        ("text with half a surrogate pair", [(b"\x82\xa4type\xa5later\xa1x\xa3\xed\xa0\x80", 1)]),
        ("text that is longer than it must be", [(b"\x82\xa4type\xa5later\xa1x\xa2\xc0\xaf", 1)]),
        ("long text that is not UTF-8", [(b"\x82\xa4type\xa5later\xa1x\xd9\x40", 1), (b"a", 63), (b"\xff", 1)]),
        ("name that is not UTF-8", [(b"\x82\xa4type\xa5later\xa1\xff\x01", 1)]),
        ("extension of nothing within", [(b"\x82\xa4type\xa5later\xa1x\xc7\x00\x05", 1)]),
        ("extension of a byte within", [(b"\x82\xa4type\xa5later\xa1x\xd4\x05x", 1)]),
        ("timestamp within", [(b"\x82\xa4type\xa5later\xa1x" + msgpack.packb(msgpack.Timestamp(1)), 1)]),
        ("frame at 2 to the 53", [(packed([1, 1, 2**53, 0, b""]), 1)]),
        ("frame of epoch 2 to the 53", [(packed([1, 2**53, 1, 0, b""]), 1)]),
        ("frame at the highest number of 64 bits", [(packed([1, 1, 2**64 - 1, 0, b""]), 1)]),
        ("frame with flags below zero", [(packed([1, 1, 1, -1, b""]), 1)]),
        ("part of a negative epoch", [(packed([2, -1, 1, 1, 0, 1, b""]), 1)]),
        ("part of a negative id", [(packed([2, 1, 1, -1, 0, 1, b""]), 1)]),
        ("part with a truth value", [(packed([2, 1, 1, 1, False, 1, b""]), 1)]),
        ("part that is too long", [(packed([2, 1, 1, 1, 0, 1, bytes(MAX_FRAME + 1)]), 1)]),
    ]
    return [
        {"why": why, "pieces": [[piece.hex(), times] for piece, times in pieces if times]} for why, pieces in listed
    ]


# What a viewer may say -----------------------------------------------------------------------------------------

SAID: Final[list[Json]] = [
    {"type": "subscribe", "id": 1, "position": {"epoch": 2, "seq": 3}},
    {"type": "unsubscribe", "id": 1},
    {"type": "input", "n": 1, "base": 0, "input": {"kind": "chat", "id": "c1", "text": "hello"}},
    {"type": "input", "n": 1, "base": 0, "input": {"kind": "request", "capabilities": ["click"]}},
    {"type": "signal", "peer": "", "description": {"type": "offer", "sdp": "v=0"}, "candidate": None, "declined": None},
    {
        "type": "signal",
        "peer": "",
        "candidate": {"candidate": "c", "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "u"},
    },
    {"type": "ping", "at": 1.5},
    {"type": "pong", "at": 1.5},
]
NUMBERS: Final[list[Json]] = [-2, -1, 0, 64, 65, 1.5, 2**53 - 1, 2**53]
TEXTS: Final[list[Json]] = [["x", n] for n in (0, 1, 64, 65, 256, 257, 1_024, 1_025, 2_000, 2_001, 16_384, 16_385)]
OTHERS: Final[list[Json]] = [
    None,
    True,
    [],
    ["click"],
    ["fly"],
    ["click"] * 11,
    {},
    ["\U0001f44b", 64],
    ["\U0001f44b", 65],
]
LEFT_OUT: Final = "left out"


def said() -> list[Json]:
    """Messages of a viewer, each with one field of it changed, and whether such a message is taken.

    A change is `[path, value]`; `[text, times]` is a text so often, `LEFT_OUT` no field at all.
    """
    listed: list[Json] = []
    for message in SAID:
        for path in places(message):
            taken: dict[bool, list[Json]] = {True: [], False: []}
            for value in [*NUMBERS, *TEXTS, *OTHERS, LEFT_OUT]:
                taken[is_taken(changed(message, path, value))].append(value)
            listed.append({"message": message, "path": path, "taken": taken[True], "refused": taken[False]})
    return listed


def places(value: Json, path: tuple[str, ...] = ()) -> list[list[str]]:
    """Every field but the type of the message."""
    found: list[list[str]] = []
    for name, inner in value.items():
        if (*path, name) != ("type",):
            found.append([*path, name])
        if isinstance(inner, dict):
            found += places(inner, (*path, name))
    return found


def changed(message: Json, path: list[str], value: Json) -> Json:
    name, *rest = path
    if rest:
        return message | {name: changed(message[name], rest, value)}
    if value == LEFT_OUT:
        return {key: kept for key, kept in message.items() if key != name}
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
        value = value[0] * value[1]
    return message | {name: value}


def is_taken(message: Json) -> bool:
    try:
        return parse(message, FROM_VIEWER) is not None
    except InvalidMessage:
        return False


# The stream --------------------------------------------------------------------------------------------------


def stream() -> Json:
    """Batches of events through one raw-deflate stream, with a full flush in the middle, cut into frames.

    The tail of every flush is left out (RFC 7692, section 7.2.1).
    """
    chance = random.Random(1)
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    frames: list[Json] = []
    # Noise, so that a batch is more than one of these small frames.
    most = 64

    def cut(data: bytes, flags: int, events: list[Json]) -> None:
        data = data.removesuffix(b"\x00\x00\xff\xff")
        pieces = [data[start : start + most] for start in range(0, len(data), most)]
        for index, piece in enumerate(pieces):
            last = index == len(pieces) - 1
            frame = {"seq": len(frames), "flags": flags if last else 0, "hex": piece.hex()}
            frames.append(frame | ({"events": events} if last else {}))

    for batch in range(12):
        events: list[Json] = [
            {"type": 3, "timestamp": 1_000 * batch + n, "data": {"source": 0, "text": f"{chance.getrandbits(90):x}"}}
            for n in range(chance.choice([1, 1, 2, 9]))
        ]
        if batch == 3:
            events = [{"type": 5, "data": {"text": "é日本👋", "nothing": None, "yes": True, "x": -1.25, "n": 2**40}}]
        data = b"".join(deflate.compress(packed(event)) for event in events) + deflate.flush(zlib.Z_SYNC_FLUSH)
        cut(data, END, events)
        if batch == 6:
            cut(deflate.flush(zlib.Z_FULL_FLUSH), END | FULL, [])
    return {"epoch": 4, "frames": frames}


# The log -----------------------------------------------------------------------------------------------------


class Player:
    """Plays steps on the Python log and writes down what can be observed."""

    def __init__(self, name: str, window_ms: int, window_bytes: int, cursors: int) -> None:
        self.log = Log(window_ms, window_bytes)
        self.cursors = [Cursor(self.log) for _ in range(cursors)]
        self.head = {"name": name, "window_ms": window_ms, "window_bytes": window_bytes, "cursors": cursors}
        self.steps: list[Json] = []

    def step(self, op: str, now: int = 0, **given: int) -> Any:
        log = self.log
        result: Json = None
        if op == "begin":
            log.begin(given["epoch"], given["next"])
        elif op == "append":
            result = log.append(Frame(given["epoch"], given["seq"], END, bytes(given["size"])), now)
        elif op == "add_part":
            place = (given["epoch"], given["seq"], given["id"], given["part"], given["parts"])
            result = log.add_part(Part(*place, bytes(given["size"])), now)
        elif op == "trim":
            log.trim(now)
        elif op == "join":
            self.cursors[given["cursor"]].join()
        elif op == "resume":
            result = self.cursors[given["cursor"]].resume(given["epoch"], given["seq"])
        elif op == "take":
            taken = self.cursors[given["cursor"]].take(given["limit"], now)
            result = [[1, item.seq] if isinstance(item, Frame) else [2, item.id, item.part] for item in taken]
        else:
            raise ValueError(op)
        self.steps.append({"op": op, "now": now, **given, "result": result, "state": self.state(now)})
        return result

    def state(self, now: int) -> Json:
        """`[epoch, first, next, size]`, `[id, seq, total, parts, size, log since]` of the checkpoint or null, the
        usable checkpoint's id or null, and `[epoch, next, waiting, lost]` of each cursor."""
        log, held = self.log, self.log.checkpoint
        usable = log.usable(now)
        return [
            [log.epoch, log.first, log.next, log.size],
            held and [held.id, held.seq, held.total, len(held.parts), held.size, log.since(held.seq)],
            usable and usable.id,
            [[cursor.epoch, cursor.next, int(cursor.waiting), int(cursor.lost)] for cursor in self.cursors],
        ]

    def done(self) -> Json:
        return self.head | {"steps": self.steps}


def told() -> Json:
    """A story told by hand: each rule once."""
    play = Player("each rule once", 10_000, 60_000, 2)
    play.step("begin", epoch=1, next=0)
    play.step("take", 0, cursor=0, limit=1_000)  # another epoch runs
    play.step("join", cursor=0)
    play.step("take", 0, cursor=0, limit=1_000)  # there is nothing to start from
    play.step("add_part", 1, epoch=1, seq=-1, id=0, part=1, parts=2, size=10)  # not the first
    play.step("add_part", 1, epoch=1, seq=-1, id=0, part=0, parts=2, size=10)
    play.step("take", 2, cursor=0, limit=1_000)  # what has come of it
    play.step("append", 3, epoch=1, seq=0, size=100)
    play.step("take", 3, cursor=0, limit=1_000)  # frames wait for the rest
    play.step("add_part", 4, epoch=1, seq=-1, id=0, part=0, parts=2, size=10)  # twice
    play.step("add_part", 4, epoch=1, seq=-1, id=0, part=1, parts=2, size=10)
    play.step("take", 4, cursor=0, limit=50)
    play.step("take", 4, cursor=0, limit=50)
    for seq in (0, 2, 1, 1, 2, 3):  # twice, ahead, next, twice ...
        play.step("append", 5, epoch=1, seq=seq, size=100)
    play.step("append", 5, epoch=2, seq=4, size=100)
    play.step("append", 5, epoch=0, seq=4, size=100)
    play.step("take", 5, cursor=0, limit=200)
    play.step("take", 5, cursor=0, limit=1)
    play.step("resume", cursor=1, epoch=1, seq=1)
    play.step("take", 5, cursor=1, limit=1_000)
    play.step("resume", cursor=1, epoch=2, seq=1)
    play.step("resume", cursor=1, epoch=1, seq=5)  # ahead: it waits
    play.step("take", 6, cursor=1, limit=1_000)
    for seq in range(4, 8):
        play.step("append", 7, epoch=1, seq=seq, size=12_000)
    play.step("take", 7, cursor=1, limit=30_000)
    play.step("join", cursor=1)
    play.step("take", 1_999, cursor=1, limit=10)  # too young to be stale
    play.step("join", cursor=1)
    play.step("take", 2_001, cursor=1, limit=10)  # stale: too much stands after it
    play.step("add_part", 2_100, epoch=1, seq=6, id=1, part=0, parts=3, size=16_384)  # a new one, arriving
    play.step("take", 2_100, cursor=1, limit=99_999)
    play.step("add_part", 2_200, epoch=1, seq=7, id=2, part=0, parts=1, size=16_384)  # given up for another
    play.step("take", 2_200, cursor=1, limit=99_999)
    play.step("join", cursor=1)
    play.step("take", 2_200, cursor=1, limit=99_999)
    play.step("add_part", 2_300, epoch=1, seq=7, id=1, part=0, parts=1, size=10)  # an older one
    play.step("append", 9_000, epoch=1, seq=8, size=50_000)  # the window's bytes
    play.step("trim", 19_000)
    play.step("trim", 19_001)  # its time
    play.step("take", 19_001, cursor=0, limit=99_999)  # fell off
    play.step("add_part", 19_002, epoch=1, seq=20, id=3, part=0, parts=1, size=10)  # restarts the log elsewhere
    play.step("join", cursor=0)
    play.step("take", 19_003, cursor=0, limit=99_999)
    play.step("take", 19_003, cursor=1, limit=99_999)
    play.step("append", 19_004, epoch=1, seq=9, size=10)
    play.step("append", 19_004, epoch=1, seq=21, size=10)
    play.step("add_part", 19_005, epoch=1, seq=21, id=4, part=0, parts=4, size=3 * MIB)
    play.step("add_part", 19_005, epoch=1, seq=21, id=4, part=1, parts=4, size=3 * MIB)
    play.step("add_part", 19_005, epoch=1, seq=21, id=4, part=2, parts=4, size=3 * MIB)  # too large
    play.step("begin", epoch=2, next=0)
    play.step("take", 19_006, cursor=0, limit=99_999)
    return play.done()


WEIGHTS: Final = {"append": 40, "part": 25, "take": 40, "join": 5, "resume": 6, "trim": 3, "begin": 1}


def wandering(seed: int) -> Json:
    """A story by chance: a lossy writer, checkpoints given up and restarted, readers of every speed."""
    chance = random.Random(seed)
    play = Player(f"by chance {seed}", 6_000, 90_000, 3)
    play.step("begin", epoch=1, next=0)
    now, made = 0, 0
    writing: tuple[int, int, int] | None = None  # seq, id, next part
    for _ in range(110):
        now += chance.choice([0, 1, 20, 400, 1_500])
        log = play.log
        kind = chance.choices(["append", "part", "take", "join", "resume", "trim", "begin"], [40, 25, 40, 5, 6, 3, 1])[
            0
        ]
        if kind == "append":
            seq = log.next + chance.choice([0] * 8 + [-1, 1])
            epoch = log.epoch + chance.choice([0] * 9 + [1, -1])
            play.step("append", now, epoch=epoch, seq=max(0, seq), size=chance.choice([0, 1, 300, 5_000, 16_384]))
        elif kind == "part":
            if writing is None or chance.random() < 0.15:
                seq = log.next - 1 + chance.choice([0] * 6 + [-1, -30, 30])
                writing = (max(-1, seq), made, 0)
                made += 1
            seq, id, part = writing
            part = max(0, part + chance.choice([0] * 8 + [-1, 1]))
            play.step(
                "add_part", now, epoch=log.epoch, seq=seq, id=id, part=part, parts=3, size=chance.choice([9, 9_000])
            )
            writing = (seq, id, part + 1) if part < 2 else None
        elif kind == "trim":
            play.step("trim", now)
        elif kind == "begin":
            play.step("begin", epoch=log.epoch + 1, next=0)
            writing = None
        else:
            cursor = chance.randrange(3)
            if kind == "take" and play.cursors[cursor].lost and chance.random() < 0.7:
                play.step("join", cursor=cursor)
            if kind == "take":
                play.step("take", now, cursor=cursor, limit=chance.choice([1, 9_000, 40_000, 262_144]))
            elif kind == "join":
                play.step("join", cursor=cursor)
            else:
                seq = max(-1, chance.randint(log.first - 3, log.next + 2))
                play.step("resume", cursor=cursor, epoch=log.epoch + chance.choice([0, 0, 0, 1]), seq=seq)
    return play.done()


def checked() -> list[Json]:
    """Messages with their checks, by their numbers."""
    given = [(b"", 0), (b"", 1), (b"\x00", 0), (packed({"type": "ping", "at": 1}), 0), (bytes(range(256)) * 3, 65_537)]
    return [{"n": n, "hex": message.hex(), "sealed": sealed(message, n).hex()} for message, n in given]


def vectors() -> Json:
    return {
        "messages": messages(),
        "invalid": invalid(),
        "said": said(),
        "checked": checked(),
        "stream": stream(),
        "logs": [told(), *(wandering(seed) for seed in range(5))],
        "close_codes": {code.name: code.value for code in CloseCode},
    }


def text(value: Json, depth: int = 0) -> str:
    """JSON with one entry of a list a line, so that changes can be read."""
    pad = " " * (depth + 1)
    if isinstance(value, dict) and depth < 3 and any(isinstance(item, list) for item in value.values()):
        lines = [f"{pad}{json.dumps(key)}: {text(item, depth + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + pad[1:] + "}"
    if isinstance(value, list) and depth < 4 and any(isinstance(item, dict) for item in value):
        lines = [pad + text(item, depth + 1) for item in value]
        return "[\n" + ",\n".join(lines) + "\n" + pad[1:] + "]"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(text(vectors()) + "\n")
