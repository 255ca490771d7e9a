"""The server as a WebRTC peer: what opens, what flows, and what a hostile participant cannot do."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import aioice.ice
import google_crc32c
import msgpack
import pytest
from aiortc.rtcsctptransport import DataChunk, ForwardTsnChunk, InitChunk, SackChunk

from cobrowse.close_codes import CloseCode
from cobrowse.records import MAX_FRAME, MAX_MESSAGE, Frame, Part, packed
from cobrowse.transports import peer as peer_module
from cobrowse.transports.guard import MAX_CHUNKS, SLACK, WINDOW
from cobrowse.transports.peer import MAX_PEER_MESSAGE, Peer, pieces

from .rtc import (
    Browser,
    broadcasting,
    checkpoint,
    frame,
    hello,
    peers,
    run,
    serving,
    until,
    watching,
)

HOST = "candidate:1 1 udp 2130706431 {} {} typ host"


def with_candidates(*lines: str) -> Callable[[str], str]:
    return lambda sdp: sdp + "".join(f"a={line}\r\n" for line in lines)


def only(hub: Any) -> Peer:
    """The one peer that there is."""
    [peer] = peers(hub)._tasks.values()
    return peer


@contextmanager
def canary(address: str) -> Iterator[tuple[int, Callable[[], list[bytes]]]]:
    """A UDP socket that nothing should come to: its port, and what has come."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((address, 0))
        listener.setblocking(False)

        def came() -> list[bytes]:
            datagrams = []
            while True:
                try:
                    datagrams.append(listener.recv(2_048))
                except BlockingIOError:
                    return datagrams

        yield listener.getsockname()[1], came


# What opens and flows ----------------------------------------------------------------------------------------


def test_a_data_channel_takes_the_carriers_place() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, welcome = await broadcasting(hub)
            browser = await Browser(carrier).open()
            browser.say(hello("broadcaster", token=welcome["token"], epoch=welcome["epoch"]))
            again = await browser.until("welcome")
            assert (again["session"], again["epoch"]) == (welcome["session"], welcome["epoch"])
            assert (await carrier.ended()).code == CloseCode.REPLACED
            await browser.close()
            await until(lambda: len(peers(hub)) == 0)
            await until(lambda: hub.sessions[welcome["session"]].state == "away")

    run(main)


def test_frames_and_checkpoints_go_through_in_order() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, welcome = await broadcasting(hub)
            viewing, admitted = await watching(hub, carrier, welcome["session"])
            broadcaster = await Browser(carrier).open()
            known = {"id": admitted["viewer"], "name": "Guest", "role": "guest", "capabilities": ["view"]}
            broadcaster.say(hello("broadcaster", token=welcome["token"], epoch=welcome["epoch"], viewers=[known]))
            epoch = (await broadcaster.until("welcome"))["epoch"]
            viewer = await Browser(viewing).open()
            viewer.say(hello("viewer", session=welcome["session"], token=admitted["token"]))
            await viewer.until("admitted")
            viewer.say({"type": "subscribe", "id": 1, "position": None})
            while not (await broadcaster.until("demand"))["checkpoint"]:
                pass
            page = bytes(range(256)) * 4_096
            for record in checkpoint(epoch, -1, 1, page):
                broadcaster.say(record)
            frames = [frame(epoch, seq, bytes([seq % 256]) * (MAX_FRAME if seq % 3 else 64)) for seq in range(200)]
            for record in frames:
                broadcaster.say(record)
            assert (await viewer.until("reset"))["reason"] == "join"
            parts: list[Part] = []
            came: list[Frame] = []
            while len(came) < len(frames):
                item = await viewer.next()
                if isinstance(item, Part):
                    parts.append(item)
                elif isinstance(item, Frame):
                    came.append(item)
            assert b"".join(part.data for part in parts) == page
            assert [[1, one.epoch, one.seq, one.flags, one.data] for one in came] == frames
            await viewer.close()
            await broadcaster.close()

    run(main)


def test_volatile_records_have_a_channel_of_their_own() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, welcome = await broadcasting(hub)
            viewing, admitted = await watching(hub, carrier, welcome["session"])
            viewer = await Browser(viewing).open()
            viewer.say(hello("viewer", session=welcome["session"], token=admitted["token"]))
            await viewer.until("admitted")
            viewer.record("", "pointer", 3, 0.5, 0.25)
            while not isinstance(up := await carrier.next(), list):
                pass
            assert up == [3, admitted["viewer"], "pointer", 3, 0.5, 0.25]
            carrier.say([3, admitted["viewer"], "echo", 1, 1, 2])
            assert await viewer.records.get() == [3, "", "echo", 1, 1, 2]
            await viewer.close()

    run(main)


