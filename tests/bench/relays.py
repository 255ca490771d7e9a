"""The relays whose fan-out is measured: how each is started, and how one publishes and watches there.

All get the same payload, text of 1 KiB, in one WebSocket message each; what they make of it is theirs.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import venv
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import jwt

from tests.e2e.rig import ROOT, SECRET, serving

from .participants import CHECKPOINT, PONG, Broadcaster, watching
from .sockets import TEXT, WITHIN_S, PlainSocket, framed

HERE: Final = Path(__file__).parent
RRWEB_RELAY: Final = "rrweb-relay[standalone]==0.3.0"
FROM_ONE_ADDRESS: Final = {
    "COBROWSE_HOST": "127.0.0.1",
    "COBROWSE_ADDRESS_RATE": "100000",
    "COBROWSE_SITE_RATE": "100000",
}
"""Settings of a server that many may join at once who are in truth one process."""
SOCKET_IO: Final = "/socket.io/?EIO=4&transport=websocket"


class Relay(ABC):
    """One running relay, with somebody who publishes."""

    name: ClassVar[str]
    alive: bytes | None = None
    """What each viewer says once a second to be thought alive, framed."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
        self.publisher = self.publish()

    @classmethod
    @abstractmethod
    @contextmanager
    def running(cls) -> Iterator[Relay]: ...

    @abstractmethod
    def publish(self) -> PlainSocket:
        """Connect as the one who publishes."""

    @abstractmethod
    def watch(self, count: int) -> Sequence[PlainSocket]:
        """Connect as so many viewers, until all of them are served."""

    @abstractmethod
    def frame(self, payload: bytes) -> bytes:
        """That payload as the publisher's next WebSocket message, framed."""


class Cobrowse(Relay):
    name = "cobrowse"
    alive = framed(PONG)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Relay]:
        with serving(**FROM_ONE_ADDRESS) as server:
            listens(server.url)
            yield cls(server.url, server.process.pid)

    def publish(self) -> PlainSocket:
        self.broadcaster = Broadcaster(self.url)
        return self.broadcaster.socket

    def watch(self, count: int) -> Sequence[PlainSocket]:
        viewers = []
        for n in range(count):
            viewers.append(watching(self.url, self.broadcaster.session))
            self.broadcaster.admit()
            if n == 0:
                self.broadcaster.checkpoint()
        for viewer in viewers:
            while CHECKPOINT not in viewer.message():
                pass
        return viewers

    def frame(self, payload: bytes) -> bytes:
        return framed(self.broadcaster.frame(payload))


class Bare(Relay):
    name = "bare Starlette loop, batching"

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Relay]:
        with process([sys.executable, "-m", "tests.bench.bare_relay"]) as (pid, port):
            yield cls(f"http://127.0.0.1:{port}", pid)

    def publish(self) -> PlainSocket:
        return PlainSocket(self.url, "/publish")

    def watch(self, count: int) -> Sequence[PlainSocket]:
        return [PlainSocket(self.url, "/view") for _ in range(count)]

    def frame(self, payload: bytes) -> bytes:
        return framed(payload)


class SocketIO(Relay):
    name = "socket.io on Node"

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Relay]:
        with process(["node", "socketio_relay.mjs"], HERE) as (pid, port):
            yield cls(f"http://127.0.0.1:{port}", pid)

    def connect(self, auth: str = "") -> PlainSocket:
        """Engine.IO 4 opens, then Socket.IO 5 connects to the namespace /."""
        connected = PlainSocket(self.url, SOCKET_IO)
        connected.say(b"40" + auth.encode(), TEXT)
        while not (answer := connected.message()).startswith(b"40"):
            if answer.startswith(b"44"):
                raise RuntimeError(f"{self.name} does not let us in: {answer.decode()}")
        return connected

    def publish(self) -> PlainSocket:
        return self.connect()

    def watch(self, count: int) -> Sequence[PlainSocket]:
        viewers = [self.connect() for _ in range(count)]
        for viewer in viewers:
            viewer.say(b'42["watch"]', TEXT)
        return viewers

    def frame(self, payload: bytes) -> bytes:
        return framed(b'42["frame","%b"]' % payload, TEXT)


class RrwebRelay(SocketIO):
    """Each payload is one event of rrweb's."""

    name = "rrweb-relay 0.3.0"

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Relay]:
        # It does not tell which port it took: a free one is found before.
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        environment = {"RELAY_JWT_SECRET": SECRET, "RELAY_PORT": str(port), "RELAY_LOG_LEVEL": "WARNING"}
        command = [str(installed()), "-m", "rrweb_relay"]
        with subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL) as relay:
            try:
                listens(f"http://127.0.0.1:{port}")
                yield cls(f"http://127.0.0.1:{port}", relay.pid)
            finally:
                relay.kill()

    def publish(self) -> PlainSocket:
        publisher = self.connect(self._auth("customer"))
        publisher.say(b'42["tracker:start",{"sessionId":"s"}]', TEXT)
        return publisher

    def watch(self, count: int) -> Sequence[PlainSocket]:
        viewers = [self.connect(self._auth("admin")) for _ in range(count)]
        for viewer in viewers:
            viewer.say(b'42["admin:watch","s"]', TEXT)
            while b"watch:init" not in viewer.message():
                pass
        return viewers

    def frame(self, payload: bytes) -> bytes:
        event = b'42["tracker:events",{"events":[{"event":{"type":5,"data":"%b"}}]}]'
        return framed(event % payload, TEXT)

    def _auth(self, role: str) -> str:
        claims: dict[str, Any] = {"user_id": 1, "email": "a@shop.example", "role": role, "token_type": "access"}
        token = jwt.encode(claims | {"exp": int(time.time()) + 3_600}, SECRET, "HS256")
        return json.dumps({"token": token})


class Blast(Relay):
    """No relay, but what the client takes at most."""

    name = "no relay: the client's own limit"

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Relay]:
        with process([sys.executable, "-m", "tests.bench.blast_relay"]) as (pid, port):
            yield cls(f"http://127.0.0.1:{port}", pid)

    def publish(self) -> PlainSocket:
        return PlainSocket(self.url, "/")

    def watch(self, count: int) -> Sequence[PlainSocket]:
        return [PlainSocket(self.url, "/") for _ in range(count)]

    def frame(self, payload: bytes) -> bytes:
        return payload


RELAYS: Final[tuple[type[Relay], ...]] = (Cobrowse, Bare, SocketIO, RrwebRelay)


@contextmanager
def process(command: Sequence[str | Path], folder: Path = ROOT) -> Iterator[tuple[int, int]]:
    """A process that prints the port where it listens; its id, and the port."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running.pid, int(running.stdout.readline())
        finally:
            running.kill()


def installed() -> Path:
    """The Python of a virtual environment that has rrweb-relay, made at the first run."""
    folder = ROOT / ".make" / "rrweb-relay"
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", RRWEB_RELAY], check=True)
        (folder / "installed").touch()
    return python


def listens(url: str) -> None:
    """Wait until somebody listens there."""
    parts = urlsplit(url)
    end = time.monotonic() + WITHIN_S
    while True:
        try:
            socket.create_connection((parts.hostname, parts.port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
