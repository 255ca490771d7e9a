"""Measure everything, beside its alternative, and write the tables of `docs/performance.md`.

`python -m tests.bench` measures all and writes the document; with names of sections it measures those, prints them, and
after `--write` puts them into the document, in place of the same ones of an earlier run.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

from tests.e2e.rig import CHROMIUM_ARGS, ROOT, Desk, chromium, serving, site

from .bench import Bench, plain_site
from .build import build
from .check import check
from .deaths import deaths
from .fanout import fanout
from .hour import hour
from .latency import latency
from .memory import memory
from .paint import paint
from .recording import recording
from .resume import resume
from .scripts import scripts
from .scrub import scrub
from .storm import reconnection
from .table import write
from .transports import transports
from .webrtc import webrtc
from .wire import wire

DOCUMENT: Final = ROOT / "docs" / "performance.md"
SECTIONS: Final[dict[str, tuple[str, Callable[[Bench], str]]]] = {
    "latency": ("Latency", latency),
    "paint": ("First paint", paint),
    "wire": ("Bytes on the wire", wire),
    "scripts": ("Scripts", scripts),
    "recording": ("Cost of recording", recording),
    "scrub": ("Cost of scrubbing", scrub),
    "check": ("Cost of checking", check),
    "fanout": ("Fan-out of the relay", fanout),
    "transports": ("Transports on worse networks", transports),
    "webrtc": ("The server's WebRTC peer", webrtc),
    "memory": ("Memory of the server", memory),
    "hour": ("An hour of changes", hour),
    "resume": ("Resuming", resume),
    "deaths": ("Roads that die", deaths),
    "storm": ("A storm of reconnections", reconnection),
}


def main(names: list[str], into: Path | None) -> None:
    """Measure those sections; all when there are none."""
    with tempfile.TemporaryDirectory() as temporary, serving() as server, sync_playwright() as playwright:
        folder = Path(temporary)
        build(folder)
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        measured = {}
        with site(folder, server) as url, plain_site(folder) as plain:
            desk = Desk(browser, server)
            bench = Bench(desk, url, plain, folder)
            for name in names or SECTIONS:
                title, measure = SECTIONS[name]
                began, load = time.monotonic(), os.getloadavg()[0]
                tables = measure(bench)
                measured[title] = (
                    f"{time.strftime('%Y-%m-%d')}; load of the machine {load:.1f} before and {os.getloadavg()[0]:.1f} "
                    f"after the {time.monotonic() - began:.0f} s that it took.\n\n{tables}"
                )
                print(f"### {title}\n\n{measured[title]}\n", flush=True)
            if desk.errors:
                raise RuntimeError(f"script errors on the pages: {desk.errors}")
        version = browser.version
        browser.close()
    conditions = (
        f"{os.cpu_count()} cores ({_processor()}), Chromium {version}, Python {platform.python_version()}. The load is "
        "that of the last minute, the benchmark's own included."
    )
    print(conditions)
    if into is not None:
        write(into, conditions, measured, [title for title, _ in SECTIONS.values()])


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(found, platform.machine())


if __name__ == "__main__":
    given = sys.argv[1:]
    named = [name for name in given if name != "--write"]
    if unknown := set(named) - set(SECTIONS):
        sys.exit(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    main(named, DOCUMENT if not named or "--write" in given else None)