def test_a_message_is_cut_between_its_values() -> None:
    values = [packed([1, 1, seq, 1, bytes(seq * 997 % MAX_FRAME)]) for seq in range(12)]
    values.insert(5, packed({"type": "signal", "sdp": "x" * 40_000}))
    cut = list(pieces(b"".join(values)))
    assert b"".join(cut) == b"".join(values)
    assert {value for piece in cut for value in _values(piece)} == set(values)
    assert [len(piece) > MAX_PEER_MESSAGE for piece in cut].count(True) == 1
    assert list(pieces(values[0])) == [values[0]]
    assert all(len(a) + len(b) > MAX_PEER_MESSAGE for a, b in pairwise(cut))


def _values(piece: bytes) -> list[bytes]:
    found, start = [], 0
    unpacker = msgpack.Unpacker()
    unpacker.feed(piece)
    while start < len(piece):
        unpacker.skip()
        found.append(piece[start : unpacker.tell()])
        start = unpacker.tell()
    return found


def test_candidates_that_trickle_are_used() -> None:
    async def main() -> None:
        async with serving(webrtc_private=True) as hub:
            carrier, _ = await broadcasting(hub)
            browser = Browser(carrier)
            sdp = await browser.offer(lambda sdp: "\r\n".join(line for line in sdp.split("\r\n") if "cand" not in line))
            ufrag = sdp.split("a=ice-ufrag:")[1].split("\r\n")[0]
            with canary("127.0.0.5") as (port, came), canary("127.0.0.6") as (other, nothing):
                for candidate, fragment in (
                    (HOST.format("127.0.0.5", port), ufrag),
                    (HOST.format("127.0.0.6", other), "ofanother"),
                    ("", ufrag),
                ):
                    carrier.signal(
                        candidate={
                            "candidate": candidate,
                            "sdpMid": "0",
                            "sdpMLineIndex": 0,
                            "usernameFragment": fragment,
                        }
                    )
                answer = await carrier.answered()
                await until(lambda: len(came()) > 0)
                await browser.accept(answer)
                await browser.opened.wait()
                assert nothing() == []
            await browser.close()

    run(main)


# What ends ---------------------------------------------------------------------------------------------------


def test_a_close_code_is_told_before_the_channel_closes() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, welcome = await broadcasting(hub)
            browser = await Browser(carrier).open()
            browser.say(hello("broadcaster", token="no token"))
            closed = await browser.ended()
            assert closed.code == CloseCode.UNAUTHORIZED
            assert closed.reason
            await until(lambda: len(peers(hub)) == 0)
            assert carrier.closed is None, "the carrier goes on"
            second = await Browser(carrier).open()
            second.say(hello("broadcaster", token=welcome["token"]))
            await second.until("welcome")
            await second.close()
            await browser.close()

    run(main)


def test_what_is_wrong_on_a_channel_closes_it_as_on_a_websocket() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, _ = await broadcasting(hub)
            for sent, code in (
                (b"\xc1", CloseCode.INVALID),
                (packed({"type": "ping", "at": 0.0}), CloseCode.NO_HELLO),
                (bytes(MAX_MESSAGE + 1), CloseCode.TOO_LARGE),
            ):
                browser = await Browser(carrier).open()
                browser.log.send(sent)
                assert (await browser.ended()).code == code
                await browser.close()

    run(main)


def test_a_carrier_that_is_lost_takes_nothing_with_it() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, welcome = await broadcasting(hub)
            browser = Browser(carrier)
            await browser.offer()
            answer = await carrier.answered()
            carrier.lose()
            await browser.accept(answer)
            await browser.opened.wait()
            browser.say(hello("broadcaster", token=welcome["token"], epoch=welcome["epoch"]))
            assert (await browser.until("welcome"))["session"] == welcome["session"]
            await browser.close()

    run(main)


def test_an_offer_that_comes_to_nothing_is_declined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_module, "OPEN_WITHIN_S", 0.3)

    async def main() -> None:
        async with serving() as hub:
            carrier, _ = await broadcasting(hub)
            browser = Browser(carrier)
            await browser.offer()
            assert (await carrier.answered())["description"]["type"] == "answer"
            assert "no way through" in (await carrier.answered())["declined"]
            await until(lambda: len(peers(hub)) == 0)
            await browser.close()

    run(main)


