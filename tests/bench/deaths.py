"""From the death of a road to the next change that is shown, for each way of dying."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from tests.e2e.rig import Desk, Visit, Watching, serving, site, until
from tests.faults.count import SHOWN, Count
from tests.faults.deaths import BACK, WAYS, die
from tests.faults.followers import KINDS
from tests.faults.peers import counted
from tests.proxies import free_port

from .bench import Bench
from .table import Measured, times

ROUNDS: Final = 5
VIEWERS: Final = 4
"""As many as may have a direct path."""
ROWS: Final = 60
SILENT_MS: Final = 1_000
KILLED_MS: Final = 250
"""A server does not start sooner."""
AFTER: Final = f"""(pause) => {{
  const died = performance.now();
  let last = died;
  globalThis.after = new Promise((resolve) => {{
    const noting = new MutationObserver(() => {{
      const now = performance.now();
      const paused = now - last > pause;
      last = now;
      if (!paused) return;
      noting.disconnect();
      resolve(now - died);
    }});
    noting.observe({SHOWN}, {{ characterData: true, subtree: true }});
  }});
}}"""
"""How long after now the first change was shown that followed a pause of so many ms."""
SILENCE: Final = """async () => {
  const session = decodeURIComponent(location.pathname.split("/").at(-1));
  const token = sessionStorage.getItem(`cobrowse.viewer.${session}`);
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(new URL("../simulate/silence-relay", location.href), { method: "POST", headers });
  if (!response.ok) throw new Error(await response.text());
}"""


def deaths(bench: Bench) -> str:
    rows = [Measured(f"direct, {way}", _direct(bench, way)) for way in WAYS]
    rows += [Measured(f"{kind}, silent", rounds) for kind, rounds in _silent(bench).items()]
    rows += [Measured(f"{kind}, server killed and started again", rounds) for kind, rounds in _killed(bench).items()]
    return times("death to the next change shown", rows)


def _direct(bench: Bench, way: str) -> list[list[float]]:
    desk = bench.desk
    visit = desk.visit_in(counted(desk.context()), bench.page(ROWS))
    watching = [desk.watch_in(counted(desk.context()), visit.link) for _ in range(VIEWERS)]
    count = Count(visit, *watching)
    rounds = []
    for _ in range(ROUNDS):
        for one in watching:
            one.goes("direct")
        for one in watching:
            one.page.evaluate(BACK)
        die(way, visit, watching)
        rounds.append([one.page.evaluate("back") for one in watching])
    _done(count)
    desk.close()
    return rounds


def _silent(bench: Bench) -> dict[str, list[list[float]]]:
    """The server sends nothing more on connections that stay open."""
    desk = bench.desk
    visit = desk.visit(bench.page(ROWS))
    watching = _by_each(desk, visit)
    count = Count(visit, *watching.values())
    rounds: dict[str, list[list[float]]] = {kind: [] for kind in watching}
    for _ in range(ROUNDS):
        for kind, one in watching.items():
            _comes_by(one, kind)
            one.page.evaluate(SILENCE)
            one.page.evaluate(AFTER, SILENT_MS)
        for kind, one in watching.items():
            rounds[kind].append([one.page.evaluate("after")])
    _done(count)
    desk.close()
    return rounds


def _killed(bench: Bench) -> dict[str, list[list[float]]]:
    port = str(free_port())
    with ExitStack() as stack:
        server = stack.enter_context(serving("--port", port))
        desk = Desk(bench.desk.browser, server)
        pages = stack.enter_context(site(bench.folder, server))
        visit = desk.visit(f"{pages}/table.html?rows={ROWS}")
        watching = _by_each(desk, visit)
        count = Count(visit, *watching.values())
        rounds: dict[str, list[list[float]]] = {kind: [] for kind in watching}
        for _ in range(ROUNDS):
            for kind, one in watching.items():
                _comes_by(one, kind)
                one.page.evaluate(AFTER, KILLED_MS)
            server.process.kill()
            server.process.wait()
            server = stack.enter_context(serving("--port", port))
            for kind, one in watching.items():
                rounds[kind].append([one.page.evaluate("after")])
        _done(count)
        desk.close()
    return rounds


def _by_each(desk: Desk, visit: Visit) -> dict[str, Watching]:
    found = {}
    for kind in KINDS:
        found[kind] = desk.watch(visit.link.replace("#", f"?path=relay&transport={kind}#"))
        _comes_by(found[kind], kind)
    return found


def _comes_by(watching: Watching, kind: str) -> None:
    until(watching.page, f"viewer.stats().transport === {kind!r} && viewer.stats().state === 'live'")
    until(watching.page, f"viewer.stats().seq > {watching.stats['seq']} + 20 || !globalThis.counted")


def _done(count: Count) -> None:
    """Whatever died, nothing was lost and nothing came twice."""
    count.stop()
    count.visit.quiet()
    for one in count.watchings:
        until(one.page, f"viewer.stats().seq >= {count.visit.stats['seq']}")
        if one.stats["resets"] or count.wrong():
            raise RuntimeError(f"{one.stats['resets']} resets; what followed what: {count.wrong()}")
