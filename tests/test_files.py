"""The browser files, compressed for whoever takes them so."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from cobrowse.files import BrowserFiles, codings


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("", {""}),
        ("gzip, deflate, br, zstd", {"gzip", "deflate", "br", "zstd"}),
        ("GZIP;q=0.5,br; q=1.0", {"gzip", "br"}),
        ("br;q=0, gzip;q=0.0, identity", {"identity"}),
    ],
)
def test_a_browser_says_what_it_takes(header: str, names: set[str]) -> None:
    assert codings(header) == names


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    (tmp_path / "a.js").write_bytes(b"plain")
    (tmp_path / "a.js.br").write_bytes(b"as brotli")
    (tmp_path / "a.js.gz").write_bytes(gzip.compress(b"plain"))
    (tmp_path / "b.js").write_bytes(b"plain")
    return TestClient(Starlette(routes=[Mount("/", BrowserFiles(directory=tmp_path))]))


@pytest.mark.parametrize(
    ("path", "takes", "coding"),
    [
        ("/a.js", "gzip, deflate, br", "br"),
        ("/a.js", "gzip, br;q=0", "gzip"),
        ("/a.js", "identity", None),
        ("/b.js", "gzip, br", None),
    ],
)
def test_each_gets_the_smallest_that_it_takes(client: TestClient, path: str, takes: str, coding: str | None) -> None:
    with client.stream("GET", path, headers={"accept-encoding": takes}) as response:
        raw = b"".join(response.iter_raw())
        assert response.status_code == 200
        assert response.headers.get("content-encoding") == coding
        assert response.headers["vary"] == "Accept-Encoding"
        assert "javascript" in response.headers["content-type"]
        assert int(response.headers["content-length"]) == len(raw)
    assert raw == {"br": b"as brotli", "gzip": gzip.compress(b"plain"), None: b"plain"}[coding]
    again = client.get(path, headers={"accept-encoding": takes, "if-none-match": response.headers["etag"]})
    assert again.status_code == 304


def test_what_is_not_there_is_not_there_in_any_coding(client: TestClient) -> None:
    assert client.get("/c.js", headers={"accept-encoding": "br"}).status_code == 404
    assert client.post("/a.js", headers={"accept-encoding": "br"}).status_code == 405
