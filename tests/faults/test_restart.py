"""The server is killed and started again while forty watch, by every road there is."""

from __future__ import annotations

from contextlib import ExitStack
from time import monotonic
from typing import Final

from playwright.sync_api import Browser

from cobrowse.records import Frame

from ..e2e.rig import HERE, Desk, Visit, Watching, difference, serving, settled, site, until
from ..e2e.test_resume import killed
from ..e2e.test_story import says
from ..proxies import free_port
from .count import Count
from .followers import KINDS, Follower, credentials, following
from .roads import Record

FOLLOWERS: Final = {"websocket": 12, "http": 10, "webrtc": 10}
ROADS: Final = (*KINDS, "direct")
MANY: Final = 900
CHANGES: Final = 10
"""A second, in that page: two cores carry no 60 frames a second to so many who read in Python."""
AT_ONCE: Final = 100
MANY_OF_ONE_ADDRESS: Final = {"COBROWSE_ADDRESS_RATE": "100000", "COBROWSE_SITE_RATE": "100000"}
BROWSERS: Final = 2
"""On each road; so forty in all."""

BACK: Final = """() => {
  const killed = performance.now();
  globalThis.back = new Promise((resolve) => {
    let cut = viewer.stats().path === "direct";
    const from = viewer.stats().seq + 10;
    const look = setInterval(() => {
      const { path, seq, state } = viewer.stats();
      cut ||= path === null;
      if (!cut || state !== "live" || seq < from) return;
      clearInterval(look);
      resolve(performance.now() - killed);
    }, 5);
  });
}"""
"""How long after now the page went on, once it was cut off, if it ever is."""


def watch(desk: Desk, visit: Visit, road: str) -> Watching:
    query = "" if road == "direct" else f"?path=relay&transport={road}"
    watching = desk.watch(visit.link.replace("#", f"{query}#"))
    if road == "direct":
        watching.goes("direct")
    return watching


def wait_for(visit: Visit, followers: list[Follower]) -> None:
    """Until all of them have what the page has now."""
    stats = visit.stats
    at = (stats["epoch"], stats["seq"])
    end = monotonic() + 60
    while behind := [one for one in followers if one.position is None or one.position < at]:
        visit.page.evaluate("new Promise((resolve) => setTimeout(resolve, 50))")
        assert monotonic() < end, [(one.kind, one.position, one.connections) for one in behind]


def test_the_server_is_restarted_while_forty_watch(browser: Browser, record_property: Record) -> None:
    """Criterion: all are back, as whom they were; nobody starts over, has a gap, or an event twice; browsers are equal,
    and those who read directly are not disturbed.
    """
    port = str(free_port())
    with serving("--port", port) as first, site(HERE / "material" / "pages", first) as pages:
        desk = Desk(browser, first)
        visit = desk.visit(f"{pages}/table.html")
        shown = credentials(visit.link)
        url = f"http://127.0.0.1:{port}"
        followers = [Follower(url, kind, dict(shown)) for kind in KINDS for _ in range(FOLLOWERS[kind])]
        watching = {road: [watch(desk, visit, road) for _ in range(BROWSERS)] for road in ROADS}
        everybody = [one for those in watching.values() for one in those]
        with following(followers):
            wait_for(visit, followers)
            assert len(visit.page.evaluate("Cobrowse.session.viewers")) == 40
            viewers = set(visit.page.evaluate("Cobrowse.session.viewers.map(({ id }) => id)"))
            code = visit.page.evaluate("Cobrowse.session.code")
            count = Count(visit, *everybody, hertz=20)
            visit.page.evaluate("window.start(20)")
            further(visit, followers, everybody)
            for one in everybody:
                one.page.evaluate(BACK)
            began = monotonic()
            killed(first)
            with serving("--port", port):
                started = monotonic()
                further(visit, followers, everybody)
                back = {
                    road: max(settled(one.page, "back") / 1_000 for one in those) for road, those in watching.items()
                }
                latest = [(kind, max(one.connected_at for one in followers if one.kind == kind)) for kind in KINDS]
                until(visit.page, "Cobrowse.session.viewers.length === 40")
                visit.page.evaluate("window.stop()")
                count.stop()
                for one in everybody:
                    assert difference(visit, one) is None
                wait_for(visit, followers)
                assert count.wrong() == []
                assert [one.stats["resets"] for one in everybody] == [0] * len(everybody)
                assert set(visit.page.evaluate("Cobrowse.session.viewers.map(({ id }) => id)")) == viewers
                assert visit.page.evaluate("Cobrowse.session.code") == code
        assert [one.wrong for one in followers if one.wrong] == []
        assert [one.kind for one in followers if one.resets] == []
        assert [one.kind for one in followers if one.connections < 2] == []
        received = [one for one in watching["websocket"][0].received if isinstance(one, Frame)]
        told = {(one.epoch, one.seq): one.data for one in received}
        for follower in followers:
            assert all(told.get(at, data) == data for at, data in follower.frames.items())
        found = ", ".join(f"{road} {seconds:.1f}" for road, seconds in back.items())
        record_property("killed until the last page had the next frame, s", found)
        text = ", ".join(f"{kind} {at - began:.1f}" for kind, at in latest)
        record_property("killed until the last without a browser was back, s", f"{text}; server {started - began:.1f}")
        desk.close()
        assert desk.errors == []


