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
    rows = [
        ("embed.js: before a session", ["embed.js"]),
        ("embed.js and broadcaster.js: once a session starts", ["embed.js", "broadcaster.js"]),
        ("these and record.js: once somebody asks to look", ["embed.js", "broadcaster.js", "record.js"]),
        ("viewer.js", ["viewer.js"]),
    ]
    sizes = [
        (name, _sent([STATIC / file for file in files]), _gzip([STATIC / file for file in files]))
        for name, files in rows
    ]
    bare = [
        ("bare pipeline, sending: recorder, MessagePack, deflate", "", _gzip([bench.folder / "bare_sender.js"])),
        ("bare pipeline, receiving: player, MessagePack, inflate", "", _gzip([bench.folder / "bare_viewer.js"])),
    ]
    return plain(("script", "as it is sent (brotli), bytes", "gzip -9, bytes"), sizes + bare)


def _sent(scripts: list[Path]) -> str:
    """What a browser that takes brotli is sent."""
    return f"{sum(script.with_name(f'{script.name}.br').stat().st_size for script in scripts):,}"


def _gzip(scripts: list[Path]) -> str:
    return f"{sum(len(gzip.compress(script.read_bytes(), 9)) for script in scripts):,}"
