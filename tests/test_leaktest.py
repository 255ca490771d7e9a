"""`cobrowse leaktest` says what it found by its exit code, and never that nothing leaks when it could not look."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cobrowse import cli
from cobrowse.errors import LeakTestError
from cobrowse.leaks import Leak
from cobrowse.leaktest import leaktest

URL = "http://localhost:1/"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["leaktest", *arguments])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the test itself was asked; it finds the secret "found"."""
    calls: list[Any] = []

    def answer(url: str, secrets: Sequence[str], options: Mapping[str, Any]) -> list[Leak]:
        calls.append((url, secrets, options))
        return [Leak(secret, "input event: text of input#q", "…found…") for secret in secrets if secret == "found"]

    monkeypatch.setattr(cli, "leaktest", answer)
    return calls


def test_nothing_found_is_success(asked: list[Any]) -> None:
    done = run(URL, "--secret", "hidden", "--secret", "other", "--options", '{"mask": ["#name"]}')
    assert (done.exit_code, done.output) == (0, "none of the values left the page\n")
    assert asked == [(URL, ("hidden", "other"), {"mask": ["#name"]})]


def test_each_leak_is_named(asked: list[Any]) -> None:
    done = run(URL, "--secret", "hidden", "--secret", "found")
    assert done.exit_code == 1
    assert done.stdout == "'found' in input event: text of input#q: '…found…'\n"
    assert done.stderr == "1 of 2 values left the page.\n"
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([URL], "--secret"),
        ([URL, "--secret", "abc"], "'abc' has fewer than 4"),
        (["shop.example", "--secret", "quetzal"], "no address of a page"),
        (["file:///etc/passwd", "--secret", "quetzal"], "no address of a page"),
        ([URL, "--secret", "quetzal", "--options", "{mask}"], "no JSON"),
        ([URL, "--secret", "quetzal", "--options", "[]"], "no JSON object"),
        ([URL, "--secret", "quetzal", "--options", '{"site": "demo"}'], "the option site"),
    ],
)
def test_what_cannot_be_tried_is_no_success(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_playwright_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("playwright"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(LeakTestError, match=r"pip install 'cobrowse\[leaktest\]'"):
        leaktest(URL, ["quetzal"])
