"""What the visitor is asked, what each answer gives, and how it is taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cobrowse.close_codes import CloseCode
from cobrowse.tokens import Tokens

from .rig import SECRET, Desk, Server, Visit, until
from .stranger import Stranger, asked, chat, parts_of, proof_of
from .test_story import button


def enter(made: Stranger, visit: Visit, name: str) -> str:
    """As an agent of that name; its id."""
    made.hello(parts_of(visit.link)[0], token=Tokens(SECRET).agent(name))
    id: str = made.hears("welcome")["viewer"]
    return id


def request(made: Stranger, n: int, *capabilities: str) -> None:
    made.say(asked(n, {"kind": "request", "capabilities": list(capabilities)}))


def given(made: Stranger) -> list[str]:
    """All that it may do now, as it was told."""
    told = made.told("admitted")
    return list(told[-1]["capabilities"]) if told else []


def simulate(desk: Desk, server: Server, fault: str, token: str) -> None:
    answer = desk.context().request.post(f"{server.url}/simulate/{fault}", headers={"authorization": f"Bearer {token}"})
    assert answer.status == 204


def test_control_is_asked_for_given_and_taken_back(desk: Desk, pages: str, stranger: Callable[[], Stranger]) -> None:
    visit = desk.visit(f"{pages}/form.html", "{}")
    page, ann = visit.page, stranger()
    enter(ann, visit, "Ann")
    button(page, "Allow").click()
    ann.until(lambda: given(ann) == ["chat", "ink", "pointer", "view"])

    request(ann, 0, "click", "type")
    question = page.get_by_role("dialog", name="Allow control?")
    assert "Ann, an agent, would like to click and type on this page" in (question.text_content() or "")
    button(page, "Allow").click()
    ann.until(lambda: {"click", "type"} <= set(given(ann)))
    request(ann, 1, "scroll")
    button(page, "Don't allow").click()
    assert ann.hears("declined")["capabilities"] == ["scroll"]

    button(page, "Viewers").click()
    button(page, "Take back from Ann: type").click()
    ann.until(lambda: given(ann) == ["chat", "click", "ink", "pointer", "view"])
    button(page, "Take back from Ann: chat").click()
    ann.until(lambda: "chat" not in given(ann))
    ann.say(chat(2, "not any more"))
    ann.hears("refused")
    assert page.evaluate("Cobrowse.session.chat") == []

    page.reload()
    until(page, "globalThis.Cobrowse?.session?.viewers.length === 1")
    assert page.evaluate("Cobrowse.session.viewers[0].capabilities") == ["view", "pointer", "ink", "click"]
    button(page, "Viewers").click()
    button(page, "Remove Ann").click()
    assert ann.is_closed().code == CloseCode.REMOVED
    page.locator("cobrowse-widget .people", has_text="Nobody is watching").wait_for()
    page.reload()
    until(page, "globalThis.Cobrowse?.session?.state === 'active'")
    for _ in range(2):
        again = stranger()
        again.hello(parts_of(visit.link)[0], token=Tokens(SECRET).agent("Ann", ttl_s=99))
        assert again.is_closed().code == CloseCode.REMOVED
    assert page.locator("cobrowse-widget .ask").count() == 0


def test_each_question_has_a_hook_of_the_site(desk: Desk, pages: str, stranger: Callable[[], Stranger]) -> None:
    visit = desk.visit(
        f"{pages}/form.html",
        """{ confirmView: () => true, confirmRecording: () => Promise.reject(new Error('no')),
          confirmCall: () => 'yes', confirmControl: (viewer, capabilities) => {
            globalThis.asked = [viewer.name, viewer.role, ...capabilities]; return Promise.resolve(true); } }""",
    )
    ann, guest = stranger(), stranger()
    enter(ann, visit, "Ann")
    guest.hello(parts_of(visit.link)[0], proof=proof_of(parts_of(visit.link)[1]))
    for one in (ann, guest):
        one.until(lambda one=one: given(one))  # type: ignore[misc]
    request(ann, 0, "record", "call", "navigate")
    ann.until(lambda: "navigate" in given(ann))
    ann.until(lambda: len(ann.told("declined")) == 2)
    refused = sorted((one["capabilities"], one["reason"]) for one in ann.told("declined"))
    assert refused == [(["call"], "the visitor has said no"), (["record"], "the visitor has said no")]
    assert visit.page.evaluate("asked") == ["Ann", "agent", "navigate"]
    request(guest, 0, "record")
    assert guest.hears("declined")["reason"] == "the site does not allow it", "guests do not record"
    assert visit.page.locator("cobrowse-widget .ask").count() == 0


def test_what_the_page_leaves_out_is_neither_asked_about_nor_given(
    desk: Desk, pages: str, stranger: Callable[[], Stranger]
) -> None:
    visit = desk.visit(f"{pages}/form.html", "{ confirmView: () => true, capabilities: ['view', 'pointer'] }")
    ann = stranger()
    id = enter(ann, visit, "Ann")
    ann.until(lambda: given(ann) == ["pointer", "view"])
    request(ann, 0, "click", "chat")
    assert ann.hears("declined")["capabilities"] == ["click", "chat"]
    visit.page.evaluate(f"Cobrowse.session.grant({id!r}, ['click', 'chat', 'record'])")
    assert visit.page.evaluate("Cobrowse.session.viewers[0].capabilities") == ["view", "pointer"]
    assert visit.page.locator("cobrowse-widget .ask").count() == 0


def test_a_question_goes_with_whom_it_is_about(desk: Desk, pages: str, stranger: Callable[[], Stranger]) -> None:
    visit = desk.visit(f"{pages}/form.html", "{}")
    ann, bo = stranger(), stranger()
    for one, name in ((ann, "Ann"), (bo, "Bo")):
        enter(one, visit, name)
    dialog = visit.page.locator("cobrowse-widget .ask")
    dialog.filter(has_text="Ann").wait_for()
    ann.leave()
    dialog.filter(has_text="Bo").wait_for()
    button(visit.page, "Allow").click()
    bo.until(lambda: given(bo))
    request(bo, 0, "click")
    dialog.filter(has_text="click").wait_for()
    visit.page.evaluate("Cobrowse.session.revoke(Cobrowse.session.viewers[0].id)")
    dialog.wait_for(state="detached")


def test_a_link_by_which_three_were_refused_asks_no_more(
    desk: Desk, pages: str, stranger: Callable[[], Stranger]
) -> None:
    visit = desk.visit(f"{pages}/form.html", "{ confirmView: () => false }")
    session, secret = parts_of(visit.link)
    codes = []
    for _ in range(4):
        one = stranger()
        one.hello(session, proof=proof_of(secret))
        codes.append(one.is_closed().code)
    assert codes == [CloseCode.REFUSED] * 3 + [CloseCode.UNAUTHORIZED]
    assert visit.page.evaluate("Cobrowse.session.link") != visit.link


def test_who_was_put_out_stays_out_when_the_server_has_forgotten_it(
    desk: Desk, pages: str, server: Server, stranger: Callable[[], Stranger]
) -> None:
    visit = desk.visit(
        f"{pages}/form.html", "{ confirmView: ({ name }) => (globalThis.questions ??= []).push(name) > 0 }"
    )
    session, secret = parts_of(visit.link)
    ann, eve, stays = stranger(), stranger(), stranger()
    enter(ann, visit, "Ann")
    for guest, name in ((eve, "Eve"), (stays, "Stays")):
        guest.hello(session, name=name, proof=proof_of(secret))
    for one in (ann, eve, stays):
        one.until(lambda one=one: given(one))  # type: ignore[misc]
    tokens = [one.hears("welcome")["token"] for one in (ann, eve, stays)]
    visit.page.evaluate("""() => {
      for (const { id, name } of Cobrowse.session.viewers) if (name !== "Stays") Cobrowse.session.revoke(id);
      globalThis.back = new Promise((resolve) => Cobrowse.session.on("session.updated", resolve));
    }""")
    assert [one.is_closed().code for one in (ann, eve)] == [CloseCode.REMOVED] * 2
    simulate(desk, server, "server-restart", tokens[2])
    visit.page.evaluate("back")
    shown: list[dict[str, Any]] = [{"token": token} for token in [*tokens[:2], Tokens(SECRET).agent("Ann")]]
    codes = []
    for what in [*shown, {"proof": proof_of(secret)}]:
        again = stranger()
        again.hello(session, **what)
        codes.append(again.is_closed().code)
    assert codes == [CloseCode.REFUSED] * 3 + [CloseCode.UNAUTHORIZED]
    back = stranger()
    back.hello(session, token=tokens[2])
    back.until(lambda: given(back))
    assert visit.page.evaluate("questions") == ["Ann", "Eve", "Stays"], "nobody is asked about again"


def test_one_that_is_put_out_without_a_network_is_out_when_it_is_back(
    desk: Desk, pages: str, server: Server, stranger: Callable[[], Stranger]
) -> None:
    visit = desk.visit(f"{pages}/form.html")
    session, secret = parts_of(visit.link)
    eve = stranger()
    eve.hello(session, proof=proof_of(secret))
    token = eve.hears("welcome")["token"]
    eve.until(lambda: given(eve))
    visit.context.set_offline(True)
    simulate(desk, server, "kill-visitor", token)
    eve.until(lambda: [one for one in eve.told("updated") if one["state"] == "away"])
    visit.page.evaluate("Cobrowse.session.revoke(Cobrowse.session.viewers[0].id)")
    visit.context.set_offline(False)
    assert eve.is_closed().code == CloseCode.REMOVED
    for what, code in (({"token": token}, CloseCode.REMOVED), ({"proof": proof_of(secret)}, CloseCode.UNAUTHORIZED)):
        again = stranger()
        again.hello(session, **what)
        assert again.is_closed().code == code


def test_a_page_that_is_behind_lets_nobody_back_in(desk: Desk, pages: str, stranger: Callable[[], Stranger]) -> None:
    visit = desk.visit(f"{pages}/form.html")
    session, secret = parts_of(visit.link)
    eve = stranger()
    eve.hello(session, proof=proof_of(secret))
    token = eve.hears("welcome")["token"]
    eve.until(lambda: given(eve))
    behind = visit.page.evaluate("sessionStorage.getItem('cobrowse.session')")
    visit.page.evaluate("Cobrowse.session.revoke(Cobrowse.session.viewers[0].id)")
    assert eve.is_closed().code == CloseCode.REMOVED
    ended = visit.page.evaluate("Cobrowse.session.link")
    # As a tab finds it that was frozen meanwhile.
    visit.page.add_init_script(f"sessionStorage.setItem('cobrowse.session', {json.dumps(behind)});")
    visit.page.reload()
    until(visit.page, f"![undefined, {visit.link!r}].includes(globalThis.Cobrowse?.session?.link)")
    fresh = visit.page.evaluate("Cobrowse.session.link")
    assert fresh not in (visit.link, ended)
    for what, code in (
        ({"token": token}, CloseCode.REMOVED),
        ({"proof": proof_of(secret)}, CloseCode.UNAUTHORIZED),
        ({"proof": proof_of(parts_of(ended)[1])}, CloseCode.UNAUTHORIZED),
    ):
        again = stranger()
        again.hello(session, **what)
        assert again.is_closed().code == code
    desk.watch(fresh)


def test_what_is_taken_back_from_one_that_is_not_here_is_told_as_well(desk: Desk, pages: str) -> None:
    """Other tabs hear of it by that: one that takes the session over must not give it back."""
    visit = desk.visit(f"{pages}/table.html")
    watching = desk.watch(visit.link)
    viewer = visit.page.evaluate("Cobrowse.session.viewers[0].id")
    watching.context.close()
    until(visit.page, "Cobrowse.session.viewers.length === 0")
    visit.page.evaluate("() => { Cobrowse.session.on('session.updated', () => { globalThis.told = true; }); }")
    visit.page.evaluate("(viewer) => Cobrowse.session.revoke(viewer, ['pointer'])", viewer)
    until(visit.page, "globalThis.told")
