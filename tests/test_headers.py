"""The security headers of each route there is: those of the table in `docs/security.md`, and no cookie."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient

from cobrowse import app as app_module
from cobrowse import create_app
from cobrowse.headers import FEATURES
from cobrowse.settings import Settings, Site

from .links import ORIGIN, SECRET

OWN: Final = "http://help.example"
ASSETS: Final = "https://cdn.example"
SECTION: Final = (
    (Path(__file__).parents[1] / "docs/security.md").read_text().split("\n## Headers\n")[1].split("\n## ")[0]
)
COMPARED: Final = {
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "cache-control",
    "content-security-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "referrer-policy",
    "set-cookie",
    "x-content-type-options",
}


def rows() -> list[list[str]]:
    lines = [line for line in SECTION.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|---")]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


HEAD, ROUTES, *ROWS = rows()
COLUMNS: Final = HEAD[1:]
OF_ROUTE: Final = {route: column for column, cell in zip(COLUMNS, ROUTES[1:], strict=True) for route in quoted(cell)}
OTHER: Final = COLUMNS[-1]


def expected(column: str, assets: str = "") -> dict[str, str]:
    """The headers of that column; what is not in it must not be there."""
    at = COLUMNS.index(column) + 1
    values = {quoted(row[0])[0].lower(): quoted(row[at])[0] for row in ROWS if quoted(row[at])}
    if column == "preview":
        page, changed = (next(row for row in ROWS if "Content-Sec" in row[0])[place] for place in (1, at))
        rules = {rule.split()[0]: rule for rule in (*quoted(page)[0].split("; "), *quoted(changed))}
        values["content-security-policy"] = "; ".join(rules.values())
    policy = values["content-security-policy"].replace(" ASSETS", assets).replace("PAGES", ORIGIN)
    values["content-security-policy"] = policy
    if features := values.get("permissions-policy"):
        named = (f"{feature}=()" for feature in listed() if feature != features.removeprefix("all but "))
        values["permissions-policy"] = ", ".join(named)
    return values


def listed() -> list[str]:
    text = re.search(r"\n`accelerometer`.*?;", SECTION, re.S)
    assert text
    return quoted(text[0])


def told(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name in COMPARED}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starlette:
    for name in ("embed.js", "viewer.js"):
        (tmp_path / name).write_text(f"// {name}\n")
    monkeypatch.setattr(app_module, "STATIC", tmp_path)
    site = Site(key="shop", origins=[ORIGIN], assets=[ASSETS])
    app = create_app(Settings(secret=SECRET, sites=[site], demo=True))
    app.state.hub._of_session["abc"] = (site, {ORIGIN})
    return app


@pytest.fixture
def client(app: Starlette) -> Iterator[TestClient]:
    with TestClient(app, base_url=OWN, raise_server_exceptions=False) as client:
        yield client


WITHIN: Final = {"/static": ["/static/viewer.js"], "/demo": ["/demo/", "/demo/shop.js", "/demo/checkout.html"]}
VALUES: Final = {"session": "abc", "id": "none", "n": "0", "fault": "kill-relay"}


def asked(client: TestClient, route: Route | Mount) -> Iterator[Any]:
    """An answer to each way of asking for it."""
    paths = WITHIN[route.path] if isinstance(route, Mount) else [route.path.format(**VALUES)]
    methods = sorted((route.methods or set()) if isinstance(route, Route) else {"GET"}) or ["GET", "POST"]
    for path in paths:
        for method in methods:
            yield client.request(method, path, headers={"origin": OWN}, follow_redirects=False)


def test_every_route_says_what_the_table_says(app: Starlette, client: TestClient) -> None:
    routes = [route for route in app.routes if not isinstance(route, WebSocketRoute)]
    assert all(isinstance(route, Route | Mount) for route in routes)
    assert {route.path for route in routes} == OF_ROUTE.keys()  # type: ignore[attr-defined]
    assert listed() == list(FEATURES)
    for route in routes:
        assert isinstance(route, Route | Mount)
        for response in asked(client, route):
            column = OF_ROUTE[route.path]
            if response.status_code in (401, 404, 405) and column != "the http transport":
                column = OTHER
            assets = f" {ASSETS}" if "{session}" in route.path else ""
            assert told(response) == expected(column, assets), f"{response.request.method} {route.path}"


def test_a_file_that_has_not_changed_says_it_again(client: TestClient) -> None:
    for path, column in (("/demo/shop.js", "demo"), ("/static/viewer.js", "scripts")):
        etag = client.get(path).headers["etag"]
        response = client.get(path, headers={"if-none-match": etag})
        assert response.status_code == 304
        assert told(response) == expected(column)


async def fails(request: Request) -> Response:
    raise RuntimeError("on purpose")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/static/nothing.js", 404),
        ("GET", "/demo/nothing", 404),
        ("PUT", "/join", 405),
        ("GET", "/join?token=x", 400),
        ("POST", "/join", 401),
        ("GET", "/v/abc?simulate=nothing", 404),
        ("GET", "/fails", 500),
    ],
)
def test_what_is_refused_says_it_too(app: Starlette, client: TestClient, method: str, path: str, status: int) -> None:
    app.router.routes.append(Route("/fails", fails))
    response = client.request(method, path)
    assert response.status_code == status
    assert told(response) == expected(OTHER)
    assert "on purpose" not in response.text
