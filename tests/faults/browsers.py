"""Browsers whose processes are known, so that they can be killed, and stopped as a machine that sleeps stops them."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Playwright

from ..e2e.rig import CHROMIUM_ARGS, Desk, Server, chromium
from .process import send_all


@dataclass
class Machine:
    """A browser of its own, and who opens pages in it."""

    desk: Desk
    browser: Browser
    pid: int

    def kill(self) -> None:
        """All of it at once, as when the power fails: nothing can be said any more."""
        send_all(self.pid, signal.SIGKILL)

    def sleep(self) -> None:
        send_all(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        send_all(self.pid, signal.SIGCONT)


@contextmanager
def machine(playwright: Playwright, server: Server) -> Iterator[Machine]:
    with TemporaryDirectory() as folder:
        script, told = Path(folder) / "chromium", Path(folder) / "pid"
        # Debian's chromium is a script, which becomes the browser by exec: the number stays.
        command = f"echo $$ > {shlex.quote(str(told))}\nexec {shlex.quote(chromium())}"
        script.write_text(f'#!/bin/sh\n{command} "$@"\n')
        script.chmod(0o755)
        browser = playwright.chromium.launch(executable_path=script, args=CHROMIUM_ARGS)
        made = Machine(Desk(browser, server), browser, int(told.read_text()))
        try:
            yield made
        finally:
            if browser.is_connected():
                made.wake()
                made.desk.close()
            browser.close()
