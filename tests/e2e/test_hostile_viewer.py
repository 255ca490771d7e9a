"""Viewers that do what they were not let do: nothing happens on the visitor's page, and nothing of it reaches them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any, Final

from playwright.sync_api import Page

from cobrowse.close_codes import CloseCode
from cobrowse.records import END, Frame, Part, decode, packed
from cobrowse.tokens import Tokens

from .rig import SECRET, Desk, Visit, Watching, inflated, until
from .stranger import Stranger, asked, chat, parts_of, proof_of, volatile

WATCH: Final = """() => {
  // Every event that a page can hear, every change of its document, and what else an input could change.
  const effects = globalThis.effects = [];
  const isOurs = (node) => {
    for (let at = node; at; at = at.parentNode ?? at.host) if (at.localName === "cobrowse-widget") return true;
    return false;
  };
  const names = new Set(["DOMActivate", "focusin", "focusout"]);
  for (const one of [window, document, document.body, SVGElement.prototype])
    for (const name in one) if (/^on(?!device)/.test(name)) names.add(name.slice(2)); // a device says how it lies
  for (const name of names)
    addEventListener(name, ({ target }) => {
      if (!(target instanceof Node && isOurs(target))) effects.push(`event ${name}`);
    }, true);
  new MutationObserver((records) => {
    for (const { type, target } of records) if (!isOurs(target)) effects.push(`${type} of ${target.nodeName}`);
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  const { session } = Cobrowse;
  session.on("chat", ({ text }) => effects.push(`chat ${text}`));
  session.on("pointer", ({ anchor }) => anchor && effects.push("pointer"));
  session.on("viewer.joined", ({ name }) => effects.push(`joined ${name}`));
  session.on("session.ended", () => effects.push("ended"));
  const state = () => JSON.stringify([
    location.href, history.length, scrollX, scrollY, document.activeElement?.id, session.state, session.isPaused,
    Array.from(document.forms[0].elements, ({ value, checked }) => [value, checked]),
    session.viewers.map(({ id, capabilities }) => [id, capabilities]),
  ]);
  const before = state();
  globalThis.unchanged = () => before === state();
}"""

EVERYTHING: Final = ["view", "pointer", "ink", "scroll", "click", "type", "navigate", "chat", "call", "record"]
FIELD: Final = {"id": 30, "x": 0.5, "y": 0.5}
"""A place in the form: of its fields all that are typed in are masked."""

# What is refused, and not a reason to close.
QUIET: Final[list[dict[str, Any] | bytes]] = [
    volatile("pointer", 30, 0.5, 0.5),
    volatile("pointer", 0, float("nan"), 1),
    volatile("pointer", "document", None, True),
    volatile("click", 30, 0.5, 0.5),
    volatile("key", "Enter"),
    volatile("typing", True),
    volatile("pointer", "x" * 1_024),
    volatile("echo", 1, 2, 3),
    volatile("constructor", 1),
    volatile("__proto__", 1),
    packed([9, "", "later"]),
    {"type": "admit", "viewer": "me", "capabilities": EVERYTHING},
    {"type": "begin"},
    {"type": "pause"},
    {"type": "link", "proof": b"2" * 32},
    {"type": "acknowledged", "viewer": "", "n": 5},
    {"type": "click", "id": 30},
]
# What closes the connection, each sent on one of its own.
LOUD: Final[dict[str, dict[str, Any] | bytes]] = {
    "a click on a masked field": asked(0, {"kind": "click", "at": FIELD}),
    "a key into a masked field": asked(0, {"kind": "type", "id": 30, "text": "x"}),
    "a click by another name": asked(0, {"kind": "constructor", "at": FIELD}),
    "an input without a kind": asked(0, {"text": "x"}),
    "a line that is none": asked(0, {"kind": "chat", "id": "a", "text": {"html": "<img>"}}),
    "a line that is too long": asked(0, {"kind": "chat", "id": "a", "text": "x" * 2_001}),
    "a wish for what nobody knows": asked(0, {"kind": "request", "capabilities": ["eval"]}),
    "a number below 0": asked(-1, {"kind": "chat", "id": "a", "text": "x"}),
    "a number that is none": {"type": "input", "n": "0", "base": 0, "input": {"kind": "chat", "id": "a", "text": "x"}},
    "a frame": Frame(1, 0, END, b"x").record,
    "a checkpoint": Part(1, -1, 9, 0, 1, b"x").record,
    "an end": {"type": "end"},
    "another hello": {"type": "hello", "role": "broadcaster", "wire": 1, "log": 1, "site": "demo", "proof": b"2" * 32},
    "no MessagePack": b"\xc1",
    "a frame that is none": packed([1]),
    "a volatile record of a map": volatile("pointer", {}),
}


def form(desk: Desk, pages: str, options: str) -> Visit:
    visit = desk.visit(f"{pages}/form.html", options)
    visit.page.evaluate(WATCH)
    return visit


def effects(page: Page) -> list[str]:
    told: list[str] = page.evaluate("unchanged() ? effects : [...effects, 'something is not as it was']")
    return told


def live(made: Stranger, visit: Visit) -> str:
    """Let in by the link, and reading; its id."""
    session, secret = parts_of(visit.link)
    made.hello(session, name="Eve", proof=proof_of(secret))
    made.subscribe()
    made.until(lambda: made.log)
    id: str = made.hears("welcome")["viewer"]
    until(visit.page, f"Cobrowse.session.viewers.some(({{ id }}) => id === {id!r})")
    return id


def test_one_that_waits_gets_nothing_and_does_nothing(desk: Desk, pages: str, stranger: Callable[[], Stranger]) -> None:
    visit = form(desk, pages, "{}")
    session, secret = parts_of(visit.link)
    eve = stranger()
    eve.hello(session, name="Eve", proof=proof_of(secret))
    token = eve.hears("welcome")["token"]
    eve.subscribe()
    visit.page.locator("cobrowse-widget .ask").wait_for()
    for n in range(20):
        eve.say(*QUIET, chat(n), asked(100 + n, {"kind": "request", "capabilities": EVERYTHING}, n))
        eve.until(lambda n=n: len(eve.told("refused")) == 2 * (n + 1))  # type: ignore[misc]
    for attack in [*LOUD.values(), {"type": "signal", "peer": "", "description": {"type": "offer", "sdp": "v=0"}}]:
        another = stranger()
        another.hello(session, token=token)
        another.subscribe()
        another.say(attack)
        assert another.is_closed().code >= CloseCode.INVALID
        assert another.log == []
    assert eve.log == []
    assert visit.page.evaluate("Cobrowse.session.stats().seq") == -1, "nothing is recorded"
    assert visit.page.locator("cobrowse-widget .ask").count() <= 1, "nobody is asked about what was not let in"
    assert effects(visit.page) == []


def test_what_was_not_granted_has_no_effect(desk: Desk, pages: str, stranger: Callable[[], Stranger]) -> None:
    hook = "confirmControl: () => { asked += 1; return 'yes'; }"
    visit = form(desk, pages, f"{{ consent: 'granted', {hook} }}")
    visit.page.evaluate("globalThis.asked = 0")
    eve = stranger()
    id = live(eve, visit)
    token = eve.hears("welcome")["token"]
    visit.page.evaluate(f"Cobrowse.session.revoke({id!r}, ['pointer', 'ink', 'chat'])")
    eve.until(lambda: len(eve.told("admitted")) == 2)
    visit.page.evaluate(WATCH)  # from here on
    for attack in LOUD.values():
        another = stranger()
        another.hello(session := parts_of(visit.link)[0], token=token)
        another.say(attack)
        assert another.is_closed().code >= CloseCode.INVALID
    back = stranger()
    back.hello(session, token=token)
    back.hears("admitted")
    # 3,000 in three seconds, and as many numbers that were used before.
    for burst in range(30):
        lines = [chat(n % 7, base=0) for n in range(80)]
        wishes = [asked(n, {"kind": "request", "capabilities": ["click", "type", "view"]}, n) for n in range(20)]
        back.say(*QUIET, *lines, *wishes)
        back.until(lambda burst=burst: count_refused(back) >= 80 * (burst + 1))  # type: ignore[misc]
    back.until(lambda: back.told("declined"))
    assert effects(visit.page) == []
    assert visit.page.evaluate("asked") == 1, "a viewer that was told no is not asked about again at once"


def count_refused(made: Stranger) -> int:
    return len(made.told("refused"))


def test_a_number_that_was_used_has_no_effect_again(desk: Desk, pages: str, stranger: Callable[[], Stranger]) -> None:
    visit = form(desk, pages, "{ consent: 'granted' }")
    eve = stranger()
    live(eve, visit)
    eve.say(chat(0, "first"), *[chat(0, f"again {n}", base=0) for n in range(50)])
    eve.say(chat(40, "later", base=40), *[chat(n, f"before {n}", base=0) for n in range(40)], chat(40, "later"))
    eve.say(chat(41, "last", base=41))
    eve.until(lambda: any(one["n"] >= 41 for one in eve.told("acknowledged")))
    assert visit.page.evaluate("Cobrowse.session.chat.map(({ text }) => text)") == ["first", "later", "last"]


def test_a_flood_of_what_is_granted_is_bounded(desk: Desk, pages: str, stranger: Callable[[], Stranger]) -> None:
    visit = form(desk, pages, "{ consent: 'granted' }")
    eve = stranger()
    live(eve, visit)
    began = visit.page.evaluate("performance.now()")
    for burst in range(20):
        lines = [chat(n, "flood", base=n) for n in range(burst * 100, burst * 100 + 100)]
        eve.say(*lines, volatile("pointer", 0, 0, 0))
    eve.until(lambda: count_refused(eve) + len(eve.told("acknowledged")) == 2_000)
    taken = visit.page.evaluate("effects.filter((one) => one === 'chat flood').length")
    seconds = (visit.page.evaluate("performance.now()") - began) / 1_000
    assert 0 < taken <= 200 + 100 * (seconds + 1)
    assert visit.page.evaluate("Cobrowse.session.state") == "active"


def test_one_viewer_does_not_speak_for_another(desk: Desk, pages: str, stranger: Callable[[], Stranger]) -> None:
    hook = "confirmView: ({ name }) => name === 'Ann' || new Promise(() => {})"
    visit = form(desk, pages, f"{{ {hook} }}")
    session, _ = parts_of(visit.link)
    ann, eve = stranger(), stranger()
    for one, name in ((ann, "Ann"), (eve, "Eve")):
        one.hello(session, token=Tokens(SECRET).agent(name))
        one.subscribe()
    anns = ann.hears("welcome")["viewer"]
    ann.until(lambda: ann.log)
    eve.hears("welcome")
    visit.page.evaluate(WATCH)
    in_her_name: list[dict[str, Any] | bytes] = [
        volatile("pointer", 0, 0.5, 0.5, party=anns),
        {**chat(0), "viewer": anns},
        {**chat(1), "viewer": anns, "from": anns},
        {"type": "acknowledged", "viewer": anns, "n": 9},
        {"type": "remove", "viewer": anns},
    ]
    eve.say(*in_her_name)
    eve.until(lambda: count_refused(eve) == 2)
    other = stranger()
    other.hello(session, token=Tokens(SECRET + "!").agent("Ann"))
    assert other.is_closed().code == CloseCode.UNAUTHORIZED
    eve.say({"type": "signal", "peer": anns, "description": {"type": "offer", "sdp": "v=0"}})
    assert eve.is_closed().code == CloseCode.NOT_PERMITTED
    ann.say(chat(0, "it is me"))
    until(visit.page, "effects.includes('chat it is me')")
    assert (effects(visit.page), eve.log) == (["chat it is me"], [])
    assert visit.page.evaluate("Cobrowse.session.chat[0].from") == anns


# Taken back ---------------------------------------------------------------------------------------------------

COUNT: Final = """() => {
  const counter = document.body.appendChild(document.createElement("p"));
  globalThis.times = [];
  setInterval(() => counter.textContent = `count-${times.push(Date.now()) - 1}-`, 4);
}"""
# A viewer's page that keeps what it has, and all that comes.
CLINGING: Final = """() => {
  const { createDataChannel } = RTCPeerConnection.prototype;
  globalThis.channels = [];
  globalThis.arrived = [];
  RTCPeerConnection.prototype.createDataChannel = function (...options) {
    const channel = createDataChannel.apply(this, options);
    channels.push(channel);
    if (channel.label === "log") channel.addEventListener("message", ({ data }) => arrived.push(data));
    return channel;
  };
  for (const one of [RTCPeerConnection, RTCDataChannel]) one.prototype.close = () => {};
  globalThis.shout = (texts) => {
    for (const text of texts) for (const channel of channels)
      if (channel.readyState === "open") channel.send(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)));
  };
  globalThis.told = () => arrived.map((data) => btoa(String.fromCharCode(...new Uint8Array(data))));
}"""


def clinging(desk: Desk, visit: Visit) -> tuple[Watching, str, str]:
    """A patched viewer's page on the direct path, its id and its token."""
    opened = desk.context()
    opened.add_init_script(f"({CLINGING})()")
    watching = desk.watch_in(opened, visit.page.evaluate("Cobrowse.session.link"), "direct")
    token = watching.page.evaluate("Object.values(sessionStorage)[0]")
    return watching, visit.page.evaluate("Cobrowse.session.viewers[0].id"), token


