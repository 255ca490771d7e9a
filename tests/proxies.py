"""nginx and Caddy, really run, before a server of ours. Neither passes a WebSocket, unless it is told to."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .printed import running

NGINX: Final = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen {listen};
    location {path} {{
      proxy_pass http://{upstream}/;
      {lines}
    }}
  }}
}}
"""
CADDY: Final = """
{{
  admin off
  auto_https off
}}
http://:{port} {{
  bind 127.0.0.1
  handle_path /desk/* {{
    {lines}
  }}
}}
"""


def program(name: str) -> str:
    """The path of a proxy; distributions keep them in /usr/sbin, which is not on everybody's path."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        raise RuntimeError(f"{name} is needed for this test: run `make programs`, or install the package '{name}'")
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def passed_on(folder: Path, listen: str, upstream: str, path: str = "/", lines: str = "") -> Iterator[None]:
    """nginx: what comes to `listen` (address and port) below `path` goes to the root of `upstream`.

    `lines` are more of its configuration.
    """
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(NGINX.format(user=user, folder=folder, listen=listen, path=path, upstream=upstream, lines=lines))
    command = [program("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(config)]
    with running(command) as proxy:
        proxy.says("start worker process ")
        yield


@contextmanager
def nginx(folder: Path, upstream: str, lines: str) -> Iterator[str]:
    """Its place, on this machine."""
    port = free_port()
    with passed_on(folder, f"127.0.0.1:{port}", upstream, "/desk/", lines):
        yield f"localhost:{port}/desk"


@contextmanager
def caddy(folder: Path, upstream: str, lines: str) -> Iterator[str]:
    port = free_port()
    config = folder / "Caddyfile"
    config.write_text(CADDY.format(port=port, lines=lines.format(upstream=upstream)))
    command = [program("caddy"), "run", "--config", str(config), "--adapter", "caddyfile"]
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with running(command, **home) as proxy:
        proxy.says("serving initial configuration")
        yield f"localhost:{port}/desk"
