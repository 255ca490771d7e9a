"""The documentation names everything that users and other implementations rely on."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel, TypeAdapter

from cobrowse import Settings, Site
from cobrowse.cli import main
from cobrowse.close_codes import CloseCode
from cobrowse.fields import CAPABILITIES, IceServer
from cobrowse.inputs import Input
from cobrowse.messages import Message

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


def text_of(page: str) -> str:
    return (ROOT / "docs" / page).read_text()


PROTOCOL = text_of("protocol.md")
SETTINGS = text_of("settings.md")
EMBEDDING = text_of("embedding.md")
SESSION_TS = (ROOT / "client/src/broadcaster/session.ts").read_text()
OPTIONS_TS = (ROOT / "client/src/broadcaster/options.ts").read_text()
MARKS_TS = (ROOT / "client/src/broadcaster/marks.ts").read_text()
PRIVACY_TS = (ROOT / "client/src/broadcaster/privacy.ts").read_text()


def subclasses(union: Any) -> list[type[BaseModel]]:
    return list(union.__args__)


def body(source: str, opening: str) -> str:
    """What stands between an opening line and the closing brace at the line's start."""
    match = re.search(re.escape(opening) + r"[^\n]*\n(.*?)\n}", source, re.S)
    assert match, f"{opening!r} is not there any more"
    return match[1]


def fenced(page: Path, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", page.read_text(), re.S | re.M)


@pytest.mark.parametrize("model", subclasses(Message), ids=lambda model: model.__name__)
def test_every_message_has_its_type_and_fields_in_the_protocol(model: type[BaseModel]) -> None:
    kind = model.model_fields["type"].default
    rows = [line for line in PROTOCOL.splitlines() if re.match(r"\|[^|]*`" + kind + "`", line)]
    assert rows, f"no row for {kind!r}"
    missing = [name for name in model.model_fields if name != "type" and not any(f"`{name}`" in row for row in rows)]
    assert missing == []


@pytest.mark.parametrize("model", get_args(get_args(Input)[0]), ids=lambda model: model.__name__)
def test_every_input_is_in_the_protocol(model: type[BaseModel]) -> None:
    section = PROTOCOL.split("\n## Inputs\n")[1].split("\n## ")[0]
    assert f"| `{model.model_fields['kind'].default}` |" in section
    assert [name for name in model.model_fields if name != "kind" and f"`{name}`" not in section] == []


@pytest.mark.parametrize("code", CloseCode, ids=lambda code: code.name)
def test_every_close_code_says_whether_to_come_back(code: CloseCode) -> None:
    row = re.search(rf"^\| {code.value} \| `{code.name}` \|.*\| (\w+)[^|]* \|$", PROTOCOL, re.M)
    assert row, f"no row for {code.value} {code.name}"
    assert row[1] == ("retry" if code < 4100 else "stop")


def test_every_capability_is_named() -> None:
    for page in (PROTOCOL, SETTINGS):
        assert [name for name in CAPABILITIES if f"`{name}`" not in page] == []


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_row(name: str) -> None:
    assert f"| `COBROWSE_{name.upper()}` |" in SETTINGS


@pytest.mark.parametrize("name", Site.model_fields)
def test_every_site_field_has_a_row_with_its_default(name: str) -> None:
    row = re.search(rf"^\| `{name}` \| ([^|]*) \|", SETTINGS, re.M)
    assert row, f"no row for {name}"
    default = Site.model_fields[name].default
    if isinstance(default, str) and default:
        assert f'"{default}"' in row[1]
    assert (row[1] == "required") == Site.model_fields[name].is_required()


@pytest.mark.parametrize("name", main.commands)
def test_every_command_has_its_flags(name: str) -> None:
    section = SETTINGS.split(f"\n### `cobrowse {name}`\n")[1].split("\n#")[0]
    flags = [flag for option in main.commands[name].params if isinstance(option, click.Option) for flag in option.opts]
    assert [flag for flag in flags if f"| `{flag}` |" not in section] == []


def test_every_session_event_has_a_row() -> None:
    events = re.findall(r'^  "?([a-z.]+)"?:', body(OPTIONS_TS, "export type SessionEvents = {"), re.M)
    assert "session.updated" in events
    assert [name for name in events if f"| `{name}` |" not in EMBEDDING] == []


def test_every_option_is_named() -> None:
    source = "\n".join(
        (
            body(OPTIONS_TS, "export interface StartOptions"),
            body(PRIVACY_TS, "export interface PrivacyRules"),
            body(PRIVACY_TS, "export interface PrivacyOptions"),
        )
    )
    options = re.findall(r"^  readonly (\w+)\?:", source, re.M)
    assert {"site", "mask"} <= set(options)
    assert [name for name in options if f"`{name}`" not in EMBEDDING] == []


def test_every_public_member_of_the_session_is_named() -> None:
    source = body(SESSION_TS, "export class Session {")
    members = re.findall(r"^  (?!private|constructor|static)(?:readonly |get )?(\w+)(?:[:( =]|<)", source, re.M)
    assert {"id", "pause", "viewers", "on"} <= set(members)
    assert [name for name in members if not re.search(rf"`{name}[`(]", EMBEDDING)] == []


def test_every_mark_is_named() -> None:
    marks = set(re.findall(r'"(?:\[(data-[a-z-]+)\]|(\.[a-z-]+))"', MARKS_TS))
    names = {attribute or css_class for attribute, css_class in marks} - {"data-cobrowse-widget"}
    assert {"data-cobrowse-mask", ".rr-block"} <= names
    assert [name for name in sorted(names) if f"`{name}`" not in EMBEDDING] == []


def test_every_make_target_is_named() -> None:
    targets = re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.M)
    text = "".join(page.read_text() for page in PAGES)
    assert "demo" in targets
    assert [target for target in targets if f"`make {target}`" not in text] == []


