"""What is measured beside cobrowse, bundled from the small files here, and the pages that are measured on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.e2e.rig import ROOT

HERE: Final = Path(__file__).parent
CLIENT: Final = ROOT / "client"
BUNDLES: Final = ("bare_sender", "bare_viewer", "bare_log", "live_sender", "live_viewer", "bare_scrub", "checked")


def build(folder: Path) -> None:
    """Put the pages and the bundles into `folder`."""
    installed, lock = HERE / "node_modules/.package-lock.json", HERE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci", "--ignore-scripts", "--loglevel=error"], cwd=HERE, check=True)
    shutil.copytree(HERE / "pages", folder, dirs_exist_ok=True)
    subprocess.run(
        [
            CLIENT / "node_modules/.bin/esbuild",
            *(f"{name}.ts" for name in BUNDLES),
            "--bundle",
            "--minify",
            "--format=iife",
            "--target=es2020",
            "--legal-comments=none",
            "--log-level=warning",
            f"--outdir={folder}",
        ],
        cwd=HERE,
        env={**os.environ, "NODE_PATH": str(CLIENT / "node_modules")},
        check=True,
    )
