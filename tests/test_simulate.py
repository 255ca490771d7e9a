"""Faults on purpose: off unless a setting says otherwise, and for viewers alone."""

from __future__ import annotations

import asyncio
import math
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cobrowse import create_app
from cobrowse.connection import Connection
from cobrowse.settings import Settings
from cobrowse.simulate import BY_THE_SERVER, FAULTS, Held
from cobrowse.tokens import Tokens, Watching

ROOT = Path(__file__).parents[1]
SECRET = "x" * 64


def client(debug: bool) -> TestClient:
    return TestClient(create_app(Settings(secret=SECRET, debug=debug)))


@pytest.mark.parametrize("fault", [*FAULTS, "anything", ""])
def test_without_the_setting_it_is_refused_with_a_sentence(fault: str) -> None:
    response = client(debug=False).get(f"/v/abc?simulate={fault}")
    assert response.status_code == 403
    assert "run `cobrowse serve --demo` or set COBROWSE_DEBUG=true" in response.text
    assert "script" not in response.text
    assert client(debug=False).post(f"/simulate/{fault or 'slow'}").status_code == 404


def test_an_unknown_fault_says_which_there_are() -> None:
    response = client(debug=True).get("/v/abc?simulate=<b>flood</b>")
    assert (response.status_code, response.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert [fault for fault in FAULTS if fault not in response.text] == []


def test_a_known_fault_is_loaded_before_the_viewer() -> None:
    scripts = re.findall(r'src="(.*?)"', client(debug=True).get("/v/abc?simulate=slow").text)
    assert scripts == ["../static/simulate.js", "../static/viewer.js"]
    assert "simulate" not in client(debug=True).get("/v/abc").text


@pytest.mark.parametrize("fault", BY_THE_SERVER)
def test_who_breaks_the_server_must_be_a_viewer(fault: str) -> None:
    opened = client(debug=True)
    assert opened.post(f"/simulate/{fault}").status_code == 401
    agent = {"authorization": f"Bearer {Tokens(SECRET).agent('Ann')}"}
    assert opened.post(f"/simulate/{fault}", headers=agent).status_code == 401


def test_what_is_not_connected_cannot_be_cut() -> None:
    opened = client(debug=True)
    viewer = {"authorization": f"Bearer {Tokens(SECRET).viewer(Watching('abc', 'v1', 'Ann', 'guest'))}"}
    assert opened.post("/simulate/kill-relay", headers=viewer).status_code == 409
    assert opened.post("/simulate/flood", headers=viewer).status_code == 404


def test_the_page_knows_the_same_faults() -> None:
    source = (ROOT / "client/src/viewer/simulate.ts").read_text()
    table = source.split("const FAULTS")[1].split("\n};")[0]
    assert sorted(re.findall(r'^  "?([a-z-]+)"?: \{', table, re.M)) == sorted(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_says_what_one_should_see(fault: str) -> None:
    section = (ROOT / "docs/delivery.md").read_text().split("\n## Break it yourself\n")[1]
    assert re.search(rf"^\|.*`{fault}`.*\| .+ \| .+ \|$", section, re.M)


def test_who_is_held_gets_no_volatile_records_either() -> None:
    async def silent() -> None:
        connection = Connection(lambda connection, room: [], None, "127.0.0.1")
        held = Held(connection, 10_000, math.inf)
        connection.forward(("a", "pointer"), b"record")
        assert (held(), held.volatile()) == (b"", b"")
        assert connection.take_volatile() == b"record"

    asyncio.run(silent())
