"""Measure everything, beside its alternative, and write the tables of `docs/performance.md`.

`python -m tests.bench` measures all and writes the document; with names of sections it only prints those.
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
from .fanout import fanout
from .latency import latency
from .paint import paint
from .recording import recording
from .scripts import scripts
from .table import write
from .wire import wire

DOCUMENT: Final = ROOT / "docs" / "performance.md"
SECTIONS: Final[dict[str, tuple[str, Callable[[Bench], str]]]] = {
    "latency": ("Latency", latency),
    "paint": ("First paint", paint),
    "wire": ("Bytes on the wire", wire),
    "scripts": ("Scripts", scripts),
    "recording": ("Cost of recording", recording),
    "fanout": ("Fan-out of the relay", fanout),
}


def main(names: list[str]) -> None:
    began, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary, serving() as server, sync_playwright() as playwright:
        folder = Path(temporary)
        build(folder)
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        with site(folder, server) as url, plain_site(folder) as plain:
            desk = Desk(browser, server)
            bench = Bench(desk, url, plain, folder)
            parts = []
            for name in names or SECTIONS:
                title, measure = SECTIONS[name]
                parts.append(f"### {title}\n\n{measure(bench)}")
                print(f"{parts[-1]}\n", flush=True)
            if desk.errors:
                raise RuntimeError(f"script errors on the pages: {desk.errors}")
        version = browser.version
        browser.close()
    conditions = (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores ({_processor()}), Chromium {version}, "
        f"Python {platform.python_version()}; load of the machine {load:.1f} before and {os.getloadavg()[0]:.1f} after "
        f"the {time.monotonic() - began:.0f} s that all of it took."
    )
    print(conditions)
    if not names:
        write(DOCUMENT, "\n\n".join([conditions, *parts]))


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(found, platform.machine())


if __name__ == "__main__":
    main(sys.argv[1:])
