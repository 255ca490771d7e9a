"""A visitor and a viewer on one machine, by each road, with a network of the test's making on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, quantiles
from typing import Final

from playwright.sync_api import Browser

from ..e2e.rig import COBROWSE, HERE, Desk, Server, Visit, Watching, serving, site, until
from ..impair import Impaired
from ..rerouted import behind, deaf, rerouted

ROADS: Final = ("websocket", "http", "webrtc", "direct")
Record = Callable[[str, object], None]


@dataclass
class Local:
    """A server, and a site on another origin, of this machine."""

    server: Server
    desk: Desk
    pages: str


@contextmanager
def local(
    browser: Browser, through: Callable[[str], str] = str, program: Sequence[str] = (COBROWSE,), **environment: str
) -> Iterator[Local]:
    """`through` gives the server's address as the site's pages have it. A script error on a page fails the test."""
    with serving(program=program, **environment) as server:
        desk = Desk(browser, server)
        with site(HERE / "material" / "pages", Server(through(server.url), server.login, server.process)) as pages:
            yield Local(server, desk, pages)
            desk.close()
    assert desk.errors == []


def road_of(here: Local, network: Impaired, road: str, page: str = "table.html") -> tuple[Visit, Watching]:
    """A visitor, and a viewer who comes by that road, with the network between the viewer and who sends."""
    direct = road == "direct"
    options = "{ consent: 'granted' }" if direct else "{ consent: 'granted', path: 'relay' }"
    visit = here.desk.visit_in(deaf(here.desk.context()), f"{here.pages}/{page}", options)
    context = rerouted(here.desk.context(), network)
    link = behind(network, visit.link)
    watching = here.desk.watch_in(context, link if direct else link.replace("#", f"?transport={road}#"))
    if direct:
        watching.goes("direct")
    else:
        until(watching.page, f"viewer.stats().transport === {road!r} && viewer.stats().state === 'live'")
    return visit, watching


NOW: Final = "performance.timeOrigin + performance.now()"
MARK: Final = """() => {
  const mark = document.createElement("p");
  mark.id = "mark";
  mark.textContent = "-";
  document.body.append(mark);
  globalThis.sent = [];
  globalThis.marking = setInterval(() => {
    mark.firstChild.data = String(sent.length);
    sent.push(performance.timeOrigin + performance.now());
  }, 100);
}"""
LOOK: Final = """() => {
  let last = "-";
  globalThis.seen = [];
  globalThis.looking = setInterval(() => {
    const shown = document.querySelector(".replayer-wrapper iframe")?.contentDocument?.querySelector("#mark");
    const text = shown?.textContent ?? "-";
    if (text === last) return;
    last = text;
    if (text !== "-") seen.push([Number(text), performance.timeOrigin + performance.now()]);
  }, 5);
}"""


class Marks:
    """Ten changes a second, and when each of them, or a later one, was seen. Both pages have one machine's clock."""

    def __init__(self, visit: Visit, *watchings: Watching) -> None:
        self.visit = visit
        self.watchings = watchings
        visit.page.evaluate(MARK)
        for watching in watchings:
            watching.page.evaluate(LOOK)

    def wait(self, count: int) -> None:
        """Until so many more were made."""
        until(self.visit.page, f"sent.length >= {self.made + count}", 300_000)

    @property
    def made(self) -> int:
        return int(self.visit.page.evaluate("sent.length"))

    def stop(self) -> None:
        self.visit.page.evaluate("() => clearInterval(marking)")

    def late_ms(self, first: int = 0, last: int | None = None) -> list[float]:
        """How late each from `first` to before `last` was, at all who watch; of one yet to be seen, how late it is."""
        sent: list[float] = self.visit.page.evaluate("sent")
        looked = [one.page.evaluate(f"[seen, {NOW}]") for one in self.watchings]
        return [late for seen, now in looked for late in _late_ms(sent, seen, now, first, last)]

    def stall_ms(self) -> float:
        """The longest time without a change, at who has the longest."""
        times: list[list[float]] = [[when for _, when in one.page.evaluate("seen")] for one in self.watchings]
        return max(after - before for seen in times for before, after in pairwise(seen))


POINT: Final = """() => {
  globalThis.pointed = [];
  globalThis.pointing = setInterval(() => {
    const n = pointed.length;
    // Over the heading, which is the same in a page that is yet to learn of what comes below it.
    const [clientX, clientY] = [20 + (n % 400) * 3, 30 + Math.floor(n / 400) * 5];
    pointed.push(performance.timeOrigin + performance.now());
    const move = new PointerEvent("pointermove", { clientX, clientY, bubbles: true, composed: true });
    document.elementFromPoint(clientX, clientY).dispatchEvent(move);
  }, 100);
}"""
LOOK_WHERE: Final = """() => {
  globalThis.pointed = [];
  const pointer = document.querySelector(".visitor-pointer");
  const look = () => {
    const scale = Number(/scale\\(([\\d.]+)\\)/.exec(document.querySelector(".page").style.transform)[1]);
    const [x, y] = /translate\\((.+)px, (.+)px\\)/.exec(pointer.style.transform).slice(1).map((at) => at / scale);
    const n = Math.round((y - 30) / 5) * 400 + Math.round((x - 20) / 3);
    pointed.push([n, performance.timeOrigin + performance.now()]);
  };
  new MutationObserver(look).observe(pointer, { attributes: true, attributeFilter: ["style"] });
}"""


class Pointing:
    """The visitor's pointer moves ten times a second; where it is drawn tells which of its moves that was."""

    def __init__(self, visit: Visit, watching: Watching) -> None:
        self.visit = visit
        self.watching = watching
        watching.page.evaluate(LOOK_WHERE)
        visit.page.evaluate(POINT)

    def stop(self) -> list[float]:
        """How late each move, or a later one, was drawn, in ms. The last is waited for: nothing comes in its place."""
        sent: list[float] = self.visit.page.evaluate("() => { clearInterval(pointing); return pointed; }")
        until(self.watching.page, f"pointed.some(([n]) => n >= {len(sent) - 1})")
        seen, now = self.watching.page.evaluate(f"[pointed, {NOW}]")
        return _late_ms(sent, seen, now)


def _late_ms(
    sent: list[float], seen: list[tuple[int, float]], now: float, first: int = 0, last: int | None = None
) -> list[float]:
    """What was not seen by `now` is as late as that: it may be what has stalled."""
    numbered = list(enumerate(sent))[first:last]
    return [next((when for number, when in seen if number >= n), now) - at for n, at in numbered]


def since_opened(watching: Watching) -> int:
    """How long ago the viewer's page was opened, in ms."""
    return int(watching.page.evaluate("performance.now()"))


def spread(late: list[float]) -> str:
    return f"p50 {median(late):.0f}, p95 {p95(late):.0f}, most {max(late):.0f} of {len(late)}"


def p95(late: list[float]) -> float:
    return quantiles(late, n=20, method="inclusive")[-1]


def p99(late: list[float]) -> float:
    return quantiles(late, n=100, method="inclusive")[-1]
