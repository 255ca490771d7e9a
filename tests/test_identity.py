"""Who somebody is said to be."""

from __future__ import annotations

import pytest

from cobrowse.identity import plain


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ann", "Ann"),
        ("  Zoë O'Neill-Smith Jr. ", "Zoë O'Neill-Smith Jr."),
        ("山田 太郎", "山田 太郎"),
        ("हिन्दी", "हिन्दी"),
        ("Ann, an agent,", "Ann an agent"),
        ("\u202egnihtyna\u202c", "gnihtyna"),
        ("<b>Support</b>", "b Support b"),
        ("line\nbreak\ttab\x00nul", "line break tab nul"),
        ("\u200b\u2066", ""),
        ("___", ""),
    ],
)
def test_a_guests_name_adds_nothing_to_the_sentence_around_it(name: str, shown: str) -> None:
    assert plain(name) == shown
