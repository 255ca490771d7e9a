"""The hub over real WebSockets and directly: what is wrong closes one connection, says why, and the rest goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from weakref import WeakSet

import jwt
import msgpack
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession

from cobrowse import connection as connection_module
from cobrowse import hub as hub_module
from cobrowse.app import create_app
from cobrowse.close_codes import CloseCode
from cobrowse.codec import encode
from cobrowse.codes import ALPHABET, LASTS_MS, LENGTH
from cobrowse.connection import MAX_CONTROL, MAX_WAITING_VOLATILE, Connection, clock
from cobrowse.hub import BACK_WITHIN_MS, HELLO_WITHIN_MS, SILENT_AFTER_MS, Hub
from cobrowse.inputs import Refused
from cobrowse.messages import Ended, Ping
from cobrowse.records import END, MAX_MESSAGE, MAX_VALUES, MAX_VOLATILE, Frame, Part, decode, packed
from cobrowse.revocations import Revocations, revoke
from cobrowse.session import Limits, Session
from cobrowse.settings import Settings, Site
from cobrowse.tokens import Broadcasting, Policy, Tokens, Watching
from cobrowse.waking import Waking

SECRET = "x" * 64
ORIGIN = "https://shop.example"
PROOF = b"p" * 32
SITES = [
    Site(key="shop", origins=[ORIGIN], consent="granted"),
    Site(key="other", origins=["https://other.example"]),
]
TOKENS = Tokens(SECRET)

BO = TOKENS.verify_agent(TOKENS.agent("Bo"))

Message = dict[str, Any]


def settings(**policy: Any) -> Settings:
    return Settings(secret=SECRET, sites=[site.model_copy(update=policy) for site in SITES])


def hello(role: str, **changed: Any) -> Message:
    common = {"type": "hello", "role": role, "wire": 1, "log": 1, "proof": PROOF}
    return common | ({"site": "shop"} if role == "broadcaster" else {}) | changed


# Over a WebSocket --------------------------------------------------------------------------------------------


TASKS = ("cobrowse-websocket-reader", "cobrowse-websocket-writer")
_seen: WeakSet[asyncio.Task[Any]] = WeakSet()


class Closed(AssertionError):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code}: {reason}")
        self.code = code
        self.reason = reason


class Link:
    """One WebSocket, and what has come by it. Signs of life are left out."""

    def __init__(self, socket: WebSocketTestSession) -> None:
        self.socket = socket
        self.items: list[Any] = []
        self.tasks = socket.portal.call(self._own_tasks)

    async def _own_tasks(self) -> set[asyncio.Task[Any]]:
        """The newest reader and writer."""
        tasks = [task for task in asyncio.all_tasks() if task.get_name() in TASKS and task not in _seen]
        _seen.update(tasks)
        return set(tasks)

    async def _receive(self) -> Any:
        """What comes next, unless the connection is dropped, or nothing comes for long: then the test fails."""
        receiving = asyncio.ensure_future(self.socket._send_rx.receive())
        await asyncio.wait({receiving, *self.tasks}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        for _ in range(20):
            await asyncio.sleep(0)
        if not receiving.done():
            receiving.cancel()
            gone = [repr(task.exception()) for task in self.tasks if task.done() and not task.cancelled()]
            raise AssertionError(f"nothing came; what carries the connection has ended: {gone}")
        return receiving.result()

    async def _gone(self) -> None:
        await asyncio.wait(self.tasks)
        for _ in range(20):
            await asyncio.sleep(0)

    def close(self) -> None:
        self.socket.close()
        self.socket.portal.call(self._gone)

    def send(self, *messages: Any) -> None:
        encoded = [part if isinstance(part, bytes) else packed(part) for part in messages]
        self.socket.send_bytes(b"".join(encoded))

    def next(self) -> Any:
        while not self.items:
            message = self.socket.portal.call(self._receive)
            if message["type"] == "websocket.close":
                raise Closed(message["code"], message["reason"])
            received = decode(message["bytes"])
            self.items += [item for item in received if not (isinstance(item, dict) and item["type"] == "ping")]
        return self.items.pop(0)

    def expect(self, *types: str) -> Message:
        """The next messages have these types; the last of them."""
        message: Any = None
        for type in types:
            message = self.next()
            assert isinstance(message, dict)
            assert message["type"] == type
        return message  # type: ignore[no-any-return]

    def until(self, type: str) -> Message:
        while True:
            message = self.next()
            if isinstance(message, dict) and message["type"] == type:
                return message

    def closed(self) -> Closed:
        """Reads to the end."""
        while True:
            try:
                self.next()
            except Closed as closed:
                return closed


class Stage:
    """A session under way: a broadcaster, and a guest that was let in and is live."""

    def __init__(self, client: TestClient, app: Starlette, stack: ExitStack) -> None:
        self.client = client
        self.stack = stack
        self.hub: Hub = app.state.hub
        self.broadcaster = self.open(ORIGIN)
        self.broadcaster.send(hello("broadcaster"))
        self.session = self.broadcaster.expect("welcome")["session"]
        self.guest = self.open(None)
        self.guest.send(hello("viewer", session=self.session, name="Ann"))
        self.viewer = self.guest.expect("welcome")
        requested = self.broadcaster.until("requested")
        assert requested["viewer"] == self.viewer["viewer"]
        self.broadcaster.send({"type": "admit", "viewer": requested["viewer"], "capabilities": ["pointer", "chat"]})
        self.guest.until("admitted")
        self.guest.send({"type": "subscribe", "id": 1, "position": None})
        self.guest.until("reset")
        self.broadcaster.until("demand")
        self.broadcaster.send(Part(1, -1, 0, 0, 1, b"state").record)
        assert self.guest.next() == Part(1, -1, 0, 0, 1, b"state")
        self.seq = -1

    def open(self, origin: str | None) -> Link:
        headers = {"origin": origin or "http://testserver"}
        link = Link(self.stack.enter_context(self.client.websocket_connect("/ws", headers=headers)))
        self.stack.callback(link.close)
        return link

    def goes_on(self) -> None:
        """The broadcaster's next frame reaches the guest, and the guest's chat the broadcaster."""
        self.seq += 1
        self.broadcaster.send(Frame(1, self.seq, END, b"go on").record)
        while not isinstance(item := self.guest.next(), Frame):
            assert isinstance(item, dict)
        assert item == Frame(1, self.seq, END, b"go on")
        line = {"kind": "chat", "id": f"c{self.seq}", "text": "hello"}
        self.guest.send({"type": "input", "n": self.seq, "base": self.seq, "input": line})
        assert self.broadcaster.until("input")["input"] == line


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
    assert closed.code == CloseCode.NO_HELLO
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


# Directly ----------------------------------------------------------------------------------------------------


class Now:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.ms = 10_000.0

    def __call__(self) -> float:
        return self.ms


class Asleep(Waking):
    def add(self, session: Session, viewer: str | None) -> None:
        pass


class QuietHub(Hub):
    """Without the task that keeps time, and without a loop to wake anybody: the test does."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.waking = Asleep(self.connection_of)

    def start(self) -> None:
        pass


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    now = Now()
    monkeypatch.setattr(hub_module, "clock", now)
    monkeypatch.setattr(connection_module, "clock", now)
    return now