def came(watching: Watching) -> list[Frame | Part]:
    messages = [base64.b64decode(text) for text in watching.page.evaluate("told()")]
    return [item for message in messages for item in decode(message) if isinstance(item, Frame | Part)]


def revoked(visit: Visit, id: str) -> tuple[int, float]:
    """Put out while the page changes all the time; how many changes there were until then, and when that was.

    A page does one thing at a time: each change is before that or after it, and no clock has to tell.
    """
    script = f"() => {{ const put = [times.length, Date.now()]; Cobrowse.session.revoke({id!r}); return put; }}"
    made, at = visit.page.evaluate(script)
    return made, at


def learned_nothing_later(visit: Visit, items: list[Frame | Part], put_out: tuple[int, float]) -> None:
    """The last change that it knows is one of those from before it was put out."""
    made, at = put_out
    known = max(int(count) for count in re.findall(rb"count-(\d+)-", inflated(items)))
    early = at - visit.page.evaluate(f"times[{known}]")
    print(f"the last that it learned was of {early:.0f} ms before, {made - known} changes")  # with -s
    assert known < made


def goes_on(visit: Visit) -> None:
    """The page changes 50 times more."""
    visit.page.evaluate("globalThis.goal = times.length + 50")
    until(visit.page, "times.length > goal")


