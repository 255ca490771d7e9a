"""A network of namespaces: a router, and hosts around it. What goes wrong, goes wrong in the router.

Packets that meet a fault are swallowed, as by a firewall or a dead line: no host is told. It needs root and iproute2.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

HOSTS: Final = ("server", "visitor", "agent", "turn")
"""Those that are always there."""
ROUTER: Final = "router"
NAMESPACE: Final = re.compile(r"^cobrowse-(\d+)-")
NETNS: Final = Path("/run/netns")
CLONE_NEWNET: Final = 0x4000_0000  # setns(2)


def ip(*arguments: str) -> str:
    """Run `ip`; its output. Raises RuntimeError with what it said."""
    program = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise RuntimeError("ip is needed for these tests: run `make programs`, or install the package 'iproute2'")
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"`ip {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout


class Network:
    """Namespaces of this process: hosts, each with one address and a link to the router, which joins all."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.program = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "ip"

    def namespace(self, host: str) -> str:
        return f"cobrowse-{os.getpid()}-{host}"

    def address(self, host: str) -> str:
        return f"10.77.{1 + self.hosts.index(host)}.2"

    def open(self) -> None:
        """Raises RuntimeError when namespaces cannot be made here."""
        ip("netns", "add", self.namespace(ROUTER))
        self._in(ROUTER, "link", "set", "lo", "up")
        # Of this namespace, as this thread is in it.
        with self.entered(ROUTER):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        for host in HOSTS:
            self.add(host)

    def add(self, host: str) -> None:
        """One more, of at most 15 characters."""
        self.hosts.append(host)
        gateway = f"10.77.{len(self.hosts)}.1"
        ip("netns", "add", self.namespace(host))
        self._in(host, "link", "set", "lo", "up")
        self._in(host, *f"link add name uplink type veth peer name {host} netns".split(), self.namespace(ROUTER))
        self._in(host, "address", "add", f"{self.address(host)}/24", "dev", "uplink")
        self._in(ROUTER, "address", "add", f"{gateway}/24", "dev", host)
        self._in(host, "link", "set", "uplink", "up")
        self._in(ROUTER, "link", "set", host, "up")
        self._in(host, "route", "add", "default", "via", gateway)

    def close(self) -> None:
        for host in (*self.hosts, ROUTER):
            with suppress(RuntimeError):
                remove(self.namespace(host))

    @contextmanager
    def entered(self, host: str) -> Iterator[None]:
        """This thread is in that namespace: sockets it opens, and processes and threads it starts, stay there."""
        with Path("/proc/thread-self/ns/net").open() as home, (NETNS / self.namespace(host)).open() as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def command(self, host: str, *command: str) -> list[str]:
        """The command that runs a command there."""
        return [self.program, "netns", "exec", self.namespace(host), *command]

    # Faults --------------------------------------------------------------------------------------------------

    def part(self, one: str, other: str) -> None:
        """No route leads from one to the other any more, nor back."""
        self._both_ways("add", one, other)

    def join(self, one: str, other: str) -> None:
        """The route is there again."""
        self._both_ways("delete", one, other)

    def block_udp(self, host: str) -> None:
        """No UDP from or to that host passes."""
        for way in ("from", "to"):
            self._rule("add", way, self.address(host), "ipproto", "udp")

    def plug(self, host: str, state: Literal["up", "down"]) -> None:
        """Pull the host's cable, or put it in again."""
        self._in(ROUTER, "link", "set", host, state)

    def _both_ways(self, action: str, one: str, other: str) -> None:
        for source, target in ((one, other), (other, one)):
            self._rule(action, "from", self.address(source), "to", self.address(target))

    def _rule(self, action: str, *selector: str) -> None:
        self._in(ROUTER, "rule", action, "priority", "100", *selector, "type", "blackhole")

    def _in(self, host: str, *arguments: str) -> None:
        ip("-netns", self.namespace(host), *arguments)


def left_over() -> list[str]:
    """Namespaces of runs whose process is no more."""
    names = [path.name for path in NETNS.iterdir()] if NETNS.exists() else []
    found = {name: match[1] for name in names if (match := NAMESPACE.match(name))}
    return [name for name, pid in found.items() if not Path("/proc", pid).exists()]


def remove(namespace: str) -> None:
    """End what still runs in it, and remove it with its links."""
    for pid in ip("netns", "pids", namespace).split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    ip("netns", "delete", namespace)


@contextmanager
def network() -> Iterator[Network]:
    """A network that is gone when the block ends; what killed runs have left goes first."""
    if os.geteuid() != 0:
        raise RuntimeError("`make test-faults` makes network namespaces, which only root may: run it as root")
    for namespace in left_over():
        with suppress(RuntimeError):  # another worker removes it as well
            remove(namespace)
    made = Network()
    try:
        made.open()
        yield made
    finally:
        made.close()


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")