@pytest.fixture
def hub(now: Now) -> Hub:
    return QuietHub(settings(), TOKENS, Limits(away_ms=5_000))


def say(hub: Hub, connection: Connection, *messages: Any) -> None:
    for message in messages:
        hub.receive(connection, message if isinstance(message, bytes) else packed(message))


def heard(connection: Connection) -> list[Any]:
    items: list[Any] = []
    while message := connection.take():
        size = len(message)
        assert size <= MAX_MESSAGE
        items += decode(message)
    return items


def begin(hub: Hub) -> tuple[Connection, Connection, str]:
    """A broadcaster, and a guest that has been let in and subscribes."""
    broadcaster = hub.connect(ORIGIN, "")
    say(hub, broadcaster, hello("broadcaster"))
    session = heard(broadcaster)[0]["session"]
    guest = hub.connect(None, "")
    say(hub, guest, hello("viewer", session=session))
    id = heard(guest)[0]["viewer"]
    say(hub, broadcaster, {"type": "admit", "viewer": id, "capabilities": ["chat", "pointer"]})
    say(hub, guest, {"type": "subscribe", "id": 1, "position": None})
    return broadcaster, guest, id


def test_what_waits_leaves_as_one_message(hub: Hub) -> None:
    broadcaster, guest, _ = begin(hub)
    heard(guest)
    records = [Part(1, -1, 0, 0, 1, b"s").record, *(Frame(1, seq, END, b"x" * 100).record for seq in range(20))]
    say(hub, broadcaster, b"".join(records))
    assert guest.take() == b"".join(records)
    assert guest.take() == b""


