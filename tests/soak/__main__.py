"""An hour of coming and going: two viewers join each second, by every transport, stay for a moment, and leave.

`make soak`; `SOAK_S=300 make soak` for five minutes. Real pages are shared, each for a hundred viewers; one more is
watched by a browser all the time, and compared in the end. Fails when anybody was given what is not next, when one in
ten is given nothing, at a reset, when files or tasks do not come back to what they were, when the page is not equal,
or when an hour's memory grows by a MB or more.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import linear_regression
from time import monotonic, sleep
from typing import Final

from playwright.sync_api import sync_playwright

from tests.e2e.rig import CHROMIUM_ARGS, HERE, Desk, Server, Visit, chromium, difference, serving, site
from tests.faults.followers import KINDS, Follower, credentials
from tests.faults.held import Held, held
from tests.faults.process import resident

SECONDS: Final = float(os.environ.get("SOAK_S", "3600"))
JOIN_EVERY_S: Final = 0.5
STAYS_S: Final = (2.0, 15.0)
A_PAGE_FOR: Final = 100
LOOK_EVERY_S: Final = 5.0
BACK_WITHIN_S: Final = 60.0
HOUR_S: Final = 3_600
LEAST_GIVEN: Final = 0.9
"""Of those who were to come, and of those of a kind, how many must have come, and have been given changes."""
MOST_GROWN: Final = 1_000_000
MIB: Final = 1_048_576


@dataclass(frozen=True)
class Look:
    """At the server, at one moment."""

    at: float
    memory: int
    held: Held

    def __str__(self) -> str:
        return f"{self.at:6.0f} s: {self.memory / MIB:.1f} MiB, {self.held}"


class Soak:
    def __init__(self, server: Server, told: Path) -> None:
        self.server = server
        self.followers: list[Follower] = []
        self._told = told
        self._began = monotonic()
        self._random = Random(1)
        self._lives: list[Future[None]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="followers", daemon=True)
        self._thread.start()

    def join(self, visit: Visit) -> None:
        kind = KINDS[len(self.followers) % len(KINDS)]
        follower = Follower(self.server.url, kind, credentials(visit.link))
        self.followers.append(follower)
        life = self._live(follower, self._random.uniform(*STAYS_S))
        self._lives.append(asyncio.run_coroutine_threadsafe(life, self._loop))

    def look(self) -> Look:
        now = held(self.server, self._told)
        return Look(monotonic() - self._began, resident(self.server.process.pid), now)

    def rest(self) -> None:
        """Until all who came have left. Raises TimeoutError when one does not."""
        for life in self._lives:
            life.result(BACK_WITHIN_S)
        self._lives.clear()

    def back(self, base: Look) -> Look:
        """When it is as it was, or after a minute."""
        end = monotonic() + BACK_WITHIN_S
        while not (look := self.look()).held.is_within(base.held) and monotonic() < end:
            sleep(0.5)
        return look

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @staticmethod
    async def _live(follower: Follower, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await follower.run()


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        told = Path(folder) / "tasks"
        settings = {"COBROWSE_AWAY_TIMEOUT": "5", "SOAK_TASKS": str(told)}
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        with (
            serving(program=[sys.executable, "-m", "tests.soak.server"], **settings) as server,
            site(HERE / "material" / "pages", server) as pages,
        ):
            wrong = soak(Soak(server, told), Desk(browser, server), f"{pages}/table.html")
        browser.close()
    for one in wrong:
        print(f"wrong: {one}")
    return len(wrong) > 0


def soak(soak: Soak, desk: Desk, url: str) -> list[str]:
    kept = desk.visit(url, "{ consent: 'granted', path: 'relay' }")
    watching = desk.watch(kept.link.replace("#", "?transport=websocket#"))
    kept.page.evaluate("window.start(20)")
    for _ in KINDS:  # what is loaded for the first of a kind is there for good
        soak.join(kept)
    soak.rest()
    sleep(BACK_WITHIN_S / 4)
    base = soak.look()
    print(base, flush=True)
    looks: list[Look] = []
    began, joined = monotonic(), 0
    visit = desk.visit(url)
    while monotonic() < began + SECONDS:
        if joined % A_PAGE_FOR == A_PAGE_FOR - 1:
            visit.context.close()
            visit = desk.visit(url, "{ consent: 'granted', path: 'relay' }")
            visit.page.evaluate("window.start(20)")
        soak.join(visit)
        joined += 1
        visit.page.wait_for_timeout(max(0.0, began + joined * JOIN_EVERY_S - monotonic()) * 1_000)
        if not looks or monotonic() - began > len(looks) * LOOK_EVERY_S:
            looks.append(soak.look())
            print(looks[-1], flush=True)
    soak.rest()
    visit.context.close()
    end = soak.back(base)
    print(end)
    kept.page.evaluate("window.stop()")
    wrong = [text for follower in soak.followers for text in follower.wrong]
    wrong += [f"a reset of a viewer by {follower.kind}" for follower in soak.followers if follower.resets]
    if joined < LEAST_GIVEN * SECONDS / JOIN_EVERY_S:
        wrong.append(f"only {joined} joined in {SECONDS:.0f} s, one each {JOIN_EVERY_S} s was to come")
    for kind in KINDS:
        came = [follower for follower in soak.followers if follower.kind == kind]
        given = sum(len(follower.frames) > 0 for follower in came)
        print(f"{given} of {len(came)} by {kind} were given changes")
        if given < LEAST_GIVEN * len(came):
            wrong.append(f"only {given} of {len(came)} by {kind} were given changes")
    if resets := watching.stats["resets"]:
        wrong.append(f"{resets} resets of the page that was watched all the time")
    if found := difference(kept, watching):
        wrong.append(f"the page that was watched all the time is not equal: {found}")
    if not end.held.is_within(base.held):
        wrong.append(f"not back to {base} within {BACK_WITHIN_S:.0f} s: {end}")
    never = sum(follower.connections == 0 for follower in soak.followers)
    settled = looks[len(looks) // 5 :]
    slope = linear_regression([look.at for look in settled], [look.memory for look in settled]).slope * HOUR_S
    print(f"{joined} joined in {SECONDS:.0f} s, {never} left before they were welcomed")
    print(f"from the first fifth on memory grew by {slope / 1e6:+.2f} MB an hour")
    if SECONDS >= HOUR_S and slope >= MOST_GROWN:
        wrong.append(f"memory grows by {slope / 1e6:.2f} MB an hour")
    wrong += desk.errors
    desk.close()
    soak.close()
    return wrong


if __name__ == "__main__":
    sys.exit(main())
