"""Tokens: each kind passes for itself alone, and only when it was signed here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from cobrowse.close_codes import CloseCode
from cobrowse.errors import Rejected
from cobrowse.tokens import SESSION_TTL_S, Agent, Broadcasting, Tokens, Watching, seconds

SECRET = "s" * 64
TOKENS = Tokens(SECRET)
WATCHING = Watching("session", "ab12", "Ann", "guest")
BROADCASTING = Broadcasting("session", "demo", "ABC234")
MADE = {
    "agent": TOKENS.agent("Ann"),
    "viewer": TOKENS.viewer(WATCHING),
    "broadcaster": TOKENS.broadcaster(BROADCASTING),
}
VERIFY: dict[str, Callable[[str], object]] = {
    "agent": TOKENS.verify_agent,
    "viewer": TOKENS.verify_viewer,
    "broadcaster": TOKENS.verify_broadcaster,
}


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"iss": "cobrowse", "aud": "agent", "sub": "Ann", "iat": now, "exp": now + 3_600} | changed


def test_what_is_signed_is_what_is_verified() -> None:
    ann = TOKENS.verify_agent(MADE["agent"])
    assert ann == Agent("Ann", None, ann.subject)
    assert TOKENS.verify_agent(TOKENS.agent("Ann", "one")) == Agent("Ann", "one", ann.subject)
    assert TOKENS.verify_agent(TOKENS.agent("Bo")).subject not in ("", ann.subject)
    assert "Ann" not in ann.subject
    assert TOKENS.verify_viewer(MADE["viewer"]) == WATCHING
    agent = Watching("session", "ab12", "Ann", "agent", ann.subject)
    assert TOKENS.verify_viewer(TOKENS.viewer(agent)) == agent
    assert TOKENS.verify_broadcaster(MADE["broadcaster"]) == BROADCASTING


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("wanted", VERIFY)
def test_no_kind_passes_for_another(made: str, wanted: str) -> None:
    if made == wanted:
        VERIFY[wanted](MADE[made])
    else:
        with pytest.raises(Rejected, match="not valid here"):
            VERIFY[wanted](MADE[made])


@pytest.mark.parametrize("kind", MADE)
def test_the_kind_can_be_told(kind: str) -> None:
    assert TOKENS.audience(MADE[kind]) == kind


@pytest.mark.parametrize("token", ["", "x", "a.b.c", jwt.encode({"aud": ["agent", "viewer"]}, SECRET)])
def test_what_is_no_token_has_no_kind(token: str) -> None:
    assert TOKENS.audience(token) is None


@pytest.mark.parametrize("kind", MADE)
def test_another_servers_tokens_are_refused(kind: str) -> None:
    others = Tokens("o" * 64)
    verify = {"agent": others.verify_agent, "viewer": others.verify_viewer, "broadcaster": others.verify_broadcaster}
    with pytest.raises(Rejected, match="not valid here") as caught:
        verify[kind](MADE[kind])
    assert caught.value.code == CloseCode.UNAUTHORIZED


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (TOKENS.agent("Ann", ttl_s=-1), "expired"),
        ("", "not valid"),
        ("not.a.token", "not valid"),
        (MADE["agent"][:-2], "not valid"),
        (jwt.encode(claims(), "", algorithm="none"), "not valid"),
        (jwt.encode(claims(), SECRET, algorithm="HS512"), "not valid"),
        (jwt.encode(claims(), SECRET, algorithm="HS384"), "not valid"),
        (jwt.encode(claims(iss="other"), SECRET), "not valid"),
        (jwt.encode({key: value for key, value in claims().items() if key != "exp"}, SECRET), "not valid"),
        (jwt.encode({key: value for key, value in claims().items() if key != "sub"}, SECRET), "not valid"),
        (jwt.encode({key: value for key, value in claims().items() if key != "aud"}, SECRET), "not valid"),
        (jwt.encode(claims(nbf=time.time() + 3_600), SECRET), "not valid"),
    ],
)
def test_what_was_wrong_is_said_and_the_token_is_not(token: str, says: str) -> None:
    with pytest.raises(Rejected, match=says) as caught:
        TOKENS.verify_agent(token)
    assert caught.value.code == CloseCode.UNAUTHORIZED
    assert not token or token not in caught.value.reason


def test_a_login_is_good_for_as_long_as_was_said() -> None:
    made = jwt.decode(TOKENS.agent("Ann", ttl_s=90), options={"verify_signature": False})
    assert made["exp"] - made["iat"] == 90
    made = jwt.decode(MADE["broadcaster"], options={"verify_signature": False})
    assert made["exp"] - made["iat"] == SESSION_TTL_S


def test_a_name_is_shown_up_to_its_most() -> None:
    assert TOKENS.verify_agent(TOKENS.agent("n" * 100)).name == "n" * 64


def test_a_token_of_ours_without_a_display_name_has_its_subject() -> None:
    assert TOKENS.verify_agent(jwt.encode(claims(), SECRET)).name == "Ann"


@pytest.mark.parametrize(
    ("text", "length"), [("45s", 45), ("30m", 1_800), ("1h", 3_600), ("7d", 604_800), (" 1.5h ", 5_400), ("0s", 0)]
)
def test_durations(text: str, length: float) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "1", "h", "1 h", "-1h", "1w", "1h30m", "1e3s", "٣s" * 2])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as"):
        seconds(text)
