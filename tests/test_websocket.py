"""The hub over real WebSockets: what is wrong closes one connection, says why, and the rest goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import jwt
import pytest
from starlette.testclient import TestClient

from cobrowse.app import create_app
from cobrowse.close_codes import CloseCode
from cobrowse.connection import Connection, clock
from cobrowse.hub import HELLO_WITHIN_MS
from cobrowse.records import END, MAX_MESSAGE, MAX_VALUES, MAX_VOLATILE, Frame, Part, packed
from cobrowse.tokens import Broadcasting, Policy, Watching

from .shop import ORIGIN, PROOF, TOKENS, Message, hello, settings
from .sockets import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    app = create_app(settings())
    with TestClient(app) as client, ExitStack() as stack:
        yield Stage(client, app, stack)


def agent(**changed: Any) -> Callable[[Stage], Message]:
    return lambda stage: hello("viewer", session=stage.session, proof=None, token=TOKENS.agent("Bo", **changed))


def viewer(**changed: Any) -> Callable[[Stage], Message]:
    return lambda stage: hello("viewer", **{"session": stage.session, **changed})


def broadcaster(**changed: Any) -> Callable[[Stage], Message]:
    return lambda stage: hello("broadcaster", **changed)


def another_sessions_token(stage: Stage) -> Message:
    token = TOKENS.viewer(Watching("another", "ab", "Ann", "agent"))
    return hello("viewer", session=stage.session, proof=None, token=token)


def ended_session(stage: Stage) -> Message:
    link = stage.open(ORIGIN)
    before = set(stage.hub.sessions)
    link.send(hello("broadcaster"))
    link.expect("welcome")
    [session] = set(stage.hub.sessions) - before
    link.send({"type": "end"})
    assert link.closed().code == CloseCode.ENDED
    return hello("viewer", session=session)


def broadcaster_with_a_viewers_token(stage: Stage) -> Message:
    return hello("broadcaster", token=stage.viewer["token"])


def none_algorithm(stage: Stage) -> Message:
    now = int(time.time())
    claims = {"iss": "cobrowse", "aud": "agent", "sub": "Eve", "role": "agent", "iat": now, "exp": now + 60}
    return hello("viewer", session=stage.session, proof=None, token=jwt.encode(claims, "", algorithm="none"))


def own_role(stage: Stage) -> Message:
    now = int(time.time())
    claims = {"iss": "cobrowse", "aud": "agent", "sub": "Eve", "role": "agent", "iat": now, "exp": now + 60}
    return hello("viewer", session=stage.session, proof=None, token=jwt.encode(claims, "e" * 64))


FIRST_MESSAGES: list[tuple[str, Any, str | None, CloseCode, str]] = [
    ("ping first", {"type": "ping", "at": 1}, ORIGIN, CloseCode.NO_HELLO, "first message must be hello"),
    ("frame first", Frame(1, 0, 0, b"").record, ORIGIN, CloseCode.NO_HELLO, "first message must be hello"),
    ("volatile first", [3, "", "pointer"], ORIGIN, CloseCode.NO_HELLO, "first message must be hello"),
    ("unknown type first", {"type": "later"}, ORIGIN, CloseCode.NO_HELLO, "first message must be hello"),
    ("not msgpack", b"\xc1", ORIGIN, CloseCode.INVALID, "not MessagePack"),
    ("JSON", b'{"type": "hello"}', ORIGIN, CloseCode.INVALID, "got int"),
    ("cut off", packed(hello("broadcaster"))[:-1], ORIGIN, CloseCode.INVALID, "not MessagePack"),
    ("too large", b"\x90" * (MAX_MESSAGE + 1), ORIGIN, CloseCode.TOO_LARGE, f"{MAX_MESSAGE + 1} bytes"),
    ("too many values", b"\x90" * (MAX_VALUES + 1), ORIGIN, CloseCode.INVALID, f"more than {MAX_VALUES}"),
    ("no role", {"type": "hello"}, ORIGIN, CloseCode.INVALID, "hello: role"),
    ("unknown role", hello("boss"), ORIGIN, CloseCode.INVALID, "hello: role"),
    ("role that is a list", {"type": "hello", "role": ["viewer"]}, ORIGIN, CloseCode.INVALID, "hello: role"),
    ("bad field", broadcaster(proof=b"short"), ORIGIN, CloseCode.INVALID, "hello: proof"),
    ("newer wire", broadcaster(wire=99), ORIGIN, CloseCode.VERSION_MISMATCH, "wire 99"),
    ("older wire", broadcaster(wire=-1), ORIGIN, CloseCode.VERSION_MISMATCH, "load the page again"),
    ("other log", viewer(log=2), None, CloseCode.VERSION_MISMATCH, "log 2"),
    ("unknown site", broadcaster(site="nowhere"), ORIGIN, CloseCode.UNKNOWN_SITE, "'nowhere'"),
    ("another site's origin", broadcaster(site="other"), ORIGIN, CloseCode.ORIGIN_NOT_ALLOWED, "'other'"),
    ("a page of the server's own", broadcaster(), None, CloseCode.ORIGIN_NOT_ALLOWED, "http://testserver"),
    ("unknown session", viewer(session="nothing"), None, CloseCode.UNKNOWN_SESSION, "no such session"),
    ("ended session", ended_session, None, CloseCode.ENDED, "the session is over: broadcaster"),
    ("wrong proof", viewer(proof=b"q" * 32), None, CloseCode.UNAUTHORIZED, "link is not right"),
    ("no proof, no token", viewer(proof=None), None, CloseCode.UNAUTHORIZED, "proof or a token"),
    ("token of another session", another_sessions_token, None, CloseCode.UNAUTHORIZED, "of another session"),
    (
        "agent of another session",
        agent(policy=Policy(sessions=["another"])),
        None,
        CloseCode.UNAUTHORIZED,
        "for another session",
    ),
    ("agent of another site", agent(policy=Policy(sites=["other"])), None, CloseCode.UNAUTHORIZED, "another site"),
    ("expired token", agent(ttl_s=-1), None, CloseCode.UNAUTHORIZED, "expired"),
    ("token that is none", viewer(token="x"), None, CloseCode.UNAUTHORIZED, "not valid"),
    ("token without a signature", none_algorithm, None, CloseCode.UNAUTHORIZED, "not valid"),
    ("token signed elsewhere", own_role, None, CloseCode.UNAUTHORIZED, "not valid"),
    ("viewer's token", broadcaster_with_a_viewers_token, ORIGIN, CloseCode.UNAUTHORIZED, "not valid"),
]


@pytest.mark.parametrize(
    ("first", "origin", "code", "says"),
    [pytest.param(*case, id=name) for name, *case in FIRST_MESSAGES],
)
def test_a_wrong_first_message(stage: Stage, first: Any, origin: str | None, code: CloseCode, says: str) -> None:
    message = first(stage) if callable(first) else first
    link = stage.open(origin)
    link.send(message)
    closed = link.closed()
    assert closed.code == code
    assert says in closed.reason
    assert len(closed.reason.encode()) <= 123
    stage.goes_on()


def test_text_is_refused(stage: Stage) -> None:
    link = stage.open(ORIGIN)
    link.socket.send_text("hello")
    closed = link.closed()
    assert closed.code == CloseCode.INVALID
    assert "this one was text" in closed.reason
    stage.goes_on()


def test_a_reason_of_many_bytes_still_closes_with_it(stage: Stage) -> None:
    link = stage.open(ORIGIN)
    link.send(hello("broadcaster", site="日" * 60))
    closed = link.closed()
    assert closed.code == CloseCode.UNKNOWN_SITE
    assert len(closed.reason.encode()) <= 123
    stage.goes_on()


def test_no_hello_in_time(stage: Stage) -> None:
    link = stage.open(ORIGIN)
    assert stage.client.portal is not None
    stage.client.portal.call(stage.hub.tick, clock() + HELLO_WITHIN_MS - 1_000)
    for connection in stage.hub._connections:
        connection.heard += HELLO_WITHIN_MS
    stage.client.portal.call(stage.hub.tick, clock() + HELLO_WITHIN_MS)
    closed = link.closed()
    assert closed.code == CloseCode.SILENT
    assert "no hello within 5 s" in closed.reason
    stage.goes_on()


LATER_MESSAGES: list[tuple[str, Any, CloseCode, str]] = [
    ("frame from a viewer", Frame(1, 0, END, b"x").record, CloseCode.NOT_PERMITTED, "only the broadcaster"),
    ("part from a viewer", Part(1, 0, 9, 0, 1, b"x").record, CloseCode.NOT_PERMITTED, "only the broadcaster"),
    ("second hello", viewer(), CloseCode.NOT_PERMITTED, "hello was said before"),
    ("garbage", b"\xc1", CloseCode.INVALID, "not MessagePack"),
    ("bad field", {"type": "subscribe", "id": -1, "position": None}, CloseCode.INVALID, "subscribe: id"),
    ("bad record", [3, 1, 2], CloseCode.INVALID, "volatile record"),
    ("too large", b"\x90" * (MAX_MESSAGE + 1), CloseCode.TOO_LARGE, "at most"),
    ("large volatile", [3, "", "pointer", "x" * MAX_VOLATILE], CloseCode.INVALID, f"at most {MAX_VOLATILE} bytes"),
    ("end by a guest", {"type": "end"}, CloseCode.NOT_PERMITTED, "only an agent"),
]


@pytest.mark.parametrize(
    ("message", "code", "says"),
    [pytest.param(*case, id=name) for name, *case in LATER_MESSAGES],
)
def test_a_wrong_later_message(stage: Stage, message: Any, code: CloseCode, says: str) -> None:
    link = stage.open(None)
    link.send(hello("viewer", session=stage.session, name="Eve"))
    id = link.expect("welcome")["viewer"]
    stage.broadcaster.until("requested")
    stage.broadcaster.send({"type": "admit", "viewer": id, "capabilities": ["pointer"]})
    link.until("admitted")
    link.send(message(stage) if callable(message) else message)
    closed = link.closed()
    assert closed.code == code
    assert says in closed.reason
    stage.goes_on()


@pytest.mark.parametrize(
    ("message", "code", "says"),
    [
        (b"\xc1", CloseCode.INVALID, "not MessagePack"),
        ({"type": "admit", "viewer": "", "capabilities": []}, CloseCode.INVALID, "admit: viewer"),
        (hello("broadcaster"), CloseCode.NOT_PERMITTED, "hello was said before"),
    ],
)
def test_a_broadcaster_that_errs_can_come_back(stage: Stage, message: Any, code: CloseCode, says: str) -> None:
    stage.broadcaster.send(message)
    closed = stage.broadcaster.closed()
    assert closed.code == code
    assert says in closed.reason
    assert stage.guest.until("updated")["state"] == "away"
    assert stage.session in stage.hub.sessions


@pytest.mark.parametrize("message", [{"type": "later", "x": 1}, [9, 1], [], {"type": "admit", "viewer": 1}])
def test_what_is_unknown_is_ignored(stage: Stage, message: Any) -> None:
    stage.guest.send(message)
    stage.goes_on()


def test_a_viewer_that_was_not_let_in_gets_nothing(stage: Stage) -> None:
    link = stage.open(None)
    link.send(hello("viewer", session=stage.session))
    link.expect("welcome")
    link.send({"type": "subscribe", "id": 1, "position": None}, {"type": "ping", "at": 7})
    assert link.expect("pong")["at"] == 7
    link.send({"type": "input", "n": 0, "base": 0, "input": {"kind": "chat", "id": "c", "text": "x"}})
    assert "not allowed" in link.expect("refused")["reason"]
    stage.goes_on()
    link.send([3, "", "pointer", 1], {"type": "ping", "at": 8})
    assert link.expect("pong")["at"] == 8
    link.send({"type": "signal", "peer": ""})
    assert link.closed().code == CloseCode.NOT_PERMITTED
    stage.goes_on()


def test_a_viewer_that_connects_anew_replaces_itself(stage: Stage) -> None:
    link = stage.open(None)
    link.send(hello("viewer", session=stage.session, proof=None, token=stage.viewer["token"]))
    welcome = link.expect("welcome")
    assert (welcome["viewer"], welcome["role"]) == (stage.viewer["viewer"], "guest")
    closed = stage.guest.closed()
    assert closed.code == CloseCode.REPLACED
    link.until("admitted")
    link.send({"type": "subscribe", "id": 1, "position": {"epoch": 1, "seq": -1}})
    link.until("resumed")
    stage.guest = link
    stage.goes_on()


def test_a_replaced_connection_is_not_heard_any_more(stage: Stage) -> None:
    [first] = [one for one in stage.hub._connections if one.id == ""]
    link = stage.open(ORIGIN)
    token = TOKENS.broadcaster(kept(stage))
    link.send(hello("broadcaster", epoch=1, token=token, last_epoch=1, viewers=let_in(stage)))
    link.expect("welcome")
    assert stage.broadcaster.closed().code == CloseCode.REPLACED
    assert stage.client.portal is not None
    stage.client.portal.call(stage.hub.receive, first, Frame(1, 0, END, b"late").record)
    stage.client.portal.call(stage.hub.lost, first)
    assert stage.hub.sessions[stage.session].present
    stage.broadcaster = link
    stage.goes_on()


def let_in(stage: Stage) -> list[Message]:
    return [{"id": stage.viewer["viewer"], "name": "Ann", "role": "guest", "capabilities": ["chat"]}]


def kept(stage: Stage) -> Broadcasting:
    session = stage.hub.sessions[stage.session]
    return Broadcasting(session.id, "shop", stage.hub.entrance.codes.give(session.id, 0))


def test_an_agent_is_one_by_its_token_alone(stage: Stage) -> None:
    link = stage.open(None)
    link.send(hello("viewer", session=stage.session, name="Boss", proof=None, token=TOKENS.agent("Bo")))
    welcome = link.expect("welcome")
    assert (welcome["name"], welcome["role"]) == ("Bo", "agent")
    requested = stage.broadcaster.until("requested")
    assert (requested["name"], requested["role"], requested["link"]) == ("Bo", "agent", False)
    stage.broadcaster.send({"type": "admit", "viewer": welcome["viewer"], "capabilities": []})
    link.until("admitted")
    link.send({"type": "end"})
    assert link.until("ended")["reason"] == "agent"
    assert {one.closed().code for one in (link, stage.guest, stage.broadcaster)} == {CloseCode.ENDED}
    assert stage.hub.sessions == {}


def test_a_viewer_is_put_out(stage: Stage) -> None:
    stage.broadcaster.send({"type": "remove", "viewer": stage.viewer["viewer"], "reason": "enough"})
    closed = stage.guest.closed()
    assert (closed.code, closed.reason) == (CloseCode.REMOVED, "enough")
    assert stage.session in stage.hub.sessions
    assert refusal(stage, hello("viewer", session=stage.session, token=stage.viewer["token"])) == CloseCode.REMOVED


def refusal(stage: Stage, first: Message) -> CloseCode:
    link = stage.open(None)
    link.send(first)
    return CloseCode(link.closed().code)


def test_an_agent_that_was_put_out_does_not_come_back_with_any_token_of_its_own(stage: Stage) -> None:
    link = stage.open(None)
    link.send(hello("viewer", session=stage.session, proof=None, token=TOKENS.agent("Bo")))
    viewer = link.expect("welcome")
    stage.broadcaster.send({"type": "admit", "viewer": viewer["viewer"], "capabilities": []})
    link.until("admitted")
    stage.broadcaster.send({"type": "remove", "viewer": viewer["viewer"], "reason": "enough"})
    assert link.closed().code == CloseCode.REMOVED
    for token in (viewer["token"], TOKENS.agent("Bo"), TOKENS.agent("Bo", ttl_s=99)):
        first = hello("viewer", session=stage.session, proof=None, token=token)
        assert refusal(stage, first) == CloseCode.REMOVED
    other = stage.open(None)
    other.send(hello("viewer", session=stage.session, proof=None, token=TOKENS.agent("Cy")))
    other.expect("welcome")
    stage.goes_on()


def test_a_link_that_was_ended_opens_nothing_and_who_is_in_stays(stage: Stage) -> None:
    stage.broadcaster.send({"type": "link", "proof": b"2" * 32})
    stage.goes_on()
    link = stage.open(None)
    link.send(hello("viewer", session=stage.session))
    closed = link.closed()
    assert closed.code == CloseCode.UNAUTHORIZED
    assert "ended this link" in closed.reason
    fresh = stage.open(None)
    fresh.send(hello("viewer", session=stage.session, proof=b"2" * 32))
    fresh.expect("welcome")
    stage.broadcaster.send({"type": "link", "proof": PROOF})  # one that was ended does not stand again
    assert refusal(stage, hello("viewer", session=stage.session)) == CloseCode.UNAUTHORIZED
    stage.guest.close()
    back = stage.open(None)
    back.send(hello("viewer", session=stage.session, token=stage.viewer["token"]))
    assert back.until("admitted")["capabilities"] == ["chat", "pointer", "view"]


def test_a_broadcaster_tells_of_a_link_that_it_made_while_it_was_away_and_is_told_when_it_is_behind(
    stage: Stage,
) -> None:
    token = TOKENS.broadcaster(kept(stage))
    told = []
    for proof in (PROOF, b"2" * 32, PROOF):
        link = stage.open(ORIGIN)
        link.send(hello("broadcaster", token=token, epoch=1, last_epoch=1, proof=proof, viewers=let_in(stage)))
        told.append(link.expect("welcome")["link"])
    assert told == [True, True, False]
    assert refusal(stage, hello("viewer", session=stage.session)) == CloseCode.UNAUTHORIZED


def test_a_broadcaster_carries_on_its_session(stage: Stage) -> None:
    token = TOKENS.broadcaster(kept(stage))
    stage.broadcaster.close()
    assert stage.guest.until("updated")["state"] == "away"
    link = stage.open(ORIGIN)
    link.send(hello("broadcaster", token=token, epoch=1, last_epoch=1, viewers=let_in(stage)))
    welcome = link.expect("welcome")
    assert (welcome["session"], welcome["epoch"], welcome["state"]) == (stage.session, 1, "active")
    stage.broadcaster = link
    stage.goes_on()


def test_everybody_is_told_to_come_back_when_the_server_stops(stage: Stage) -> None:
    assert stage.client.portal is not None
    stage.client.portal.call(stage.hub.stop)
    for link in (stage.broadcaster, stage.guest):
        closed = link.closed()
        assert closed.code == CloseCode.RESTARTING
        assert "restarting" in closed.reason


def test_volatile_records_carry_their_sender(stage: Stage) -> None:
    stage.guest.send([3, "somebody else", "pointer", 1, 0.5, 0.5])
    while not isinstance(record := stage.broadcaster.next(), list):
        pass
    assert record == [3, stage.viewer["viewer"], "pointer", 1, 0.5, 0.5]
    stage.broadcaster.send([3, "", "pointer", 2, 0.5, 0.5])
    while not isinstance(record := stage.guest.next(), list):
        pass
    assert record == [3, "", "pointer", 2, 0.5, 0.5]


def test_what_fails_inside_closes_that_connection_and_is_logged(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    link = stage.open(ORIGIN)
    receive = stage.hub.receive

    def fails(connection: Connection, data: bytes) -> None:
        if connection.id is None:
            raise ValueError("on purpose")
        receive(connection, data)

    monkeypatch.setattr(stage.hub, "receive", fails)
    link.send(hello("broadcaster"))
    with pytest.raises(AssertionError, match="on purpose"):
        link.next()
    assert "a WebSocket has failed" in caplog.text
    stage.goes_on()