def toml_examples() -> list[tuple[Path, str]]:
    return [(page, example) for page in PAGES for example in fenced(page, "toml")]


@pytest.mark.parametrize(("page", "example"), toml_examples(), ids=lambda value: getattr(value, "name", ""))
def test_settings_as_toml_can_be_used(page: Path, example: str, tmp_path: Path) -> None:
    example = re.sub(r"^   ", "", example, flags=re.M)
    file = tmp_path / "cobrowse.toml"
    file.write_text(example)
    settings = Settings(file)
    given = tomllib.loads(example)
    assert given.keys() <= Settings.model_fields.keys()
    assert [site.key for site in settings.sites] == [site["key"] for site in given["sites"]]


def test_settings_as_json_can_be_used() -> None:
    sites, ice_servers = (json.loads(example) for example in fenced(ROOT / "docs/settings.md", "json"))
    assert Settings(sites=TypeAdapter(list[Site]).validate_python(sites)).sites
    assert TypeAdapter(list[IceServer]).validate_python(ice_servers)


def test_settings_in_the_environment_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    exported = re.findall(r"^ *export (COBROWSE_\w+)='?(.*?)'?$", (ROOT / "README.md").read_text(), re.M)
    assert exported
    for name, value in exported:
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.sites
    assert settings.url == dict(exported)["COBROWSE_PUBLIC_URL"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.M)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{page.name}: {target}"


def named_tests() -> dict[str, list[tuple[str, str]]]:
    """Of each page the tests that it names: a file, and a function in it or ""."""
    named = re.compile(r"`([\w./-]*(?:test_\w+\.py|\w+\.test\.tsx?))(?:::(\w+))?`")
    return {page.name: named.findall(page.read_text()) for page in PAGES}


def files_called(name: str) -> list[Path]:
    """The tests of that path, or of that name alone."""
    if "/" in name:
        return [ROOT / name] if (ROOT / name).is_file() else []
    return [file for folder in ("tests", "client/src") for file in (ROOT / folder).rglob(name)]


@pytest.mark.parametrize(
    ("page", "tests"), named_tests().items(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_test_that_is_named_exists(page: str, tests: list[tuple[str, str]]) -> None:
    assert page not in ("security.md", "delivery.md") or len(tests) > 20
    missing = []
    for name, function in tests:
        files = files_called(name)
        defined = re.compile(rf"^(?:async )?def {function}\(", re.M)
        if not files or (function and not any(defined.search(file.read_text()) for file in files)):
            missing.append(f"{name}::{function}")
    assert missing == []


def test_each_attack_has_a_test_that_shows_what_stands_against_it() -> None:
    text = text_of("security.md").split("\n## A stranger\n")[1].split("\n## Addresses\n")[0]
    rows = [
        line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ") and "shown by" not in line
    ]
    assert len(rows) > 30
    without = [attack.strip() for attack, _, shown in rows if "test" not in shown and "](#" not in shown]
    assert without == ["Read and change what goes by"], "TLS is the operator's"
