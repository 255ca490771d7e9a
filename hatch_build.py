"""Builds the browser client into `cobrowse/static/` when a wheel or an sdist is made from a checkout.

An editable install builds nothing (`make client` does), and a wheel made from an sdist finds the bundle
already there, so that it needs no npm.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ClientBuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run npm, unless there is nothing to build. Raises RuntimeError when npm is missing or fails."""
        root = Path(self.root)
        bundle = root / "cobrowse" / "static" / "embed.js"
        if version == "editable" or ((root / "PKG-INFO").exists() and bundle.exists()):
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                "cobrowse: building from a checkout needs Node.js 20 or newer with npm, to build client/ "
                "into cobrowse/static/. Install Node.js, or install the published wheel or sdist, which carry it."
            )
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            if subprocess.run([npm, *command], cwd=root / "client").returncode != 0:
                raise RuntimeError(f"cobrowse: `npm {' '.join(command)}` failed in client/; see its output above.")