def test_a_new_offer_takes_the_place_of_one_that_did_not_open() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, _ = await broadcasting(hub)
            earlier = Browser(carrier)
            await earlier.offer()
            await carrier.answered()
            later = await Browser(carrier).open()
            await until(lambda: len(peers(hub)) == 1)
            carrier.signal(declined="never mind")
            await later.ended()
            await until(lambda: len(peers(hub)) == 0)
            await earlier.close()
            await later.close()

    run(main)


def test_a_server_that_stops_tells_open_peers_and_leaves_nothing() -> None:
    async def main() -> None:
        async with serving() as hub:
            browsers = []
            for _ in range(3):
                carrier, welcome = await broadcasting(hub)
                browser = await Browser(carrier).open()
                browser.say(hello("broadcaster", token=welcome["token"]))
                await browser.until("welcome")
                browsers.append(browser)
            waiting, _ = await broadcasting(hub)
            opening = Browser(waiting)
            await opening.offer()
            await waiting.answered()
            await hub.stop()
            await opening.close()
            assert len(peers(hub)) == 0
            for browser in browsers:
                assert (await browser.ended()).code == CloseCode.RESTARTING
                await browser.close()

    run(main)


def test_a_browser_that_takes_nothing_is_closed_as_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_module, "SLOW_AFTER_S", 0.3)

    async def main() -> None:
        async with serving() as hub:
            carrier, welcome = await broadcasting(hub)
            viewing, admitted = await watching(hub, carrier, welcome["session"])
            viewer = await Browser(viewing).open()
            viewer.say(hello("viewer", session=welcome["session"], token=admitted["token"]))
            await viewer.until("admitted")
            viewer.say({"type": "subscribe", "id": 1, "position": None})
            while not (await carrier.until("demand"))["checkpoint"]:
                pass
            peer = only(hub)
            assert peer.connection is not None

            async def deaf(packet: bytes) -> None: ...

            viewer.rtc.sctp._handle_data = deaf  # type: ignore[union-attr,method-assign]
            for record in checkpoint(welcome["epoch"], -1, 1, bytes(4 * 1_048_576)):
                carrier.say(record)
            await until(lambda: peer.connection is not None and peer.connection.closing is not None)
            assert peer.connection.closing is not None
            assert peer.connection.closing[0] == CloseCode.SLOW
            assert peer._log.bufferedAmount < 1_048_576 + MAX_MESSAGE
            await until(lambda: len(peers(hub)) == 0)
            await viewer.close()

    run(main)


# What is declined --------------------------------------------------------------------------------------------


def test_peers_over_the_bound_are_declined() -> None:
    async def main() -> None:
        async with serving(webrtc_peers=1) as hub:
            first, _ = await broadcasting(hub)
            second, _ = await broadcasting(hub)
            browser = await Browser(first).open()
            refused = Browser(second)
            await refused.offer()
            assert "too many peers" in (await second.answered())["declined"]
            await browser.close()
            await until(lambda: len(peers(hub)) == 0)
            await refused.close()
            accepted = await Browser(second).open()
            await accepted.close()

    run(main)


def test_webrtc_can_be_off() -> None:
    async def main() -> None:
        async with serving(webrtc=False) as hub:
            carrier, _ = await broadcasting(hub)
            browser = Browser(carrier)
            await browser.offer()
            assert "no relay by WebRTC" in (await carrier.answered())["declined"]
            await browser.close()

    run(main)


