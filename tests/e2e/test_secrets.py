"""Tokens, secrets and codes stand in no address, no referrer and no line of the server's, in a whole story."""

from __future__ import annotations

import base64
import hmac
import json
import re
from urllib.parse import quote

import httpx2
import pytest
import websockets.sync.client
from playwright.sync_api import Browser, BrowserContext, Request
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from .rig import SECRET, Desk, Server, Watching, serving, until
from .test_story import button, open_shop, says

STORED = "() => JSON.stringify([...Object.values(localStorage), ...Object.values(sessionStorage)])"
URL_SAFE = str.maketrans("+/", "-_")
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


class Heard:
    """What a network would see of the requests of pages, but for their bodies."""

    def __init__(self, *contexts: BrowserContext) -> None:
        self.lines: list[str] = []
        for context in contexts:
            context.on("request", self._request)
            context.on("page", lambda page: page.on("websocket", lambda socket: self.lines.append(socket.url)))

    def _request(self, request: Request) -> None:
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        self.lines.append(f"{request.url.partition('#')[0]} {json.dumps(headers)}")


def written(secret: bytes) -> set[str]:
    """The ways in which it may be written down."""
    based = base64.b64encode(secret).decode().rstrip("=")
    return {secret.decode("latin1"), quote(secret, safe=""), secret.hex(), based, based.translate(URL_SAFE)}


def found(secrets: dict[str, bytes], text: str) -> list[str]:
    folded = text.lower()
    return [name for name, secret in secrets.items() if any(form.lower() in folded for form in written(secret))]


def proof_of(secret: bytes) -> bytes:
    """HKDF-SHA256(secret, "auth"), without a salt (RFC 5869)."""
    return hmac.digest(hmac.digest(bytes(32), secret, "sha256"), b"auth\x01", "sha256")


def test_no_secret_stands_where_it_is_kept(browser: Browser) -> None:
    with serving() as server:
        desk = Desk(browser, server)
        shop, agents, guests = (desk.context() for _ in range(3))
        heard = Heard(shop, agents, guests)
        page = open_shop(desk, server, opened=shop)
        page.locator("cobrowse-widget").click()
        code = re.sub(r"\W", "", says(page, ".code"))
        agent = agents.new_page()
        agent.goto(server.login)
        for typed in ("222222", code):
            agent.locator("input[name=code]").fill(typed)
            agent.get_by_role("button", name="Join").click()
            if typed != code:
                agent.get_by_role("alert").wait_for()
        agent.wait_for_url("**/v/*")
        Watching(agent, agents).becomes("waiting")
        button(page, "Allow").click()
        Watching(agent, agents).becomes("live")
        link: str = page.evaluate("Cobrowse.session.link")
        guest = desk.watch_in(guests, link, state="waiting")
        button(page, "Allow").click()
        guest.becomes("live")
        page.reload()
        until(page, "Cobrowse.session?.state === 'active'")
        guest.becomes("live")
        secret = link.partition("#")[2].encode()
        secrets = {"secret": SECRET.encode(), "link": secret, "proof": proof_of(secret), "code": code.encode()}
        for who, opened in (("visitor", page), ("agent", agent), ("guest", guest.page)):
            for n, token in enumerate(TOKEN.findall(opened.evaluate(STORED))):
                secrets[f"{who}'s token {n}"] = token.encode()
            assert (opened.evaluate("document.cookie"), opened.context.cookies()) == ("", []), (
                "nobody is known by a cookie"
            )
        assert {name.partition("'")[0] for name in secrets} >= {"visitor", "agent", "guest"}
        assert server.login.partition("#")[2].encode() in secrets.values(), "an agent's browser keeps the login"
        strangers(server, secrets)
        page.evaluate("Cobrowse.session.end()")
        guest.becomes("ended")
        desk.close()
        assert desk.errors == []
    assert found(secrets, f"{link} {server.login}") == ["link", "agent's token 0"], "what is looked for would be found"
    assert len(heard.lines) > 20
    assert any("/ws" in line for line in heard.lines)
    for line in heard.lines:
        assert found(secrets, line) == [], line
    said = "".join(server.said)
    assert "begun on site demo" in said
    assert found(secrets, said) == []
    assert not TOKEN.search(said)


def strangers(server: Server, secrets: dict[str, bytes]) -> None:
    """Those who do put a secret where it does not belong, or show a wrong one, are refused, and leave no trace."""
    with httpx2.Client(base_url=server.url) as client:
        for name, secret in secrets.items():
            value = quote(secret, safe="")
            key = "code" if name == "code" else "token"
            assert client.get(f"/join?{key}={value}").status_code == 400
            assert client.post("/join", headers={"authorization": f"Bearer x{value}"}).status_code == 401
            assert client.post(f"/http?{key}={value}").status_code == 400
            with pytest.raises(InvalidStatus):
                websockets.sync.client.connect(f"ws{server.url[4:]}/ws?{key}={value}", origin=Origin(server.url))
            with websockets.sync.client.connect(f"ws{server.url[4:]}/ws", origin=Origin(server.url)) as socket:
                assert socket.protocol.extensions == [], "it was offered compression, and takes none: nothing inflates"
                socket.send(secret)
