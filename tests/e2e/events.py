"""What events of a page look like, made up: as the recorder tells them, or as no recorder would."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final

Node = dict[str, Any]

HTML, HEAD, BODY, LAST = 3, 4, 5, 6
DEEP: Final = "900 elements in one another"
ids = itertools.count(100)


def element(tag: str, attributes: Node | None = None, *children: Node | str, **more: Any) -> Node:
    """As the recorder tells it; a child that is a string is a text."""
    nodes = [text(child) if isinstance(child, str) else child for child in children]
    return {"id": next(ids), "type": 2, "tagName": tag, "attributes": attributes or {}, "childNodes": nodes, **more}


def svg(tag: str, attributes: Node | None = None, *children: Node | str) -> Node:
    return element(tag, attributes, *children, isSVG=True)


def text(content: str) -> Node:
    return {"id": next(ids), "type": 3, "textContent": content}


def meta(width: float = 1_280, height: float = 720) -> Node:
    return {"type": 4, "timestamp": 1, "data": {"href": "http://shop.example/", "width": width, "height": height}}


def page(*body: Node | str, head: tuple[Node, ...] = ()) -> Node:
    last = {"id": LAST, "type": 2, "tagName": "p", "attributes": {"id": "last"}, "childNodes": []}
    inside = {"id": BODY, "type": 2, "tagName": "body", "attributes": {}, "childNodes": [*body, last]}
    outside = {"id": HEAD, "type": 2, "tagName": "head", "attributes": {}, "childNodes": [*head]}
    html = {"id": HTML, "type": 2, "tagName": "html", "attributes": {}, "childNodes": [outside, inside]}
    doctype = {"id": 2, "type": 1, "name": "html", "publicId": "", "systemId": ""}
    node = {"id": 1, "type": 0, "childNodes": [doctype, html]}
    return {"type": 2, "timestamp": 1, "data": {"node": node, "initialOffset": {"left": 0, "top": 0}}}


def happened(source: Any, **data: Any) -> Node:
    return {"type": 3, "timestamp": 1, "data": {"source": source, **data}}


def mutation(**changes: Any) -> Node:
    return happened(0, **{"adds": [], "removes": [], "texts": [], "attributes": [], **changes})


def added(tree: Node, parent: int = BODY, following: int | None = LAST) -> Node:
    """The tree as it is told when it is added: each node by itself."""

    def adds(node: Node, parent: int, following: int | None) -> Iterator[Node]:
        children = node.get("childNodes", [])
        yield {"parentId": parent, "nextId": following, "node": {**node, "childNodes": []}}
        for child in children:
            yield from adds(child, node["id"], None)

    return mutation(adds=list(adds(tree, parent, following)))


def changed(tree: Node) -> list[Node]:
    """The tree added bare, and its attributes set afterwards."""

    def bare(node: Node) -> Node:
        made = {**node, "childNodes": [bare(child) for child in node.get("childNodes", [])]}
        return {**made, "attributes": {}} if "attributes" in node else made

    def all_of(node: Node) -> Iterator[Node]:
        if node.get("attributes"):
            yield {"id": node["id"], "attributes": node["attributes"]}
        for child in node.get("childNodes", []):
            yield from all_of(child)

    return [added(bare(tree)), mutation(attributes=list(all_of(tree)))]


def fresh(node: Node) -> Node:
    """The same with ids of its own."""
    children = [fresh(child) for child in node.get("childNodes", [])]
    return {**node, "id": next(ids), **({"childNodes": children} if "childNodes" in node else {})}


def good(content: str) -> Node:
    """What a good page would say: it shows that the viewer is up."""
    tree = element("p", {"class": "good"}, content)
    return added(tree)
