"""The command line: `cobrowse serve`, `cobrowse token`, `cobrowse revoke`, `cobrowse leaktest`."""

from __future__ import annotations

import json
import logging
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .app import STATIC, create_app
from .errors import LeakTestError, SettingsError
from .leaktest import leaktest
from .revocations import revoke
from .server import Server
from .settings import Settings, kept_secret
from .tokens import Policy, Tokens, id_of, seconds

T = TypeVar("T")

USER_TIMEOUT_MS = 5_000
"""A peer that takes no bytes for this long is gone (TCP_USER_TIMEOUT); ping timeouts do not free such a socket."""


BACKLOG = 2_048


@click.group()
@click.version_option(package_name="cobrowse")
def main() -> None:
    """Live co-browsing, self-hosted."""


@main.command()
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one. [default: 8080]")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Settings as TOML.")
@click.option("--demo", is_flag=True, default=None, help="Serve the demo shop at /demo/.")
def serve(host: str | None, port: int | None, config: Path | None, demo: bool | None) -> None:
    """Run the server."""
    given = {"host": host, "port": port, "demo": demo}
    settings = _settings(config, **{name: value for name, value in given.items() if value is not None})
    with _listen(settings) as listener:
        if settings.port == 0:
            settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        secret = _or_fail(lambda: settings.secret or kept_secret())
        settings = settings.model_copy(update={"secret": secret})
        if not (STATIC / "embed.js").exists():
            raise click.ClickException("the browser files are not built; run `make client` in the checkout")
        app = _or_fail(lambda: create_app(settings))
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        click.echo(f"cobrowse is at      {settings.url}/")
        if settings.demo:
            click.echo(f"The visitor's page: {settings.url}/demo/")
        click.echo(f"The agent's login:  {settings.url}/login#{Tokens(secret).agent('Agent')}")
        Server(app.state.hub, app).run(sockets=[listener])


@main.command()
@click.option("--role", type=click.Choice(["agent"]), required=True, help="What the token makes its holder.")
@click.option("--name", required=True, help="Shown to visitors.")
@click.option("--sub", help="Tells the agent from others of that name; what `revoke --sub` takes. [default: the name]")
@click.option("--site", "sites", multiple=True, help="Only for this site; may be given again.")
@click.option("--session", "sessions", multiple=True, help="Only for this session; may be given again.")
@click.option("--ttl", default="1h", show_default=True, help="How long it is good for: 45s, 30m, 1h, 7d.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Settings as TOML.")
def token(
    role: str,
    name: str,
    sub: str | None,
    sites: tuple[str, ...],
    sessions: tuple[str, ...],
    ttl: str,
    config: Path | None,
) -> None:
    """Print a login token for an agent."""
    try:
        ttl_s = seconds(ttl)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--ttl") from None
    settings = _settings(config)
    secret = _or_fail(lambda: settings.secret or kept_secret())
    policy = Policy(sites=list(sites) or None, sessions=list(sessions) or None)
    click.echo(Tokens(secret).agent(name, policy, ttl_s, sub))


@main.command("revoke")
@click.option("--sub", help="Every login of this agent so far.")
@click.option("--jti", help="The login with this id.")
@click.option("--token", help="This login; - reads it from the standard input.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Settings as TOML.")
def revoke_login(sub: str | None, jti: str | None, token: str | None, config: Path | None) -> None:
    """Take back an agent's login: a running server drops it within 2 s."""
    if sum(given is not None for given in (sub, jti, token)) != 1:
        raise click.UsageError("give one of --sub, --jti and --token")
    settings = _settings(config)
    if token is not None:
        text = sys.stdin.read() if token == "-" else token
        jti = id_of(text.strip())
        if jti is None:
            raise click.BadParameter("this is no token with a jti; revoke its sub", param_hint="--token")
    _or_fail(lambda: revoke(settings.revoked_file, int(time.time()), sub, jti))
    what = f"every login of {sub!r} so far" if sub is not None else f"the login {jti!r}"
    click.echo(f"Revoked {what}, in {settings.revoked_file}.")


@main.command("leaktest")
@click.argument("url")
@click.option("--secret", "secrets", multiple=True, required=True, help="A value to look for; may be given again.")
@click.option("--options", default="{}", help="Options of `Cobrowse.start`, as JSON.")
def test_for_leaks(url: str, secrets: tuple[str, ...], options: str) -> None:
    """Fill a page with secrets, and look for them in all that would leave it.

    Exits with 1 when one was found, with 2 when the test could not be run to its end.
    """
    try:
        chosen = json.loads(options)
    except ValueError as error:
        raise click.BadParameter(f"this is no JSON: {error}", param_hint="--options") from None
    if not isinstance(chosen, dict):
        raise click.BadParameter('this is no JSON object, such as {"mask": ["#name"]}', param_hint="--options")
    try:
        leaks = leaktest(url, secrets, chosen)
    except LeakTestError as error:
        raise click.UsageError(str(error)) from None
    for leak in leaks:
        click.echo(leak)
    if leaks:
        click.echo(f"{len({leak.secret for leak in leaks})} of {len(set(secrets))} values left the page.", err=True)
        raise SystemExit(1)
    click.echo("none of the values left the page")


def _settings(config: Path | None, **given: Any) -> Settings:
    return _or_fail(lambda: Settings(config, **given))


def _or_fail(make: Callable[[], T]) -> T:
    try:
        return make()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)  # whoever comes between the printed address and the first accept waits
    except OSError as error:
        listener.close()
        raise click.ClickException(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
    return listener
