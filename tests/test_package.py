"""The wheel and the sdist carry the browser files; an sdist needs no npm; a checkout without npm says so."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BROWSER_FILES = {
    "embed.js",
    "embed.js.br",
    "embed.js.gz",
    "broadcaster.js",
    "record.js",
    "viewer.js",
    "join.js",
    "preview.js",
    "simulate.js",
}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    built("--sdist", ROOT, out)
    return next(out.glob("*.tar.gz"))


def built(kind: str, source: Path, out: Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m build`; with `path`, as on a machine that has only what is there."""
    environment = {**os.environ, **({"PATH": path} if path is not None else {})}
    command = [sys.executable, "-m", "build", kind, "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if path is None:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_the_sdist_carries_the_client_and_its_source(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {f"cobrowse/static/{file}" for file in BROWSER_FILES} <= names
    assert {"client/package.json", "client/src/log.ts", "demo/index.html", "hatch_build.py", "LICENSE"} <= names
    assert not [name for name in names if "node_modules" in name]


def test_a_wheel_is_made_from_the_sdist_without_npm(sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    source = next((tmp_path / "source").iterdir())
    done = built("--wheel", source, tmp_path, path=str(tmp_path / "nothing"))
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        names = set(archive.namelist())
    assert {f"cobrowse/static/{file}" for file in BROWSER_FILES} <= names
    assert {"cobrowse/py.typed", "cobrowse/demo/index.html", "cobrowse/session.py"} <= names
    assert not [name for name in names if name.startswith(("client/", "tests/"))]


def test_a_checkout_without_npm_says_what_is_needed(tmp_path: Path) -> None:
    done = built("--wheel", ROOT, tmp_path, path=str(tmp_path / "nothing"))
    assert done.returncode != 0
    assert "needs Node.js 20 or newer with npm" in done.stdout + done.stderr