def further(visit: Visit, followers: list[Follower], watching: list[Watching]) -> None:
    """Until everybody has something that the page makes from now on."""
    until(visit.page, f"Cobrowse.session.stats().seq > {visit.stats['seq']} + 10")
    stats = visit.stats
    wait_for(visit, followers)
    for one in watching:
        until(one.page, f"viewer.stats().seq >= {stats['seq']} && viewer.stats().state === 'live'")


def test_a_page_with_many_viewers_comes_back(browser: Browser, record_property: Record) -> None:
    """Criterion: 900 viewers, more than one message can name, are known to a server that was started again, and then to
    the next page of the visitor: all go on as whom they were, without a reset but for that page's own epoch.
    """
    port = str(free_port())
    with serving("--port", port, **MANY_OF_ONE_ADDRESS) as first, site(HERE / "material" / "pages", first) as pages:
        desk = Desk(browser, first)
        visit = desk.visit(f"{pages}/table.html", "{ consent: 'granted', path: 'relay' }")
        shown = credentials(visit.link)
        followers = [Follower(f"http://127.0.0.1:{port}", "websocket", dict(shown)) for _ in range(MANY)]
        with ExitStack() as stack:
            for first_of in range(0, MANY, AT_ONCE):  # who is not answered in time would come as somebody else
                stack.enter_context(following(followers[first_of : first_of + AT_ONCE]))
                until(visit.page, f"Cobrowse.session.viewers.length === {first_of + AT_ONCE}", 60_000)
            viewers = set(visit.page.evaluate("Cobrowse.session.viewers.map(({ id }) => id)"))
            visit.page.evaluate(f"window.start({CHANGES})")
            further(visit, followers, [])
            killed(first)
            with serving("--port", port, **MANY_OF_ONE_ADDRESS):
                began = monotonic()
                until(visit.page, "Cobrowse.session.stats().transport !== null", 60_000)
                further(visit, followers, [])
                record_property("900 back after the server's start, s", f"{monotonic() - began:.1f}")
                assert sum(one.resets for one in followers) == 0
                began = monotonic()
                visit.page.reload()
                until(visit.page, f"globalThis.Cobrowse?.session?.viewers.length === {MANY}", 60_000)
                visit.page.evaluate(f"window.start({CHANGES})")
                further(visit, followers, [])
                record_property("900 at the page after a reload, s", f"{monotonic() - began:.1f}")
                assert set(visit.page.evaluate("Cobrowse.session.viewers.map(({ id }) => id)")) == viewers
                assert says(visit.page, ".who") == f"Guest, Guest, Guest and {MANY - 3} others can see this page"
        assert [one.wrong for one in followers if one.wrong] == []
        assert {one.resets for one in followers} == {1}
        assert min(one.connections for one in followers) == 2
        desk.close()
        assert desk.errors == []
