"""The table of what a viewer may send is the same on both sides, and in the text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from cobrowse.fields import CAPABILITIES
from cobrowse.viewer import INPUT_NEEDS, VOLATILE_NEEDS, Viewer

ROOT: Final = Path(__file__).parents[1]
RIGHTS: Final = (ROOT / "client/src/broadcaster/rights.ts").read_text()
TEXT: Final = (ROOT / "docs/architecture.md").read_text()


def in_browser(name: str) -> dict[str, str]:
    found = re.search(rf"const {name}:.*? = \{{(.*?)\}};", RIGHTS, re.S)
    assert found, name
    return dict(re.findall(r"(\w+): \"(\w+)\"", found[1]))


def test_the_browser_has_the_same_table() -> None:
    assert in_browser("INPUTS") == INPUT_NEEDS
    assert in_browser("VOLATILES") == VOLATILE_NEEDS


def test_the_text_has_the_same_table() -> None:
    rights = dict(re.findall(r"(\w+): \{ question: (\"\w+\", roles: \w+) \}", RIGHTS))
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([a-z, ]+) \|([^|]*)\|([^|]*)\|$", TEXT, re.M)
    assert [name for name, *_ in rows] == [*CAPABILITIES[:3], "chat", *CAPABILITIES[3:7], "call", "record"]
    for name, question, who, inputs, records in rows:
        roles = {"agents, guests": "ANYBODY", "agents": "AGENTS"}[who]
        assert rights[name] == f'"{question}", roles: {roles}'
        for table, cell in ((INPUT_NEEDS, inputs), (VOLATILE_NEEDS, records)):
            assert re.findall(r"`(\w+)`", cell) == [kind for kind, needs in table.items() if needs == name]


def test_one_that_was_not_let_in_may_send_nothing_whatever_it_has() -> None:
    viewer = Viewer("a", "Ann", "agent", capabilities=frozenset(CAPABILITIES))
    assert not any(viewer.may_input(kind) for kind in INPUT_NEEDS)
    assert not any(viewer.may_send(kind) for kind in VOLATILE_NEEDS)
    viewer.admitted = True
    assert all(viewer.may_input(kind) for kind in INPUT_NEEDS)
    assert not any(viewer.may_input(kind) or viewer.may_send(kind) for kind in ("click", "constructor", ""))
