"""The hub, with connections that nothing carries: messages, places, limits, codes, time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgpack
import pytest

from cobrowse import hub as hub_module
from cobrowse.close_codes import CloseCode
from cobrowse.codec import encode
from cobrowse.codes import ALPHABET, LASTS_MS, LENGTH
from cobrowse.connection import MAX_CONTROL, MAX_WAITING_VOLATILE
from cobrowse.hub import BACK_WITHIN_MS, HELLO_WITHIN_MS, SILENT_AFTER_MS, Hub
from cobrowse.inputs import Refused
from cobrowse.messages import Ended, Ping
from cobrowse.records import END, Frame, Part, decode, packed
from cobrowse.revocations import Revocations, revoke
from cobrowse.settings import Settings, Site
from cobrowse.tokens import Broadcasting, Policy, Tokens, Watching

from .quiet import Now, QuietHub, begin, heard, say
from .shop import BO, ORIGIN, PROOF, SECRET, SITES, TOKENS, hello, settings


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
    assert connection.closing == (CloseCode.SILENT, "no hello within 5 s")


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


def test_a_session_that_fails_does_not_keep_the_others_from_their_time(
    hub: Hub, now: Now, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        broadcaster = hub.connect(ORIGIN, "")
        say(hub, broadcaster, hello("broadcaster"))
        hub.lost(broadcaster)
    failing, other = hub.sessions

    def fails(now: float) -> None:
        raise ValueError("on purpose")

    monkeypatch.setattr(hub.sessions[failing], "tick", fails)
    now.ms += 6_000
    hub.tick(now.ms)
    assert list(hub.sessions) == [failing]
    assert f"session {failing}: its tick failed" in caplog.text
    assert other in hub.ended
