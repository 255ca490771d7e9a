"""The command line: `cobrowse serve`, `cobrowse token`."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import uvicorn

from .app import STATIC, create_app
from .errors import SettingsError
from .hub import Hub
from .records import MAX_MESSAGE
from .settings import Settings, kept_secret
from .tokens import Tokens, seconds
from .transports.push import PushProtocol

T = TypeVar("T")

USER_TIMEOUT_MS = 5_000
"""A peer that takes no bytes for this long is gone (TCP_USER_TIMEOUT); ping timeouts do not free such a socket."""


class Server(uvicorn.Server):
    """uvicorn, which closes sockets before the lifespan ends: everybody is told to come back before that."""

    def __init__(self, hub: Hub, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()  # who comes now is the next process's
        await self.hub.stop()
        for connection in list(self.server_state.connections):
            # Who has not taken what is on its way by now is not waited for: closing would flush that first.
            if connection.transport.get_write_buffer_size():
                connection.transport.abort()
        await super().shutdown(sockets)


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
        server = Server(
            app.state.hub,
            uvicorn.Config(
                app,
                ws=PushProtocol,
                ws_max_size=2 * MAX_MESSAGE,  # over MAX_MESSAGE we close ourselves, with a reason
                ws_per_message_deflate=False,
                ws_ping_interval=None,
                access_log=False,
                server_header=False,
                log_level="warning",
                timeout_graceful_shutdown=5,
            ),
        )
        server.run(sockets=[listener])


@main.command()
@click.option("--role", type=click.Choice(["agent"]), required=True, help="What the token makes its holder.")
@click.option("--name", required=True, help="Shown to visitors.")
@click.option("--session", help="Only for this session.")
@click.option("--ttl", default="1h", show_default=True, help="How long it is good for: 45s, 30m, 1h, 7d.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Settings as TOML.")
def token(role: str, name: str, session: str | None, ttl: str, config: Path | None) -> None:
    """Print a login token for an agent."""
    try:
        ttl_s = seconds(ttl)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--ttl") from None
    settings = _settings(config)
    secret = _or_fail(lambda: settings.secret or kept_secret())
    click.echo(Tokens(secret).agent(name, session, ttl_s))


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
