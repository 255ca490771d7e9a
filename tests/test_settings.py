"""Settings: where they come from, what is refused and how it is said, and the secret that is kept."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cobrowse.errors import SettingsError
from cobrowse.settings import Settings, Site, kept_secret, local_site


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("COBROWSE_"):
            monkeypatch.delenv(name)


def test_with_none_it_is_for_this_machine() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.url) == ("127.0.0.1", 8080, "http://127.0.0.1:8080")
    [site] = settings.known_sites.values()
    assert site.key == "local"
    assert site.consent == "ask"
    assert site.allows("http://localhost:3000")
    assert not site.allows("https://shop.example")


def test_a_file_gives_way_to_the_environment_and_that_to_what_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "cobrowse.toml"
    config.write_text('host = "0.0.0.0"\nport = 1\n[[sites]]\nkey = "shop"\norigins = ["https://shop.example"]\n')
    monkeypatch.setenv("COBROWSE_PORT", "2")
    settings = Settings(config)
    assert (settings.host, settings.port) == ("0.0.0.0", 2)
    assert list(settings.known_sites) == ["shop"]
    assert Settings(config, port=3).port == 3
    assert Settings().host == "127.0.0.1", "the file of one is not that of the next"


def test_sites_and_servers_come_as_json_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COBROWSE_SITES", '[{"key": "shop", "origins": ["https://shop.example"], "path": "relay"}]')
    monkeypatch.setenv("COBROWSE_ICE_SERVERS", '[{"urls": ["stun:stun.example"]}]')
    settings = Settings()
    assert settings.known_sites["shop"].path == "relay"
    assert settings.ice_servers[0].urls == ["stun:stun.example"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"port": 70_000}, r"COBROWSE_PORT: .*70000"),
        ({"port": "many"}, r"COBROWSE_PORT: .*'many'"),
        ({"sites": [{"key": "a b", "origins": []}]}, r"COBROWSE_SITES\.0\.KEY"),
        ({"sites": [{"key": "a", "origins": ["shop.example"]}]}, r"COBROWSE_SITES\.0\.ORIGINS: .*no origin"),
        ({"sites": [{"key": "a", "origins": [], "consent": "always"}]}, r"COBROWSE_SITES\.0\.CONSENT"),
        ({"sites": [{"key": "a", "origins": [], "colour": "red"}]}, r"COBROWSE_SITES\.0\.COLOUR"),
        ({"sites": [{"key": "a", "origins": [], "capabilities": ["fly"]}]}, r"COBROWSE_SITES\.0\.CAPABILITIES"),
    ],
)
def test_what_cannot_be_used_is_named(values: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Settings(**values)


TURN: dict[str, Any] = {"turn_urls": ["turn:turn.example:3478"], "turn_secret": "north"}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"turn_urls": TURN["turn_urls"]}, r"^COBROWSE_TURN_SECRET is missing"),
        ({"turn_secret": "north"}, r"^COBROWSE_TURN_URLS is missing"),
        ({**TURN, "turn_urls": ["stun:turn.example"]}, r"COBROWSE_TURN_URLS: .*'stun:turn.example' is no TURN URL"),
        ({**TURN, "turn_urls": ["turns:t.example?transport=udp"]}, r"COBROWSE_TURN_URLS: .*over TCP only"),
        ({**TURN, "turn_ttl": 5}, r"COBROWSE_TURN_TTL: .*60.*\(got 5\)"),
        ({"ice_policy": "relay"}, r"^COBROWSE_ICE_POLICY: 'relay' needs a TURN server"),
        ({"ice_policy": "relay", "ice_servers": [{"urls": ["stun:s.example"]}]}, r"needs a TURN server"),
        ({"ice_servers": [{"urls": []}]}, r"COBROWSE_ICE_SERVERS: .*has no urls"),
        ({"ice_servers": [{"urls": ["stun.example"]}]}, r"COBROWSE_ICE_SERVERS: .*'stun.example' is neither"),
        ({"ice_servers": [{"urls": ["stun://s.example"]}]}, r"COBROWSE_ICE_SERVERS: .*'stun://s.example' is neither"),
        ({"ice_servers": [{"urls": ["turn:t.example"]}]}, r"COBROWSE_ICE_SERVERS: .*needs a username"),
        ({"ice_policy": "host"}, r"COBROWSE_ICE_POLICY: .*'host'"),
        ({"webrtc_public_ip": "turn.example"}, r"COBROWSE_WEBRTC_PUBLIC_IP: .*turn.example"),
        ({"webrtc_peers": 0}, r"COBROWSE_WEBRTC_PEERS"),
    ],
)
def test_what_webrtc_and_turn_cannot_use_is_named(values: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Settings(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"turn_secret": 7, "turn_urls": TURN["turn_urls"]},
        {"turn_secret": "hunter2"},
        {"ice_servers": [{"urls": ["turn:t.example"], "credential": ["hunter2"]}]},
        {"ice_servers": [{"username": "u", "credential": "hunter2"}]},
        {"ice_policy": "relay", "secret": "hunter2" * 8},
    ],
)
def test_no_secret_is_repeated_in_what_is_said(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(**values)
    assert "hunter2" not in str(caught.value)
    assert "7" not in str(caught.value).replace("3478", "")


def test_turn_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COBROWSE_TURN_URLS", '["turn:turn.example:3478?transport=udp"]')
    monkeypatch.setenv("COBROWSE_TURN_SECRET", "north")
    monkeypatch.setenv("COBROWSE_ICE_POLICY", "relay")
    monkeypatch.setenv("COBROWSE_WEBRTC", "false")
    settings = Settings()
    assert settings.turn_urls == ["turn:turn.example:3478?transport=udp"]
    assert (settings.turn_ttl, settings.ice_policy, settings.webrtc) == (600, "relay", False)


def test_each_participant_has_turn_credentials_of_its_own() -> None:
    stun = {"urls": ["stun:stun.example"]}
    plain = Settings(ice_servers=[stun])
    assert plain.ice_servers_for("a", 1_000) == plain.ice_servers
    servers = Settings(ice_servers=[stun], **TURN).ice_servers_for("a", 1_000)
    assert [server.urls for server in servers] == [["stun:stun.example"], TURN["turn_urls"]]
    assert servers[1].username == "1600:a"


def test_a_turn_server_with_fixed_credentials_is_enough_for_relay_only() -> None:
    fixed = {"urls": ["turns:t.example"], "username": "u", "credential": "c"}
    assert Settings(ice_policy="relay", ice_servers=[fixed]).ice_policy == "relay"


def test_a_secret_that_is_too_short_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match=r"COBROWSE_SECRET: .*at least 32 characters") as caught:
        Settings(secret="hunter2-and-a-bit")
    assert "hunter2" not in str(caught.value)


def test_a_variable_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COBROWSE_SITES", "shop")
    with pytest.raises(SettingsError, match=r"(?i)sites"):
        Settings()


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    config = tmp_path / "broken.toml"
    config.write_text("port = [")
    with pytest.raises(SettingsError, match=r"broken\.toml"):
        Settings(config)


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"host": "::1", "port": 9}, "http://[::1]:9"),
        ({"host": "0.0.0.0"}, "http://localhost:8080"),
        ({"host": "::"}, "http://localhost:8080"),
        ({"public_url": "https://help.example/cobrowse/"}, "https://help.example/cobrowse"),
    ],
)
def test_where_browsers_reach_the_server(values: dict[str, Any], url: str) -> None:
    assert Settings(**values).url == url


def test_the_demo_is_a_site_whose_pages_may_say_granted() -> None:
    demo = Settings(demo=True, public_url="https://demo.example:444/x").known_sites["demo"]
    assert (demo.consent, demo.assets) == ("granted", "site")
    for origin in ("http://localhost:5000", "https://127.0.0.1:1", "http://[::1]:8080", "https://demo.example:444"):
        assert demo.allows(origin)


def test_a_site_of_the_settings_takes_the_demos_place() -> None:
    site = Site(key="demo", origins=["https://shop.example"])
    assert Settings(demo=True, sites=[site]).known_sites == {"demo": site}


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", True),
        ("https://shop.example:444", True),
        ("http://localhost:3000", True),
        ("http://localhost", True),
        (None, False),
        ("null", False),
        ("", False),
        ("http://shop.example", False),
        ("https://shop.example:443", False),
        ("https://shop.example.evil.example", False),
        ("https://evil.example/https://shop.example", False),
        ("https://sub.shop.example", False),
        ("https://localhost:3000", False),
        ("http://localhost.evil.example:80", False),
        ("http://[", False),
    ],
)
def test_only_a_sites_own_origins_are_allowed(origin: str | None, allowed: bool) -> None:
    own = ["https://shop.example", "https://shop.example:444", "http://localhost:*"]
    assert Site(key="shop", origins=own).allows(origin) is allowed


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*.shop.example",
        "https://shop.example:*",
        "https://shop.example/",
        "https://shop.example/path",
        "ftp://shop.example",
        "shop.example",
        "https://",
        "http://192.168.0.1:*",
    ],
)
def test_an_origin_must_be_exact(origin: str) -> None:
    with pytest.raises(ValidationError, match=r"origin|only a port"):
        Site(key="shop", origins=[origin])


def test_a_local_site_has_the_servers_own_origin() -> None:
    assert "https://help.example" in local_site("x", "https://help.example/under/a/prefix").origins


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    secret = kept_secret(folder)
    assert len(secret) >= 32
    assert kept_secret(folder) == secret
    assert kept_secret(tmp_path / "other") != secret
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_without_a_secret_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("short\n")
    with pytest.raises(SettingsError, match=r"secret holds no secret; remove"):
        kept_secret(tmp_path)


def test_a_secret_that_cannot_be_kept_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="set COBROWSE_SECRET"):
        kept_secret(tmp_path / "file")
