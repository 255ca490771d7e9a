"""Waking viewers: together, and none at the cost of another."""

from __future__ import annotations

import asyncio

import pytest

from cobrowse.connection import Connection
from cobrowse.messages import Subscribe
from cobrowse.session import Session
from cobrowse.waking import Waking

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_one_that_fails_does_not_keep_the_others_from_theirs(caplog: pytest.LogCaptureFixture) -> None:
    session = Session("s", b"", 0)
    session.relay.place(1)
    connections = {id: Connection(lambda connection, room: [], None, "") for id in ("a", "b", "c", "d")}
    woken: list[str] = []

    def push(id: str) -> bool:
        woken.append(id)
        if id == "b":
            raise ValueError("on purpose")
        return id != "c"

    for id, connection in connections.items():
        session.relay.subscribe(id, Subscribe(id=1, position=None), 0)
        connection.push = lambda id=id: push(id)
    waking = Waking(lambda session, id: connections.get(id) if id != "d" else None)
    for viewer in (None, "a", None, "d"):
        waking.add(session, viewer)
    assert woken == [], "not before what has come meanwhile is taken"
    await asyncio.sleep(0)
    assert woken == ["a", "b", "c"], "each once"
    ready = {id for id, connection in connections.items() if connection.ready.is_set()}
    assert ready == {"b", "c"}, "their tasks go on"
    assert "cannot be sent to" in caplog.text