def is_dead(desk: Desk, visit: Visit, link: str, token: str, stranger: Callable[[], Stranger]) -> None:
    """What one that was put out still has opens nothing: not its token, nor the link it came by."""
    session, secret = parts_of(link)
    for shown, code in (({"token": token}, CloseCode.REMOVED), ({"proof": proof_of(secret)}, CloseCode.UNAUTHORIZED)):
        again = stranger()
        again.hello(session, **shown)
        assert again.is_closed().code == code
    denied = desk.watch(link, state="denied")
    assert "has ended this link" in denied.page.locator(".notice").inner_text()
    assert visit.page.evaluate("Cobrowse.session.link") != link


def test_one_that_is_put_out_learns_nothing_more_by_the_relay(
    desk: Desk, pages: str, stranger: Callable[[], Stranger]
) -> None:
    visit = form(desk, pages, "{ consent: 'granted' }")
    visit.page.evaluate(COUNT)
    stays = desk.watch(visit.link, path="relay")
    for _ in range(3):
        visit.link = link = visit.page.evaluate("Cobrowse.session.link")
        eve = stranger()
        id = live(eve, visit)
        eve.until(lambda eve=eve: b"count-" in inflated([item for _, item in eve.log]))  # type: ignore[misc]
        put_out = revoked(visit, id)
        assert eve.is_closed().code == CloseCode.REMOVED
        learned_nothing_later(visit, [item for _, item in eve.log], put_out)
        is_dead(desk, visit, link, eve.hears("welcome")["token"], stranger)
    assert stays.stats["state"] == "live"
    assert stays.stats["resets"] == 0, "who stays notices nothing"


