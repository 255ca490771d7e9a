"""Sizes of the scripts that a page loads."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

from tests.e2e.rig import ROOT

from .bench import Bench
from .table import plain

STATIC: Final = ROOT / "cobrowse" / "static"


def scripts(bench: Bench) -> str:
    embed, session = _size(STATIC / "embed.js"), _size(STATIC / "broadcaster.js")
    rows = [
        ("embed.js: before a session", embed),
        ("embed.js and broadcaster.js: once a session starts", embed + session),
        ("bare pipeline, sending: recorder, MessagePack, deflate", _size(bench.folder / "bare_sender.js")),
        ("viewer.js", _size(STATIC / "viewer.js")),
        ("bare pipeline, receiving: player, MessagePack, inflate", _size(bench.folder / "bare_viewer.js")),
    ]
    return plain(("script, gzip -9", "bytes"), ((name, f"{size:,}") for name, size in rows))


def _size(script: Path) -> int:
    return len(gzip.compress(script.read_bytes(), 9))
