"""Secrets are found however they are written, and only there."""

from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobrowse.errors import LeakTestError
from cobrowse.search import Search

SECRET = 'Zoë & "Quetzal" ÷ 7?>'
FORMS = {
    "clear": SECRET,
    "other case": SECRET.upper(),
    "percent": quote(SECRET),
    "percent, all of it": "".join(f"%{byte:02x}" for byte in SECRET.encode()),
    "form": quote_plus(SECRET),
    "percent twice": quote(quote(SECRET)),
    "JSON": json.dumps(SECRET),
    "JSON in JSON": json.dumps(json.dumps(SECRET)),
    "JavaScript": "".join(f"\\x{ord(one):02x}" for one in SECRET),
    "HTML": html.escape(SECRET),
    "HTML by numbers": "".join(f"&#{ord(one)};" for one in SECRET),
    "JSON in an address": quote(json.dumps(SECRET)),
}


@pytest.mark.parametrize("written", FORMS.values(), ids=FORMS)
def test_a_secret_is_found_as_it_may_be_written(written: str) -> None:
    for text in (written, f"before {written} after", f"before {written} after".encode()):
        [match] = Search(["elsewhere", SECRET]).found(text)
        assert match.secret == SECRET


@given(before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_base64_is_found_wherever_it_begins(before: bytes, after: bytes) -> None:
    whole = before + SECRET.encode() + after
    for encoded in (b64encode(whole), urlsafe_b64encode(whole)):
        assert [match.secret for match in Search([SECRET]).found(encoded.decode())] == [SECRET]


@pytest.mark.parametrize(
    "written", ["4242 4242 4242 4242", "4242-4242-4242-4242", "4242.424242424242", "4242424242424242"]
)
def test_a_number_is_found_whatever_its_groups(written: str) -> None:
    for secret in ("4242424242424242", "4242 4242 4242 4242"):
        assert Search([secret]).found(f"card {written}")


def test_a_number_is_a_secret_as_a_whole_only() -> None:
    search = Search(["4711", "1701"])
    assert [match.secret for match in search.found(4711)] == ["4711"]
    assert search.found(1_747_114_711_000) == []


@pytest.mark.parametrize("text", ["", "quetza", "quet zal!", "100 %, 5 + 5 & \\", b"\xff\xfe\x00", "••••••••", 12.5])
def test_nothing_is_found_where_nothing_is(text: str | bytes | float) -> None:
    assert Search([SECRET, "quetzal!"]).found(text) == []


def test_what_was_found_is_shown_with_what_is_around() -> None:
    [match] = Search(["quetzal"]).found("x" * 100 + "Quetzal" + "y" * 100)
    assert match.excerpt == "x" * 30 + "Quetzal" + "y" * 30


@pytest.mark.parametrize(
    ("secrets", "said"), [([], "no secret"), (["long enough", "abc"], "'abc'"), (["   a   "], "4 char")]
)
def test_secrets_that_cannot_be_looked_for_are_refused(secrets: list[str], said: str) -> None:
    with pytest.raises(LeakTestError, match=said):
        Search(secrets)
