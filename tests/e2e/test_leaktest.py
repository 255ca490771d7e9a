"""`cobrowse leaktest` in a real browser: it finds what leaves a page, and where, and nothing else."""

from __future__ import annotations

import re
import subprocess

import pytest
from playwright.sync_api import Browser

from cobrowse.errors import LeakTestError
from cobrowse.leaktest import leaktest

from .rig import COBROWSE, Server

QUERY, FRAGMENT = "quetzal-in-query", "quetzal-in-fragment"
NAME, CARD, PASSWORD = "Quetzal Lovelace", "4242424242424242", "quetzal-hunter2"


def run(url: str, *secrets: str, options: str = "{}") -> subprocess.CompletedProcess[str]:
    given = [word for secret in secrets for word in ("--secret", secret)]
    command = [COBROWSE, "leaktest", url, *given, "--options", options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_nothing_leaves_the_demos_checkout(server: Server) -> None:
    address = f"{server.url}/demo/checkout.html?token={QUERY}#{FRAGMENT}"
    done = run(address, QUERY, FRAGMENT, NAME, CARD, PASSWORD)
    assert done.stdout == "none of the values left the page\n", done.stderr
    assert done.returncode == 0


def test_what_is_unmasked_is_found_but_no_card_and_no_password(browser: Browser, server: Server) -> None:
    address = f"{server.url}/demo/checkout.html?token={QUERY}"
    options = {"unmask": ["body"], "query": "keep"}
    leaks = leaktest(address, [NAME, CARD, QUERY], options, browser)
    assert {leak.secret for leak in leaks} == {NAME, QUERY}
    where = "\n".join(leak.where for leak in leaks)
    assert "input event: text of input#name" in where
    assert "Meta event: href" in where
    for secret in ("card", "cvc", "password"):
        assert not re.search(rf"input#\S*{secret}", where), where


LEAKS = {
    "echoed in a text": (NAME, "mutation: the text of p#echo"),
    "echoed in an attribute": (NAME, "mutation: the attribute title of p#echo"),
    "in the title": (NAME, "session entry: page.title"),
    "encoded in a state": (NAME, "mutation: the attribute data-state of p#echo"),
    "in a shadow root": (NAME, "mutation: the text of x-card#card > b"),
    "in a frame": (NAME, "mutation: the text of i#framed"),
    "written from the start": ("quetzal-from-the-start", "snapshot: the text of p#start"),
    "in a rule": (NAME, "style sheet rule: adds.rule of style#sheet"),
    "shown password": (PASSWORD, "mutation: the text of output#strength"),
}


def test_a_page_that_leaks_is_told_where(browser: Browser, pages: str) -> None:
    leaks = leaktest(f"{pages}/leaks.html", [NAME, PASSWORD, "quetzal-from-the-start"], {}, browser)
    found = {(leak.secret, leak.where.partition(" (")[0]) for leak in leaks}
    assert {name: one for name, one in LEAKS.items() if one not in found} == {}, found
    assert not any("input event" in where for _, where in found), "fields are masked all the same"


@pytest.mark.parametrize("page", ["form", "hidden"])
def test_nothing_typed_leaves_a_hard_page(browser: Browser, pages: str, page: str) -> None:
    options = {"mask": ["[contenteditable]"]}
    assert leaktest(f"{pages}/{page}.html", [NAME, CARD, PASSWORD, "sesame-"], options, browser) == []


@pytest.mark.parametrize(
    ("path", "options", "said"),
    [
        ("form.html", {"mask": ["##"]}, r'cannot be shared: cobrowse: mask in the options is "##", not a selector'),
        ("nowhere.html", {}, "does not load: HTTP status 404"),
    ],
)
def test_what_cannot_be_tried_is_an_error(
    browser: Browser, pages: str, path: str, options: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(LeakTestError, match=said):
        leaktest(f"{pages}/{path}", [NAME], options, browser)


def test_a_site_that_is_not_there_is_an_error(browser: Browser) -> None:
    with pytest.raises(LeakTestError, match="ERR_CONNECTION_REFUSED"):
        leaktest("http://127.0.0.1:49/", [NAME], {}, browser)
