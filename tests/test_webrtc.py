"""The server as a WebRTC peer: what opens, what flows, and what a hostile participant cannot do."""

from __future__ import annotations

import gc
from itertools import pairwise

import msgpack
import pytest

from cobrowse.close_codes import CloseCode
from cobrowse.records import MAX_FRAME, MAX_MESSAGE, Frame, Part, packed
from cobrowse.transports import peer as peer_module
from cobrowse.transports.peer import MAX_PEER_MESSAGE, pieces

from .rtc import (
    HOST,
    Browser,
    broadcasting,
    canary,
    checkpoint,
    frame,
    hello,
    only,
    peers,
    run,
    serving,
    until,
    watching,
)

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


def test_what_is_to_be_sent_as_the_way_closes_fails_nobody() -> None:
    """aiortc sends in tasks of its own, which find the encryption closed before the association is."""

    async def main() -> None:
        async with serving() as hub:
            carrier, _ = await broadcasting(hub)
            browser = await Browser(carrier).open()
            log = only(hub)._log
            dtls = log.transport.transport
            state, dtls._state = dtls._state, type(dtls._state).CLOSED
            log.send(b"late")
            await until(lambda: not log.transport._data_channel_queue)
            gc.collect()  # so that a task that has failed is told of
            dtls._state = state
            await browser.close()
            await until(lambda: len(peers(hub)) == 0)

    run(main)


def test_a_connection_that_opens_while_its_peer_is_closed_is_none_of_the_hub() -> None:
    async def main() -> None:
        async with serving() as hub:
            carrier, _ = await broadcasting(hub)
            browser = await Browser(carrier).open()
            peer, before = only(hub), len(hub._connections)
            peer.close()
            peer._on_open()
            assert len(hub._connections) == before
            await browser.close()
            await until(lambda: len(peers(hub)) == 0)

    run(main)
