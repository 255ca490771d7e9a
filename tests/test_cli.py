"""The command line, without a server that stays."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import jwt
import pytest
import uvicorn
from click.testing import CliRunner, Result
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from cobrowse import __version__, cli
from cobrowse.close_codes import CloseCode
from cobrowse.records import packed
from cobrowse.revocations import Revocations
from cobrowse.settings import Settings, kept_secret
from cobrowse.tokens import ANYTHING, Policy, Tokens

PROOF = b"p" * 32
SECRET = "x" * 64


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("COBROWSE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli.main, arguments, env=environment)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the server was run with; it comes back at once."""
    runs: list[dict[str, Any]] = []
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "embed.js").write_text("")
    monkeypatch.setattr(cli, "STATIC", tmp_path / "static")

    def serve(self: uvicorn.Server, sockets: list[socket.socket]) -> None:
        settings: Settings = self.config.app.state.hub.settings  # type: ignore[union-attr]
        runs.append({"config": self.config, "settings": settings, "at": sockets[0].getsockname()})
        sockets[0].close()

    monkeypatch.setattr(uvicorn.Server, "run", serve)
    return runs


def test_version_and_help() -> None:
    assert __version__ in run("--version").output
    for command in ("serve", "token", "revoke"):
        assert command in run("--help").output
        assert run(command, "--help").exit_code == 0


def test_a_token_is_what_the_server_takes() -> None:
    result = run("token", "--role", "agent", "--name", "Ann", COBROWSE_SECRET=SECRET)
    assert result.exit_code == 0
    agent = Tokens(SECRET).verify_agent(result.output.strip())
    assert (agent.name, agent.policy, agent.login.sub) == ("Ann", ANYTHING, "Ann")


def test_a_token_of_one_session_for_a_while() -> None:
    arguments = ["token", "--role", "agent", "--name", "Ann", "--sub", "ann@shop", "--ttl", "30m"]
    arguments += ["--site", "a", "--site", "b", "--session", "one"]
    result = run(*arguments, COBROWSE_SECRET=SECRET)
    token = result.output.strip()
    agent = Tokens(SECRET).verify_agent(token)
    assert (agent.name, agent.login.sub) == ("Ann", "ann@shop")
    assert agent.policy == Policy(sites=["a", "b"], sessions=["one"])
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 1_800
    assert claims["exp"] > time.time()


def test_a_token_by_the_kept_secret() -> None:
    result = run("token", "--role", "agent", "--name", "Ann")
    assert result.exit_code == 0, result.output
    assert Tokens(kept_secret()).verify_agent(result.output.strip()).name == "Ann"


def test_a_token_by_the_secret_of_a_file(tmp_path: Path) -> None:
    config = tmp_path / "cobrowse.toml"
    config.write_text(f'secret = "{SECRET}"\n')
    result = run("token", "--role", "agent", "--name", "Ann", "--config", str(config))
    assert Tokens(SECRET).verify_agent(result.output.strip()).name == "Ann"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--role", "agent", "--name", "Ann", "--ttl", "soon"], "--ttl: expected a duration such as"),
        (["--role", "agent", "--name", "Ann", "--ttl", "0"], "--ttl"),
        (["--role", "boss", "--name", "Ann"], "--role"),
        (["--role", "agent"], "--name"),
        (["--role", "agent", "--name", "Ann", "--config", "/nowhere.toml"], "--config"),
    ],
)
def test_what_is_wrong_with_a_token_is_said(arguments: list[str], says: str) -> None:
    result = run("token", *arguments, COBROWSE_SECRET=SECRET)
    assert result.exit_code == 2
    assert says in result.output.replace("'", "")


def revoked_after(tmp_path: Path, *arguments: str, stdin: str | None = None) -> Revocations:
    environment = {"COBROWSE_SECRET": SECRET, "COBROWSE_REVOKED": str(tmp_path / "a" / "revoked")}
    result = CliRunner().invoke(cli.main, ["revoke", *arguments], env=environment, input=stdin)
    assert result.exit_code == 0, result.output
    assert "a/revoked" in result.output
    assert "eyJ" not in result.output
    return Revocations(tmp_path / "a" / "revoked")


