"""A real Chromium as the other end of the server's peer, with the client's own code."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from cobrowse import hub as hub_module
from cobrowse.close_codes import CloseCode
from cobrowse.records import MAX_FRAME, Frame, Part

from .chromium import PagePeer, browsing
from .rtc import HOST, broadcasting, canary, checkpoint, frame, hello, peers, run, serving, until, watching


def test_a_page_opens_with_mdns_candidates_and_gets_all_there_is() -> None:
    async def main() -> None:
        async with serving() as hub, browsing() as browser:
            carrier, welcome = await broadcasting(hub)
            viewing, admitted = await watching(hub, carrier, welcome["session"])
            page = await PagePeer.on_a_page(browser)
            page.to = lambda signal: viewing.signal(**signal)
            await page.open()
            page.receive(await viewing.answered())
            await page.is_open()
            assert page.candidates
            assert all(".local " in candidate for candidate in page.candidates)

            page.say(hello("viewer", session=welcome["session"], token=admitted["token"]))
            await page.until("admitted")
            assert (await viewing.ended()).code == CloseCode.REPLACED
            page.say({"type": "subscribe", "id": 1, "position": None})
            while not (await carrier.until("demand"))["checkpoint"]:
                pass
            picture = bytes(range(256)) * 1_024
            frames = [frame(welcome["epoch"], seq, bytes([seq]) * (MAX_FRAME if seq % 2 else 99)) for seq in range(40)]
            for record in checkpoint(welcome["epoch"], -1, 1, picture) + frames:
                carrier.say(record)
            parts = b""
            came: list[object] = []
            while len(came) < len(frames):
                item = await page.next()
                if isinstance(item, Part):
                    parts += item.data
                elif isinstance(item, Frame):
                    came.append([1, item.epoch, item.seq, item.flags, item.data])
            assert parts == picture
            assert came == frames

            page.record("", "pointer", 3, 0.5, 0.25)
            while not isinstance(up := await carrier.next(), list):
                pass
            assert up == [3, admitted["viewer"], "pointer", 3, 0.5, 0.25]
            carrier.say([3, admitted["viewer"], "echo", 1, 1, 2])
            while not isinstance(down := await page.next(), list):
                pass
            assert down == [3, "", "echo", 1, 1, 2]

            carrier.say({"type": "remove", "viewer": admitted["viewer"], "reason": "bye"})
            assert (await page.ended()).code == CloseCode.REMOVED
            await until(lambda: len(peers(hub)) == 0)
            await page.close()

    run(main)


def test_another_participant_has_no_packets_sent_to_this_machines_loopback() -> None:
    async def main() -> None:
        async with browsing() as browser:
            visitor, hostile = await PagePeer.on_a_page(browser), await PagePeer.on_a_page(browser)
            with canary("127.0.0.1") as (port, came), canary(own_address()) as (reached, came_there):
                lines = [HOST.format("127.0.0.1", port), HOST.format("::ffff:127.0.0.1", port)]
                lines += [HOST.format("169.254.169.254", 8_080), HOST.format("localhost", port)]
                # An address of a network is checked, and as it is the last in order, all others have been by then.
                lines.append(HOST.format(own_address(), reached).replace("2130706431", "1"))

                def to_visitor(signal: dict[str, Any]) -> None:
                    if description := signal.get("description"):
                        more = "".join(f"a={line}\r\n" for line in lines)
                        signal = {"description": {**description, "sdp": description["sdp"] + more}}
                        visitor.receive(signal)  # and none of its own candidates, which would be found good at once
                        for line in lines:
                            visitor.receive({"candidate": {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}})

                hostile.to = to_visitor
                await visitor.open(polite=True, trusted=False)
                await hostile.open()
                await until(lambda: len(came_there()) > 0)
                assert came() == []
            for page in (visitor, hostile):
                await page.close()

    run(main)


def own_address() -> str:
    """That of this machine in a network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("192.0.2.1", 9))
        address: str = asking.getsockname()[0]
        return address


def test_a_page_that_goes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SILENT_AFTER_MS", 3_000)

    async def main() -> None:
        async with serving() as hub, browsing() as browser:
            carrier, welcome = await broadcasting(hub)
            page = await PagePeer.on_a_page(browser)
            page.to = lambda signal: carrier.signal(**signal)
            await page.open()
            page.receive(await carrier.answered())
            await page.is_open()
            page.say(hello("broadcaster", token=welcome["token"]))
            await page.until("welcome")
            await page.page.close()
            await until(lambda: len(peers(hub)) == 0)
            assert hub.sessions[welcome["session"]].state == "away"

    run(main)
