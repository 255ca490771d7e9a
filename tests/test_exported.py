"""The package's public names: adding is free, changing is a breaking change."""

from __future__ import annotations

import importlib.metadata

import cobrowse
from cobrowse import app, settings


def test_the_public_names_are_these() -> None:
    assert set(cobrowse.__all__) == {"Settings", "Site", "__version__", "create_app", "lifespan"}
    assert all(hasattr(cobrowse, name) for name in cobrowse.__all__)


def test_they_are_what_they_say() -> None:
    assert cobrowse.create_app is app.create_app
    assert cobrowse.lifespan is app.lifespan
    assert cobrowse.Settings is settings.Settings
    assert cobrowse.Site is settings.Site
    assert cobrowse.__version__ == importlib.metadata.version("cobrowse")


def test_the_command_is_installed() -> None:
    [command] = importlib.metadata.entry_points(group="console_scripts", name="cobrowse")
    assert command.value == "cobrowse.cli:main"