@pytest.mark.parametrize(("size", "count"), [(16_384, 40), (1_000, 400), (30, 4_000), (10, 6_000), (1, 9_000)])
def test_a_backlog_never_makes_a_message_too_large(hub: Hub, size: int, count: int) -> None:
    broadcaster, guest, _ = begin(hub)
    heard(guest)
    say(hub, broadcaster, Part(1, -1, 0, 0, 1, b"s").record)
    for seq in range(count):
        say(hub, broadcaster, Frame(1, seq, END, bytes(size)).record)
    items = heard(guest)
    assert [item.seq for item in items] == list(range(-1, count))


def test_a_server_that_has_forgotten_a_session_brings_it_back_by_its_token(hub: Hub) -> None:
    made = Broadcasting("kept", "shop", "ABC234")
    connection = hub.connect(ORIGIN, "")
    say(hub, connection, hello("broadcaster", token=TOKENS.broadcaster(made), last_epoch=7))
    welcome = heard(connection)[0]
    assert (welcome["session"], welcome["code"], welcome["epoch"]) == ("kept", "ABC234", 8)
    assert hub.session_by_code("ABC234", BO, "") == "kept"


def test_a_viewer_of_before_the_restart_is_asked_to_come_back(hub: Hub, now: Now) -> None:
    token = TOKENS.viewer(Watching("kept", "a1", "Ann", "guest"))
    early, stranger, late = (hub.connect(None, "") for _ in range(3))
    say(hub, early, hello("viewer", session="kept", token=token))
    assert early.closing is not None
    assert early.closing[0] == CloseCode.RESTARTING
    say(hub, stranger, hello("viewer", session="kept"))
    assert stranger.closing is not None
    assert stranger.closing[0] == CloseCode.UNKNOWN_SESSION
    now.ms += BACK_WITHIN_MS
    say(hub, late, hello("viewer", session="kept", token=token))
    assert late.closing is not None
    assert late.closing[0] == CloseCode.UNKNOWN_SESSION


@pytest.mark.parametrize(
    ("policy", "wish", "path"),
    [
        ("auto", "auto", "auto"),
        ("auto", "direct", "direct"),
        ("relay", "auto", "relay"),
        ("direct", "direct", "direct"),
    ],
)
def test_the_path_is_the_sites_or_the_pages_wish(now: Now, policy: Any, wish: str, path: str) -> None:
    hub = QuietHub(settings(path=policy), TOKENS)
    broadcaster, guest = hub.connect(ORIGIN, ""), hub.connect(None, "")
    say(hub, broadcaster, hello("broadcaster", path=wish))
    [welcome, *_] = heard(broadcaster)
    say(hub, guest, hello("viewer", session=welcome["session"]))
    assert (welcome["path"], heard(guest)[0]["path"]) == (path, path)


@pytest.mark.parametrize(("policy", "wish"), [("relay", "direct"), ("direct", "relay")])
def test_a_page_cannot_wish_against_the_sites_policy(now: Now, policy: Any, wish: str) -> None:
    hub = QuietHub(settings(path=policy), TOKENS)
    broadcaster = hub.connect(ORIGIN, "")
    say(hub, broadcaster, hello("broadcaster", path=wish))
    assert broadcaster.closing is not None
    assert broadcaster.closing[0] == CloseCode.NOT_PERMITTED
    assert f"'{policy}' only" in broadcaster.closing[1]


def test_a_server_without_a_relay_by_webrtc_says_so(hub: Hub) -> None:
    _, guest, _ = begin(hub)
    heard(guest)
    say(hub, guest, {"type": "signal", "peer": "server", "description": {"type": "offer", "sdp": "v=0"}})
    [declined] = heard(guest)
    assert (declined["peer"], declined["declined"]) == ("server", "this server has no relay by WebRTC")


def test_credentials_for_turn_are_given_anew_before_they_expire(now: Now) -> None:
    turn: dict[str, Any] = {"turn_urls": ["turn:turn.example:3478"], "turn_secret": "shared", "turn_ttl": 600}
    hub = QuietHub(Settings(secret=SECRET, sites=SITES, **turn), TOKENS)
    broadcaster = hub.connect(ORIGIN, "")
    say(hub, broadcaster, hello("broadcaster"))
    [first] = heard(broadcaster)[0]["ice_servers"]
    assert first["username"].endswith(":broadcaster")
    for elapsed, types in ((299_000, ["ping"]), (1_000, ["ping", "ice"]), (1_000, ["ping"])):
        now.ms += elapsed
        say(hub, broadcaster, {"type": "pong", "at": 1})
        hub.tick(now.ms)
        assert [item["type"] for item in heard(broadcaster)] == types


