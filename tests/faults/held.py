"""What a server holds: files and sockets, as the kernel tells, and tasks, as it tells itself (`soak/server.py`)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from playwright.sync_api import Page

from ..e2e.rig import Server
from .process import asked, descriptors

TELLING: Final = (sys.executable, "-m", "tests.soak.server")
"""The program of a server that tells, into the file that its variable `SOAK_TASKS` names."""
SETTLED_S: Final = 6.0
"""Longer than the server keeps a connection for another request."""
WITHIN_S: Final = 60.0


@dataclass(frozen=True)
class Held:
    """At one moment."""

    files: int
    tasks: int

    def is_within(self, base: Held) -> bool:
        return self.files <= base.files and self.tasks <= base.tasks

    def __str__(self) -> str:
        return f"{self.files} files, {self.tasks} tasks"


def held(server: Server, told: Path) -> Held:
    pid = server.process.pid
    return Held(descriptors(pid), int(asked(pid, told)))


def settled(server: Server, told: Path, page: Page) -> Held:
    """Once it stays the same: what was just answered may have a file and a task yet."""
    began = since = monotonic()
    found = held(server, told)
    while monotonic() - since < SETTLED_S:
        page.wait_for_timeout(50)
        if (now := held(server, told)) != found:
            found, since = now, monotonic()
        assert since - began < WITHIN_S, f"the server is not at rest: {found}"
    return found


def freed(server: Server, told: Path, page: Page, base: Held, began: float) -> float:
    """How long after `began` it holds no more than that."""
    while not (now := held(server, told)).is_within(base):
        page.wait_for_timeout(50)
        assert monotonic() - began < WITHIN_S, f"the server has {now}; before {base}"
    return monotonic() - began
