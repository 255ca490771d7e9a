"""A proxy that passes no WebSocket: nginx, which takes the Upgrade out of a request unless it is told otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..e2e.test_proxies import program, running

CONFIG: Final = """
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
    location / {{
      proxy_pass http://{upstream};
    }}
  }}
}}
"""


@contextmanager
def without_websockets(folder: Path, listen: str, upstream: str) -> Iterator[None]:
    """Pass what comes to `listen` (address and port) on to `upstream`."""
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(CONFIG.format(user=user, folder=folder, listen=listen, upstream=upstream))
    command = [program("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(config)]
    with running(command, "start worker process ", {}):
        yield