def test_a_connection_that_does_not_say_hello_is_closed(hub: Hub, now: Now) -> None:
    connection = hub.connect(ORIGIN, "")
    hub.tick(now.ms + HELLO_WITHIN_MS - 1)
    assert connection.closing is None
    hub.tick(now.ms + HELLO_WITHIN_MS)
    assert connection.closing == (CloseCode.NO_HELLO, "no hello within 5 s")


def test_silence_closes_and_any_byte_is_life(hub: Hub, now: Now) -> None:
    broadcaster, guest, _ = begin(hub)
    now.ms += SILENT_AFTER_MS
    say(hub, guest, {"type": "pong", "at": 1})
    heard(guest)
    hub.tick(now.ms)
    assert broadcaster.closing is not None
    assert broadcaster.closing[0] == CloseCode.SILENT
    assert guest.closing is None
    assert [item["type"] for item in heard(guest)] == ["ping"]


def test_nothing_is_taken_from_a_connection_that_is_closing(hub: Hub) -> None:
    broadcaster, guest, _ = begin(hub)
    say(hub, guest, b"\xc1")
    heard(broadcaster)
    say(hub, guest, {"type": "input", "n": 0, "base": 0, "input": {"kind": "chat", "id": "c", "text": "x"}})
    assert heard(broadcaster) == []


def test_nothing_is_taken_from_a_connection_that_is_lost(hub: Hub) -> None:
    connection = hub.connect(ORIGIN, "")
    hub.lost(connection)
    say(hub, connection, hello("broadcaster"))
    assert heard(connection) == []
    assert hub.sessions == {}
    assert not hub.entrance.turnstile._of_site


def test_the_rest_of_a_message_is_not_taken_after_what_was_wrong(hub: Hub) -> None:
    broadcaster, guest, _ = begin(hub)
    heard(broadcaster)
    line = {"type": "input", "n": 0, "base": 0, "input": {"kind": "chat", "id": "c", "text": "x"}}
    say(hub, guest, packed(line) + packed({"type": "end"}) + packed(line))
    assert [item["type"] for item in heard(broadcaster)] == ["input"]


