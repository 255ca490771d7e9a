"""A message that was changed on the way is seen, and what follows is no harm that lasts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobrowse.app import create_app
from cobrowse.close_codes import CloseCode
from cobrowse.records import packed
from cobrowse.transports.check import CHECK_SIZE, Garbled, opened, sealed

from .links import ORIGIN, CheckedHttpLink, CheckedWebSocketLink, Participant, hello, running, settings
from .links import Closed as HasClosed


@given(st.binary(max_size=200), st.integers(0, 1_000_000), st.integers(1, 65_535))
def test_what_was_sent_opens_in_its_turn_alone(message: bytes, n: int, more: int) -> None:
    assert opened(sealed(message, n), n) == message
    with pytest.raises(Garbled):
        opened(sealed(message, n), n + more)


@given(st.binary(max_size=200), st.integers(0, 70_000), st.integers(0, 2**16), st.integers(1, 65_535))
def test_every_bit_and_up_to_sixteen_in_a_row_are_seen(message: bytes, n: int, place: int, burst: int) -> None:
    whole = int.from_bytes(sealed(message, n), "big")
    size = len(message) + CHECK_SIZE
    changed = whole ^ burst << 8 * (place % (len(message) + 1))
    with pytest.raises(Garbled):
        opened(changed.to_bytes(size, "big"), n)


@pytest.mark.parametrize("whole", [b"", b"\x00", b"\x00\x00"])
def test_too_little_is_seen(whole: bytes) -> None:
    with pytest.raises(Garbled):
        opened(whole, 1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    async with running(create_app(settings())) as started:
        yield started.url


@pytest.mark.parametrize("changed", [b"\x00", b"", None], ids=["another byte", "one less", "twice"])
@pytest.mark.anyio
async def test_a_websocket_that_garbles_is_closed_and_may_come_back(changed: bytes | None) -> None:
    async with serving() as url:
        link = await CheckedWebSocketLink.open(url, ORIGIN)
        participant = Participant(link)
        await participant.say(hello("broadcaster"))
        await participant.until("welcome")
        whole = sealed(packed({"type": "pong", "at": 1}), 1)
        await link.socket.send(whole if changed is None else whole[:-1] + changed)
        await link.socket.send(whole)
        assert (await participant.until("closed"))["code"] == CloseCode.GARBLED
        with pytest.raises(HasClosed) as caught:
            await participant.next()
        assert caught.value.code == CloseCode.GARBLED < CloseCode.INVALID


@pytest.mark.anyio
async def test_text_on_a_checked_websocket_is_garbled_too() -> None:
    async with serving() as url:
        link = await CheckedWebSocketLink.open(url, ORIGIN)
        await link.socket.send("text")
        assert (await Participant(link).closed()).code == CloseCode.GARBLED


@pytest.mark.anyio
async def test_an_http_message_that_was_garbled_is_asked_for_again() -> None:
    async with serving() as url:
        link = await CheckedHttpLink.open(url, ORIGIN)
        assert isinstance(link, CheckedHttpLink)
        whole = sealed(packed(hello("broadcaster")), 0)
        async with httpx2.AsyncClient() as client:
            answer = await client.post(f"{link.base}/0?got=0", content=whole[:-1])
            assert answer.status_code == 400
            assert "send it again" in answer.text
            assert (await client.post(f"{link.base}/1?got=0", content=whole)).status_code == 409
            assert (await client.post(f"{link.base}/0?got=0", content=whole)).status_code == 204
        link.next = 1
        await Participant(link).until("welcome")
        await link.close()