def test_a_login_is_revoked_by_what_is_known_of_it(tmp_path: Path) -> None:
    tokens = [Tokens(SECRET).agent(name) for name in ("Ann", "Bo", "Cy", "Di")]
    ann, bo, cy, di = (Tokens(SECRET).verify_agent(token).login for token in tokens)
    revoked_after(tmp_path, "--sub", "Ann")
    revoked_after(tmp_path, "--jti", str(bo.jti))
    known = revoked_after(tmp_path, "--token", "-", stdin=f"{tokens[2]}\n")
    assert [known.covers(login) for login in (ann, bo, cy, di)] == [True, True, True, False]
    assert (tmp_path / "a" / "revoked").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give one of"),
        (["--sub", "Ann", "--jti", "x"], "give one of"),
        (["--token", "x"], "no token with a jti"),
    ],
)
def test_what_cannot_be_revoked_is_said(arguments: list[str], says: str) -> None:
    result = run("revoke", *arguments, COBROWSE_SECRET=SECRET)
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize("command", [["serve"], ["token", "--role", "agent", "--name", "Ann"]])
@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"COBROWSE_PORT": "many"}, "COBROWSE_PORT"),
        ({"COBROWSE_SECRET": "short"}, "COBROWSE_SECRET"),
        ({"COBROWSE_SITES": '[{"key": "a", "origins": ["nothing"]}]'}, "COBROWSE_SITES.0.ORIGINS"),
        ({"COBROWSE_SITES": "nothing"}, "SITES"),
    ],
)
def test_a_bad_setting_is_named(command: list[str], environment: dict[str, str], says: str) -> None:
    result = run(*command, **environment)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), "a message, not a traceback"
    assert says in result.output.upper()


def test_serve_says_where_it_is_and_prints_a_login(served: list[dict[str, Any]]) -> None:
    result = run("serve", "--port", "0", "--demo", COBROWSE_SECRET=SECRET)
    assert result.exit_code == 0, result.output
    [ran] = served
    url = f"http://127.0.0.1:{ran['at'][1]}"
    assert ran["settings"].url == url
    assert f"{url}/demo/" in result.output
    login = result.output.split(f"{url}/login#")[1].split()[0]
    assert Tokens(SECRET).verify_agent(login).policy == ANYTHING
    assert SECRET not in result.output
    assert ran["config"].ws_per_message_deflate is False
    assert not ran["config"].access_log


def test_serve_takes_its_settings_from_a_file(served: list[dict[str, Any]], tmp_path: Path) -> None:
    config = tmp_path / "cobrowse.toml"
    config.write_text(
        'port = 0\npublic_url = "https://help.example"\n[[sites]]\nkey = "a"\norigins = ["https://a.example"]\n'
    )
    result = run("serve", "--config", str(config))
    assert result.exit_code == 0, result.output
    assert "https://help.example/login#" in result.output
    assert "/demo/" not in result.output
    assert list(served[0]["settings"].known_sites) == ["a"]


def test_a_port_that_is_taken_is_said(served: list[dict[str, Any]]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("serve", "--port", str(port))
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.output
    assert served == []
    del result
    gc.collect()  # a socket left open is a warning, hence an error, here


def test_connections_have_the_systems_deadline_for_who_takes_nothing() -> None:
    with cli._listen(Settings(port=0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            timeout = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert timeout == cli.USER_TIMEOUT_MS


def test_without_the_browser_files_it_does_not_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "STATIC", tmp_path)
    result = run("serve", "--port", "0")
    assert result.exit_code == 1
    assert "make client" in result.output
    del result
    gc.collect()


def test_a_server_that_is_told_to_stop_tells_everybody_to_come_back() -> None:
    command = [str(Path(sys.executable).parent / "cobrowse"), "serve", "--port", "0", "--demo"]
    environment = {**os.environ, "COBROWSE_SECRET": SECRET}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split()[-1]
        with connect(f"{url.replace('http', 'ws')}ws", origin=Origin(url.rstrip("/"))) as socket:
            hello = {"type": "hello", "role": "broadcaster", "wire": 1, "log": 1, "site": "demo", "proof": PROOF}
            socket.send(packed(hello))
            socket.recv()
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                deque(iter(socket.recv, None), maxlen=0)
        assert process.wait(20) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (CloseCode.RESTARTING, "the server is restarting")
