"""A secret is found in anything that is told, and the finder says where it is in the page."""

from __future__ import annotations

from typing import Any

import pytest

from cobrowse.leaks import Finder
from cobrowse.search import Search
from cobrowse.told import Told

SECRET = "quetzal"


def element(number: int, tag: str, *children: Any, **attributes: Any) -> dict[str, Any]:
    return {"type": 2, "id": number, "tagName": tag, "attributes": attributes, "childNodes": list(children)}


def text(number: int, content: str) -> dict[str, Any]:
    return {"type": 3, "id": number, "textContent": content}


def snapshot(*children: Any) -> dict[str, Any]:
    root = {"type": 0, "id": 1, "childNodes": [element(2, "body", *children)]}
    return {"type": 2, "timestamp": 0, "data": {"node": root, "initialOffset": {"top": 0, "left": 0}}}


def mutation(**changes: Any) -> dict[str, Any]:
    return {"type": 3, "timestamp": 0, "data": {"source": 0, "adds": [], "texts": [], "attributes": [], **changes}}


PAGE = snapshot(element(3, "form", element(4, "input", name="card"), element(5, "p", text(6, "a word")), id="pay"))
CASES: dict[str, tuple[Any, str]] = {
    "text": (snapshot(element(3, "p", text(4, SECRET), id="a")), "snapshot: the text of p#a"),
    "attribute": (snapshot(element(3, "p", title=SECRET)), "snapshot: the attribute title of body > p"),
    "name of an attribute": (
        snapshot(element(3, "p", **{f"data-{SECRET}": ""})),
        "snapshot: the attribute name of body",
    ),
    "tag": (snapshot(element(3, f"x-{SECRET}")), "snapshot: tagName of body > x-quetzal"),
    "style sheet": (
        snapshot(element(3, "style", _cssText=f"/*{SECRET}*/")),
        "snapshot: the style sheet of body > style",
    ),
    "changed text": (mutation(texts=[{"id": 6, "value": SECRET}]), "mutation: the text of form#pay > p"),
    "changed attribute": (
        mutation(attributes=[{"id": 4, "attributes": {"placeholder": SECRET}}]),
        'mutation: the attribute placeholder of form#pay > input[name="card"]',
    ),
    "added": (
        mutation(adds=[{"parentId": 5, "nextId": None, "node": element(9, "b", text(10, SECRET))}]),
        "mutation: the text of form#pay > p > b",
    ),
    "input": (
        {"type": 3, "data": {"source": 5, "id": 4, "text": SECRET, "isChecked": False}},
        'input event: text of form#pay > input[name="card"]',
    ),
    "rule": (
        {"type": 3, "data": {"source": 8, "id": 5, "adds": [{"rule": SECRET}]}},
        "style sheet rule: adds.rule of form",
    ),
    "address": ({"type": 4, "data": {"href": f"https://shop.example/?{SECRET}"}}, "Meta event: href"),
    "entry": (
        {"type": 5, "data": {"tag": "cobrowse", "payload": {"kind": "page", "page": {"title": SECRET}}}},
        "session entry: page.title",
    ),
    "state": ({"chat": [], "page": {"title": SECRET}}, "state: page.title"),
    "control message": ({"type": "hello", "site": SECRET}, "something: site"),
    "volatile": ([3, "", "typing", SECRET], "something: all of it"),
    "bytes": (b"\x00\xff" + SECRET.encode() + b"\xff", "something: all of it"),
}


@pytest.mark.parametrize(("value", "where"), CASES.values(), ids=CASES)
def test_a_leak_says_where_it_is(value: Any, where: str) -> None:
    finder = Finder(Search([SECRET]))
    finder.look([Told("something", PAGE), Told("something", value)])
    [leak, *more] = finder.leaks
    assert leak.secret == SECRET
    assert leak.where.startswith(where)
    assert SECRET in leak.excerpt
    assert {one.where for one in more} <= {"snapshot: the text of body > x-quetzal"}


def test_each_place_is_told_once() -> None:
    finder = Finder(Search([SECRET, "a word"]))
    change = mutation(texts=[{"id": 6, "value": SECRET}])
    finder.look([Told("frame 0", PAGE), Told("frame 1", change), Told("frame 2", change)])
    assert [(leak.secret, leak.where.rpartition(" (")[2]) for leak in finder.leaks] == [
        ("a word", "frame 0)"),
        (SECRET, "frame 1)"),
    ]


def test_nothing_is_found_on_a_page_that_tells_nothing() -> None:
    finder = Finder(Search([SECRET]))
    finder.look([Told("something", PAGE), Told("something", mutation()), Told("something", None)])
    assert finder.leaks == []
    assert finder.texts > 10


def test_a_page_nested_deeply_is_looked_through() -> None:
    node = text(9_999, SECRET)
    for number in range(3, 3_000):
        node = element(number, "div", node)
    finder = Finder(Search([SECRET]))
    finder.look([Told("something", snapshot(node))])
    assert len(finder.leaks) == 1
