"""Tokens: each kind passes for itself alone, and only when it was signed here."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from cobrowse.close_codes import CloseCode
from cobrowse.errors import Rejected
from cobrowse.revocations import Revocations, revoke
from cobrowse.tokens import ANYTHING, LEEWAY_S, SESSION_TTL_S, Broadcasting, Policy, Tokens, Watching, id_of, seconds

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
    return {"iss": "cobrowse", "aud": "agent", "sub": "Ann", "role": "agent", "iat": now, "exp": now + 3_600} | changed


def test_what_is_signed_is_what_is_verified() -> None:
    ann = TOKENS.verify_agent(MADE["agent"])
    assert (ann.name, ann.policy, ann.login.sub) == ("Ann", ANYTHING, "Ann")
    assert ann.login.jti == id_of(MADE["agent"])
    policy = Policy(sites=["shop"], sessions=["one", "two"])
    bo = TOKENS.verify_agent(TOKENS.agent("Bo", policy, sub="bo@shop"))
    assert (bo.name, bo.policy, bo.login.sub) == ("Bo", policy, "bo@shop")
    assert bo.subject not in ("", ann.subject)
    assert "Ann" not in ann.subject
    assert TOKENS.verify_viewer(MADE["viewer"]) == WATCHING
    agent = Watching("session", "ab12", "Ann", "agent", ann.subject, ann.login)
    assert TOKENS.verify_viewer(TOKENS.viewer(agent)) == agent
    assert TOKENS.verify_broadcaster(MADE["broadcaster"]) == BROADCASTING


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        (Policy(), {"a1", "a2", "b1"}),
        (Policy(sites=["a"]), {"a1", "a2"}),
        (Policy(sessions=["1"]), {"a1", "b1"}),
        (Policy(sites=["a"], sessions=["1"]), {"a1"}),
        (Policy(sites=[]), set()),
        (Policy(sessions=[]), set()),
        (Policy(sites=["A", "a "]), set()),
    ],
)
def test_a_policy_allows_what_it_names(policy: Policy, allowed: set[str]) -> None:
    there = [("a", "1"), ("a", "2"), ("b", "1")]
    assert {site + session for site, session in there if policy.allows(site, session)} == allowed


@pytest.mark.parametrize(
    "policy",
    [{"site": "a"}, {"sites": "a"}, {"sites": [1]}, {"sites": ["a"] * 257}, {"sites": [""]}, [], "any", None, 7],
)
def test_a_policy_that_is_none_opens_nothing(policy: Any) -> None:
    with pytest.raises(Rejected, match="not valid here: policy"):
        TOKENS.verify_agent(jwt.encode(claims(policy=policy), SECRET))


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
        (jwt.encode({key: value for key, value in claims().items() if key != "iat"}, SECRET), "not valid"),
        (jwt.encode({key: value for key, value in claims().items() if key != "role"}, SECRET), "role must be"),
        (jwt.encode(claims(role="guest"), SECRET), "role must be"),
        (jwt.encode(claims(aud=["agent", "viewer"]), SECRET), "not valid"),
        (jwt.encode(claims(sub=7), SECRET), "not valid"),
        (jwt.encode(claims(displayName=7), SECRET), "displayName must be"),
        (jwt.encode(claims(nbf=time.time() + 3_600), SECRET), "not valid"),
        (jwt.encode(claims(iat=time.time() + 3_600), SECRET), "not valid"),
        (jwt.encode(claims(exp=time.time()), SECRET), "expired"),
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


def test_a_token_of_a_backend_needs_no_more_than_this() -> None:
    agent = TOKENS.verify_agent(jwt.encode(claims(), SECRET))
    assert (agent.name, agent.policy, agent.login.jti) == ("Ann", ANYTHING, None)


def test_a_sessions_tokens_stay_good_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    with monkeypatch.context() as later:
        later.setattr("cobrowse.tokens.time.time", lambda: now + 3_600)
        viewer, broadcaster, agent = TOKENS.viewer(WATCHING), TOKENS.broadcaster(BROADCASTING), TOKENS.agent("Ann")
    assert TOKENS.verify_viewer(viewer) == WATCHING
    assert TOKENS.verify_broadcaster(broadcaster) == BROADCASTING
    with pytest.raises(Rejected, match="not valid"):
        TOKENS.verify_agent(agent)


def test_a_backends_clock_may_be_a_little_ahead() -> None:
    ahead = time.time() + LEEWAY_S - 5
    assert TOKENS.verify_agent(jwt.encode(claims(iat=ahead, nbf=ahead), SECRET)).name == "Ann"


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../dev/null"},
        {"kid": "other"},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example"},
    ],
)
def test_no_header_says_how_a_token_is_checked(header: dict[str, Any]) -> None:
    assert TOKENS.verify_agent(jwt.encode(claims(), SECRET, headers=header)).name == "Ann"
    for secret in ("\0" * 64, "e" * 64):
        with pytest.raises(Rejected, match="not valid here"):
            TOKENS.verify_agent(jwt.encode(claims(), secret, headers=header))


def test_a_revoked_login_is_refused_and_so_is_what_came_of_it(tmp_path: Path) -> None:
    file = tmp_path / "revoked"
    tokens = Tokens(SECRET, Revocations(file))
    first, second, other = tokens.agent("Ann"), tokens.agent("Ann"), tokens.agent("Bo")
    came = tokens.viewer(Watching("s", "v", "Ann", "agent", "", tokens.verify_agent(first).login))
    revoke(file, 0, jti=id_of(first))
    assert tokens.revocations.changed()
    for verify, token in ((tokens.verify_agent, first), (tokens.verify_viewer, came)):
        with pytest.raises(Rejected, match="this login was revoked") as caught:
            verify(token)
        assert caught.value.code == CloseCode.UNAUTHORIZED
    assert tokens.verify_agent(second).name == "Ann"
    revoke(file, int(time.time()), sub="Ann")
    tokens.revocations.changed()
    with pytest.raises(Rejected, match="this login was revoked"):
        tokens.verify_agent(second)
    assert tokens.verify_agent(other).name == "Bo"
    later = claims(iat=int(time.time()) + 2)
    assert tokens.verify_agent(jwt.encode(later, SECRET)).name == "Ann"


@pytest.mark.parametrize("token", ["", "x", jwt.encode({"sub": "a"}, SECRET), jwt.encode({"jti": 7}, SECRET)])
def test_what_has_no_id_has_none(token: str) -> None:
    assert id_of(token) is None


@pytest.mark.parametrize(
    ("text", "length"), [("45s", 45), ("30m", 1_800), ("1h", 3_600), ("7d", 604_800), (" 1.5h ", 5_400), ("0s", 0)]
)
def test_durations(text: str, length: float) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "1", "h", "1 h", "-1h", "1w", "1h30m", "1e3s", "٣s" * 2])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as"):
        seconds(text)