def test_one_that_is_put_out_learns_nothing_more_by_the_direct_path(
    desk: Desk, pages: str, stranger: Callable[[], Stranger]
) -> None:
    visit = form(desk, pages, "{ consent: 'granted' }")
    visit.page.evaluate(COUNT)
    for _ in range(2):
        link = visit.page.evaluate("Cobrowse.session.link")
        watching, id, token = clinging(desk, visit)
        goes_on(visit)
        put_out = revoked(visit, id)
        visit.page.evaluate("effects.length = 0")
        line = base64.b64encode(packed(chat(0))).decode()
        watching.page.evaluate("(texts) => shout(texts)", [line] * 20)
        until(watching.page, "channels.every(({ readyState }) => readyState !== 'open')")
        goes_on(visit)
        learned_nothing_later(visit, came(watching), put_out)
        assert "hostile" not in str(effects(visit.page))
        watching.becomes("denied")
        is_dead(desk, visit, link, token, stranger)
        watching.context.close()


def test_what_was_taken_back_has_no_effect_by_the_direct_path(desk: Desk, pages: str) -> None:
    visit = form(desk, pages, "{ consent: 'granted', confirmControl: () => false }")
    watching, id, _ = clinging(desk, visit)
    visit.page.evaluate(f"Cobrowse.session.revoke({id!r}, ['chat', 'pointer', 'ink'])")
    visit.page.evaluate(WATCH)
    lines = [chat(n % 7, base=0) for n in range(60)]
    wishes = [asked(n, {"kind": "request", "capabilities": EVERYTHING}, n) for n in range(60)]
    messages = [packed(one) if isinstance(one, dict) else one for one in [*QUIET, *lines, *wishes]]
    attacks = [base64.b64encode(message).decode() for message in messages]
    for _ in range(10):
        watching.page.evaluate("(texts) => shout(texts)", attacks)
    declined = f"() => told().some((text) => atob(text).includes({'declined'!r}))"
    until(watching.page, f"({declined})()")
    click = base64.b64encode(packed(LOUD["a click on a masked field"])).decode()
    watching.page.evaluate("(texts) => shout(texts)", [click])
    until(watching.page, "channels.every(({ readyState }) => readyState !== 'open')")
    assert effects(visit.page) == []
