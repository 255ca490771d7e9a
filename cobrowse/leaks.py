"""Finds secrets in what a page has told, and says where, so that somebody can mend it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from .search import Search
from .told import Told

EVENTS: Final = {2: "snapshot", 4: "Meta event", 5: "session entry", 6: "plugin event"}
SOURCES: Final = {
    0: "mutation",
    1: "pointer movement",
    2: "mouse interaction",
    3: "scroll event",
    5: "input event",
    7: "media event",
    8: "style sheet rule",
    9: "canvas event",
    13: "style declaration",
    14: "selection",
    15: "adopted style sheet",
}
"""rrweb's types of events and sources of changes."""
INCREMENTAL: Final = 3
ABOVE: Final = 4
"""Elements of a path, at most."""


@dataclass(frozen=True)
class Leak:
    """A secret that has left the page."""

    secret: str
    where: str
    """What told it, and of which part of the page."""
    excerpt: str
    """The text around it."""

    def __str__(self) -> str:
        return f"{self.secret!r} in {self.where}: {self.excerpt!r}"


@dataclass
class _Node:
    name: str
    parent: int
    is_element: bool
    is_anchor: bool
    """It has an id: what is above need not be told."""


class Nodes:
    """The nodes of the page by their numbers, for as far as they were told."""

    def __init__(self) -> None:
        self._nodes: dict[int, _Node] = {}

    def note(self, root: dict[Any, Any], parent: int) -> None:
        """A node, and all in it."""
        stack = [(root, parent)]
        while stack:
            node, above = stack.pop()
            number = node.get("id")
            if not isinstance(number, int):
                continue
            tag = node.get("tagName")
            given = node.get("attributes")
            attributes = given if isinstance(given, dict) else {}
            self._nodes[number] = _Node(_name(tag, attributes), above, isinstance(tag, str), bool(attributes.get("id")))
            children = node.get("childNodes")
            stack += [(child, number) for child in children or [] if isinstance(child, dict)]

    def name(self, number: int) -> str | None:
        """A path to the element of that number, or to the one around that text; None if it is not known."""
        path: list[str] = []
        node = self._nodes.get(number)
        while node is not None and len(path) < ABOVE:
            if node.is_element:
                path.append(node.name)
                if node.is_anchor:
                    break
            node = self._nodes.get(node.parent)
        return " > ".join(reversed(path)) or None


def _name(tag: Any, attributes: dict[Any, Any]) -> str:
    name = str(tag)
    if identity := attributes.get("id"):
        return f"{name}#{identity}"
    if called := attributes.get("name"):
        return f'{name}[name="{called}"]'
    classes = str(attributes.get("class") or "").split()
    return ".".join([name, *classes[:2]])


class Finder:
    """Looks through what is told, in the order in which it is."""

    def __init__(self, search: Search) -> None:
        self.leaks: list[Leak] = []
        """Each secret once for each place."""
        self.texts = 0
        """How many texts were looked at."""
        self._search = search
        self._nodes = Nodes()
        self._known: set[tuple[str, str]] = set()

    def look(self, told: Iterable[Told]) -> None:
        for place, value in ((one.place, one.value) for one in told):
            kind = place
            if isinstance(value, dict):
                kind = _kind(place, value)
                self._note(value)
            for text, path, number in _texts(value):
                self.texts += 1
                for match in self._search.found(text):
                    where = self._where(kind, path, number)
                    if (match.secret, where) not in self._known:
                        self._known.add((match.secret, where))
                        self.leaks.append(Leak(match.secret, f"{where} ({place})", match.excerpt))

    def _note(self, event: dict[Any, Any]) -> None:
        data = event.get("data")
        if not isinstance(data, dict):
            return
        if isinstance(data.get("node"), dict):
            self._nodes.note(data["node"], 0)
        adds = data.get("adds")
        for added in adds if isinstance(adds, list) else []:
            if isinstance(added, dict) and isinstance(added.get("node"), dict):
                parent = added.get("parentId")
                self._nodes.note(added["node"], parent if isinstance(parent, int) else 0)

    def _where(self, kind: str, path: tuple[str, ...], number: int | None) -> str:
        if "attributes" in path:
            rest = path[len(path) - path[::-1].index("attributes") :]
            what = f"the attribute {' '.join(rest) or 'list'}" if rest[:1] != ("_cssText",) else "the style sheet"
        elif path[-1:] == ("textContent",) or "texts" in path:
            what = "the text"
        else:
            what = ".".join(part for part in path if part not in ("data", "payload")) or "all of it"
        name = self._nodes.name(number) if number is not None else None
        return f"{kind}: {what} of {name}" if name else f"{kind}: {what}"


def _kind(place: str, value: dict[Any, Any]) -> str:
    kind, data = value.get("type"), value.get("data")
    if isinstance(kind, str):
        return place
    if kind == INCREMENTAL and isinstance(data, dict):
        return SOURCES.get(data.get("source", -1), "change")
    return EVENTS.get(kind, "event") if isinstance(kind, int) else "state"


def _texts(value: Any) -> Iterator[tuple[str | bytes | float, tuple[str, ...], int | None]]:
    """All texts and numbers in a value, keys too, each with the way to it and the number of the node around it."""
    stack: list[tuple[Any, tuple[str, ...], int | None]] = [(value, (), None)]
    while stack:
        item, path, number = stack.pop()
        if item is None or isinstance(item, bool):
            continue
        if isinstance(item, str | bytes | int | float):
            yield item, path, number
        elif isinstance(item, dict):
            own = item.get("id")
            inner = own if isinstance(own, int) else number
            for key, inside in item.items():
                if not isinstance(key, int):
                    yield key, (*path, "name"), inner
                # The way to a node is told by what is around it in the page.
                below = () if key in ("childNodes", "node") else (*path, str(key))
                stack.append((inside, below, inner))
        elif isinstance(item, list | tuple):
            stack += [(inside, path, number) for inside in item]
        else:  # an extension of MessagePack
            yield bytes(item.data), path, number