def test_bad_offers_are_declined_and_the_carrier_goes_on() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, _ = await broadcasting(hub)
            browser = Browser(carrier)
            await browser.rtc.setLocalDescription()
            good = browser.rtc.localDescription.sdp
            media = good.split("m=")[1]
            for sdp, says in (
                ("", "one section"),
                ("v=0\r\n" * 300, "300 lines"),
                (good + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n", "m=audio"),
                (good + "m=" + media, "one section"),
                (good.replace("a=fingerprint:", "a=print:"), "fingerprints"),
            ):
                carrier.signal(description={"type": "offer", "sdp": sdp})
                assert says in (await carrier.answered())["declined"]
            await browser.close()
            assert len(peers(hub)) == 0

    run(main)


def test_an_answer_is_no_offer() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, _ = await broadcasting(hub)
            carrier.signal(description={"type": "answer", "sdp": "v=0"})
            assert "answers offers" in (await carrier.answered())["declined"]
            carrier.signal(candidate={"candidate": HOST.format("192.0.2.9", 5_000)})
            carrier.say({"type": "ping", "at": 1.0})
            await carrier.until("pong")

    run(main)


@pytest.mark.parametrize(("size", "code"), [(1_048_576, CloseCode.TOO_LARGE), (20_000, CloseCode.INVALID)])
def test_an_sdp_that_is_too_large_closes_the_carrier(size: int, code: CloseCode) -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, _ = await broadcasting(hub)
            carrier.signal(description={"type": "offer", "sdp": "x" * size})
            assert (await carrier.ended()).code == code
            assert len(peers(hub)) == 0

    run(main)


def test_a_thousand_candidates_close_the_peer() -> None:
    async def main() -> None:
        async with serving(webrtc_private=True) as hub:
            carrier, _ = await broadcasting(hub)
            browser = Browser(carrier)
            await browser.offer()
            await carrier.answered()
            peer = only(hub)
            for n in range(1_000):
                carrier.signal(candidate={"candidate": HOST.format("127.0.0.1", 10_000 + n)})
            assert "candidates" in (await carrier.answered())["declined"]
            await until(lambda: len(peers(hub)) == 0)
            assert peer._named == 51
            assert carrier.items.empty(), "it is said once"
            await browser.close()

    run(main)


def test_offers_have_a_rate() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, _ = await broadcasting(hub)
            answers = []
            for _ in range(8):
                carrier.signal(description={"type": "offer", "sdp": "x"})
            carrier.say({"type": "ping", "at": 1.0})
            while (item := await carrier.next())["type"] != "pong":
                if item["type"] == "signal":
                    answers.append(item["declined"])
            assert len(answers) == 8
            assert answers[-1] == "more than 20 signals a second"

    run(main)


# What a hostile participant cannot do ------------------------------------------------------------------------

FORBIDDEN = ["127.0.0.5", "::1"]
NEVER_ASKED = [
    HOST.format("169.254.169.254", 8_080),
    HOST.format("10.0.0.1", 8_080),
    HOST.format("192.168.0.1", 8_080),
    HOST.format("100.64.0.1", 8_080),
    HOST.format("::ffff:169.254.169.254", 8_080),
    HOST.format("fd00::1", 8_080),
    HOST.format("metadata.example", 8_080),
    HOST.format("d5c1f8a0-6c7e-4f0e-9a7c-3a0a52e9f3c1.local", 8_080),
    "candidate:1 1 tcp 2105458943 192.0.2.9 9 typ host tcptype active",
]


def test_forbidden_addresses_get_no_packet_and_names_no_look_up() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, _ = await broadcasting(hub)
            with canary("127.0.0.5") as (port, came), canary("::1") as (other, came_too):
                lines = [
                    HOST.format("127.0.0.5", port),
                    HOST.format("::ffff:127.0.0.5", port),
                    HOST.format("::1", other),
                    f"candidate:2 1 udp 1694498815 127.0.0.5 {port} typ srflx raddr 192.0.2.1 rport 9",
                    *NEVER_ASKED,
                ]
                browser = Browser(carrier)
                await browser.offer(with_candidates(*lines))
                answer = await carrier.answered()
                peer = only(hub)
                for line in lines:
                    carrier.signal(candidate={"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0})
                await browser.accept(answer)
                await browser.opened.wait()
                assert peer._candidates.empty()
                ice = peer._log.transport.transport.transport._connection
                assert {one.type for one in ice._remote_candidates} == {"prflx"}
                assert came() == came_too() == []
                assert getattr(aioice.ice._mdns, "protocol", None) is None
            await browser.close()

    run(main)


def test_the_addresses_that_one_peer_can_have_checked_are_bounded() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, _ = await broadcasting(hub)
            browser = await Browser(carrier).open()
            ice = only(hub)._log.transport.transport.transport._connection
            [pair] = [pair for pair in ice._check_list if pair.nominated]
            message = browser.log.transport.transport.transport._connection.build_request(pair, nominate=False)
            for port in range(10_000, 11_000):
                ice.check_incoming(message, ("127.0.0.7", port), pair.protocol)
            assert len(ice._remote_candidates) == 100
            await browser.close()

    run(main)


def hostile(send: Callable[[Any], Any]) -> tuple[int, int, int]:
    """Let a browser send what it likes by its SCTP transport; the close code, and the most that was held."""
    result: list[int] = []

    async def main() -> None:
        async with serving() as hub:
            carrier, welcome = await broadcasting(hub)
            browser = await Browser(carrier).open()
            browser.say(hello("broadcaster", token=welcome["token"]))
            await browser.until("welcome")
            peer = only(hub)
            sctp = peer._log.transport
            most = [0, 0]
            receive = sctp._receive_data_chunk

            async def watched(chunk: Any) -> None:
                await receive(chunk)
                chunks = [one for stream in sctp._inbound_streams.values() for one in stream.reassembly]
                most[0] = max(most[0], sum(len(one.user_data) for one in chunks))
                most[1] = max(most[1], len(chunks), len(sctp._sack_misordered))

            sctp._receive_data_chunk = watched
            connection = peer.connection
            assert connection is not None
            await send(browser)
            await until(lambda: connection.closing is not None)
            assert connection.closing is not None
            await until(lambda: len(peers(hub)) == 0)
            assert not sctp._inbound_streams
            await browser.close()
            result.extend((connection.closing[0], *most))

    run(main)
    code, size, chunks = result
    return code, size, chunks


def test_an_endless_message_closes_the_peer() -> None:
    async def send(browser: Browser) -> None:
        browser.log.transport._remote_max_message_size = 0
        browser.log.send(bytes(16 * 1_048_576))

    code, size, chunks = hostile(send)
    assert code == CloseCode.INVALID
    assert size <= WINDOW + SLACK
    assert chunks <= MAX_CHUNKS


def test_many_small_pieces_of_a_message_close_the_peer() -> None:
    async def send(browser: Browser) -> None:
        sctp: Any = browser.log.transport
        for n in range(MAX_CHUNKS + 10):
            await sctp._send_chunk(_chunk((sctp._local_tsn + n) % 2**32, first=n == 0))

    code, _, chunks = hostile(send)
    assert code == CloseCode.INVALID
    assert chunks <= MAX_CHUNKS + 1


def test_a_hole_that_is_never_filled_closes_the_peer() -> None:
    async def send(browser: Browser) -> None:
        sctp: Any = browser.log.transport
        for n in range(MAX_CHUNKS + 10):
            await sctp._send_chunk(_chunk((sctp._local_tsn + 5 + n) % 2**32, first=True, last=True, unordered=True))

    code, _, chunks = hostile(send)
    assert code == CloseCode.INVALID
    assert chunks <= MAX_CHUNKS + 1


def _chunk(tsn: int, first: bool = False, last: bool = False, unordered: bool = False) -> DataChunk:
    chunk = DataChunk(flags=(2 if first else 0) | (1 if last else 0) | (4 if unordered else 0))
    chunk.tsn, chunk.stream_id, chunk.stream_seq, chunk.protocol = tsn, 1 if unordered else 0, 1, 53
    chunk.user_data = packed({"type": "pong", "at": 0.0})
    return chunk


@pytest.mark.parametrize("what", ["sack", "future sack", "forward", "text", "open", "stream", "assertion"])
def test_what_aiortc_would_trust_closes_the_peer(what: str) -> None:
    async def send(browser: Browser) -> None:
        sctp: Any = browser.log.transport
        if what == "sack":
            chunk: Any = SackChunk()
            chunk.cumulative_tsn = (sctp._last_received_tsn) % 2**32
            chunk.gaps = [(1, 65_535)] * 300
        elif what == "future sack":
            chunk = SackChunk()
            chunk.cumulative_tsn = (sctp._last_received_tsn + 2**30) % 2**32
        elif what == "forward":
            chunk = ForwardTsnChunk()
            chunk.cumulative_tsn = sctp._local_tsn
            chunk.streams = [(7, 1)]
        elif what == "assertion":
            chunk = InitChunk()
            chunk.initial_tsn = chunk.advertised_rwnd = chunk.initiate_tag = 1
            chunk.inbound_streams = chunk.outbound_streams = 1
            packet = struct.pack("!HHL", sctp._local_port, sctp._remote_port, 0), bytes(chunk) * 2
            checksum = struct.pack("<L", google_crc32c.value(packet[0] + bytes(4) + packet[1]))
            await sctp.transport._send_data(packet[0] + checksum + packet[1])
            return
        else:
            chunk = _chunk(sctp._local_tsn, first=True, last=True)
            chunk.protocol = {"text": 51, "open": 50, "stream": 53}[what]
            chunk.stream_id = 4 if what == "stream" else 0
        await sctp._send_chunk(chunk)

    code, _, _ = hostile(send)
    assert code == CloseCode.INVALID