def test_control_messages_that_nobody_takes_close_the_connection(hub: Hub) -> None:
    _, guest, _ = begin(hub)
    heard(guest)
    ping = encode(Ping(at=1.5))
    for _ in range(MAX_CONTROL // len(ping)):
        guest.send(Ping(at=1.5))
    assert guest.closing is None
    guest.send(Ping(at=1.5))
    assert guest.closing is not None
    assert guest.closing[0] == CloseCode.SLOW
    assert heard(guest) == []


def test_of_volatile_records_the_latest_wins_and_the_oldest_goes(hub: Hub) -> None:
    _, guest, _ = begin(hub)
    heard(guest)
    for n in range(MAX_WAITING_VOLATILE + 10):
        guest.forward(("a", f"kind{n}"), packed([3, "a", f"kind{n}"]))
    guest.forward(("a", "kind50"), packed([3, "a", "kind50", "latest"]))
    kinds = [item[2:] for item in heard(guest)]
    assert len(kinds) == MAX_WAITING_VOLATILE
    assert kinds[0] == ["kind10"]
    assert kinds[-1] == ["kind50", "latest"]


def test_control_messages_go_before_volatile_ones(hub: Hub) -> None:
    _, guest, _ = begin(hub)
    heard(guest)
    guest.forward(("a", "pointer"), packed([3, "a", "pointer"]))
    guest.send(Ended(reason="agent"))
    assert [item if isinstance(item, list) else item["type"] for item in heard(guest)] == [
        "ended",
        [3, "a", "pointer"],
    ]


def test_a_control_message_above_the_limit_goes_alone_and_holds_nothing_up(hub: Hub) -> None:
    _, guest, _ = begin(hub)
    heard(guest)
    for reason in ("a" * 1_900, "short"):
        guest.send(Refused(viewer="", n=1, reason=reason))
    for reason in ("a" * 1_900, "short"):
        [item] = decode(guest.take(1_000))
        assert isinstance(item, dict)
        assert item["reason"] == reason


def test_the_first_reason_to_close_counts(hub: Hub) -> None:
    connection = hub.connect(ORIGIN, "")
    connection.close(CloseCode.SLOW, "first")
    connection.close(CloseCode.INVALID, "second")
    assert connection.closing == (CloseCode.SLOW, "first")


def test_a_session_is_found_by_its_code_however_it_is_typed(hub: Hub) -> None:
    connection = hub.connect(ORIGIN, "")
    say(hub, connection, hello("broadcaster"))
    welcome = heard(connection)[0]
    code = welcome["code"]
    assert len(code) == LENGTH
    assert set(code) <= set(ALPHABET)
    for typed in (code, code.lower(), f"{code[:3]}-{code[3:]}", f" {code[:3]} {code[3:]}\n"):
        assert hub.session_by_code(typed, BO, "") == welcome["session"]
    assert hub.session_by_code("", BO, "") is None
    say(hub, connection, {"type": "end"})
    assert hub.session_by_code(code, BO, "") is None


def test_a_code_that_was_used_stays_across_page_loads_and_another_is_replaced(hub: Hub, now: Now) -> None:
    pages = [hub.connect(ORIGIN, "") for _ in range(2)]
    for page in pages:
        say(hub, page, hello("broadcaster"))
    used, unused = (heard(page)[0] for page in pages)
    assert hub.session_by_code(used["code"], BO, "") == used["session"]
    now.ms += LASTS_MS
    assert hub.session_by_code(used["code"], BO, "") == used["session"]
    assert hub.session_by_code(unused["code"], BO, "") is None
    loaded = [hub.connect(ORIGIN, "") for _ in range(2)]
    for page, welcome in zip(loaded, (used, unused), strict=True):
        say(hub, page, hello("broadcaster", token=welcome["token"], last_epoch=1))
    again, another = (heard(page)[0] for page in loaded)
    assert again["code"] == used["code"]
    assert another["code"] != unused["code"]
    assert hub.session_by_code(another["code"], BO, "") == unused["session"]


def test_a_code_opens_what_the_agent_may_see(hub: Hub) -> None:
    connection = hub.connect(ORIGIN, "")
    say(hub, connection, hello("broadcaster"))
    welcome = heard(connection)[0]
    for policy, found in (
        (Policy(sites=["shop"]), True),
        (Policy(sessions=[welcome["session"]]), True),
        (Policy(sites=["other"]), False),
        (Policy(sites=["shop"], sessions=["another"]), False),
    ):
        agent = TOKENS.verify_agent(TOKENS.agent("Cy", policy))
        assert (hub.session_by_code(welcome["code"], agent, "") == welcome["session"]) is found


def test_a_revoked_login_is_put_out_and_the_visitors_page_is_told(hub: Hub, now: Now, tmp_path: Path) -> None:
    tokens = Tokens(SECRET, Revocations(tmp_path / "revoked"))
    hub.tokens = tokens
    broadcaster, guest, _ = begin(hub)
    session = next(iter(hub.sessions))
    token = tokens.agent("Bo")
    agent = hub.connect(None, "")
    say(hub, agent, hello("viewer", session=session, proof=None, token=token))
    came = heard(agent)[0]
    say(hub, broadcaster, {"type": "admit", "viewer": came["viewer"], "capabilities": []})
    heard(broadcaster)
    hub.tick(now.ms)
    assert agent.closing is None
    revoke(tmp_path / "revoked", int(time.time()), sub="Bo")
    hub.tick(now.ms)
    assert agent.closing == (CloseCode.UNAUTHORIZED, "this login was revoked; ask for a new one")
    assert guest.closing is None
    told = [item for item in heard(broadcaster) if item["type"] == "left"]
    assert told == [{"type": "left", "viewer": came["viewer"], "removed": True}]
    for shown in (token, came["token"]):
        back = hub.connect(None, "")
        say(hub, back, hello("viewer", session=session, proof=None, token=shown))
        assert back.closing is not None
        assert back.closing[0] == CloseCode.UNAUTHORIZED
    let_in = [{"id": came["viewer"], "name": "Bo", "role": "agent", "capabilities": []}]
    welcome = TOKENS.broadcaster(Broadcasting(session, "shop", ""))
    loaded = hub.connect(ORIGIN, "")
    say(hub, loaded, hello("broadcaster", token=welcome, epoch=1, viewers=let_in))
    assert {"type": "left", "viewer": came["viewer"], "removed": True} in heard(loaded)


def test_too_many_of_one_address_are_told_when_to_come_back(now: Now) -> None:
    hub = QuietHub(settings().model_copy(update={"address_connections": 2}), TOKENS)
    first, second, third, elsewhere = (hub.connect(ORIGIN, address) for address in ("10.0.0.1",) * 3 + ("10.0.0.2",))
    assert (first.closing, second.closing, elsewhere.closing) == (None, None, None)
    assert third.closing == (CloseCode.BUSY, "2 connections from your address are open; come back in 5 s")
    for gone in (third, third, first):
        hub.lost(gone)
    assert hub.connect(ORIGIN, "10.0.0.1").closing is None


def test_too_many_of_one_site_are_told_when_to_come_back(now: Now) -> None:
    hub = QuietHub(settings().model_copy(update={"site_connections": 2}), TOKENS)
    broadcaster, _, _ = begin(hub)
    late = hub.connect(None, "")
    session = next(iter(hub.sessions))
    say(hub, late, hello("viewer", session=session))
    assert late.closing == (CloseCode.BUSY, "2 connections on the site 'shop' are open; come back in 5 s")
    hub.lost(late)
    hub.lost(broadcaster)
    back = hub.connect(ORIGIN, "")
    say(hub, back, hello("broadcaster", token=TOKENS.broadcaster(Broadcasting(session, "shop", ""))))
    assert back.closing is None


def test_sessions_begin_no_faster_than_the_site_may(now: Now) -> None:
    hub = QuietHub(settings().model_copy(update={"site_rate": 0.2}), TOKENS)
    pages = [hub.connect(ORIGIN, f"10.0.0.{n}") for n in range(3)]
    for page in pages:
        say(hub, page, hello("broadcaster"))
    assert [page.closing for page in pages[:2]] == [None, None]
    assert pages[2].closing == (CloseCode.BUSY, "too many sessions on the site 'shop'; come back in 5 s")
    assert len(hub.sessions) == 2


def test_a_session_ends_when_its_broadcaster_stays_away(hub: Hub, now: Now) -> None:
    broadcaster, guest, _ = begin(hub)
    hub.lost(broadcaster)
    hub.tick(now.ms + 4_999)
    assert guest.closing is None
    hub.tick(now.ms + 5_000)
    assert guest.closing == (CloseCode.ENDED, "the session is over: away_timeout")
    assert {"type": "ended", "reason": "away_timeout"} in heard(guest)
    late = hub.connect(None, "")
    say(hub, late, hello("viewer", session=next(iter(hub.ended))))
    assert late.closing == (CloseCode.ENDED, "the session is over: away_timeout")


def test_a_server_has_a_most_of_sessions(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_SESSIONS", 1)
    begin(hub)
    another = hub.connect(ORIGIN, "")
    say(hub, another, hello("broadcaster"))
    assert another.closing is not None
    assert another.closing[0] == CloseCode.BUSY
    assert len(hub.sessions) == 1


def test_a_session_has_a_most_of_viewers(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cobrowse.session.MAX_VIEWERS", 1)
    broadcaster, _, _ = begin(hub)
    another = hub.connect(None, "")
    say(hub, another, hello("viewer", session=next(iter(hub.sessions))))
    assert another.closing is not None
    assert another.closing[0] == CloseCode.BUSY
    hub.lost(another)
    assert broadcaster.closing is None


@pytest.mark.parametrize(
    ("assets", "allowed"),
    [("none", []), ("site", [ORIGIN]), (["https://cdn.example"], ["https://cdn.example"])],
)
def test_assets_come_from_where_the_site_says(now: Now, assets: Any, allowed: list[str]) -> None:
    site = Site(key="shop", origins=[ORIGIN, "http://localhost:*"], assets=assets)
    hub = QuietHub(Settings(secret=SECRET, sites=[site]), TOKENS)
    connection = hub.connect(ORIGIN, "")
    say(hub, connection, hello("broadcaster"))
    session = heard(connection)[0]["session"]
    assert hub.asset_origins(session) == allowed
    assert hub.asset_origins("unknown") == []
    another = hub.connect("http://localhost:5000", "")
    say(hub, another, hello("broadcaster"))
    session = heard(another)[0]["session"]
    assert ("http://localhost:5000" in hub.asset_origins(session)) == (assets == "site")


def test_what_is_logged_has_no_token_and_no_proof(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        broadcaster, guest, _ = begin(hub)
        token = TOKENS.agent("Bo")
        agent = hub.connect(None, "")
        session = next(iter(hub.sessions))
        say(hub, agent, hello("viewer", session=session, proof=None, token=token))
        say(hub, guest, {"type": "later", "token": token})
        say(hub, broadcaster, {"type": "end"})
    assert caplog.records
    assert token not in caplog.text
    assert msgpack.packb(PROOF).hex() not in caplog.text
