"""What the kernel tells of a process and of its sockets, by /proc: proc(5), and proc_net_tcp.rst of the kernel."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final

WITHIN_S: Final = 20.0
LOCAL: Final = 1
REMOTE: Final = 2
QUEUES: Final = 4
INODE: Final = 9


def resident(pid: int) -> int:
    """Bytes of memory that the process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.M)
    assert found is not None
    return int(found[1]) * 1_024


def sockets(port: int, peer: int) -> list[tuple[int, bool]]:
    """The sockets of this machine from `port` to `peer`: bytes that wait to be sent, and whether a process has it."""
    return [(waiting, held) for waiting, held, ends in _connections() if ends == (port, peer)]


def _connections() -> Iterator[tuple[int, bool, tuple[int, int]]]:
    """Of each TCP socket here: bytes that wait to be sent, whether a process has it, and the ports of its ends."""
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            here, there = (int(fields[end].rpartition(":")[2], 16) for end in (LOCAL, REMOTE))
            yield int(fields[QUEUES].partition(":")[0], 16), fields[INODE] != "0", (here, there)


def queued(port: int) -> int:
    """The most bytes that wait in any one socket of this machine at `port`."""
    return max((waiting for waiting, _, ends in _connections() if ends[0] == port), default=0)


def family(pid: int) -> list[int]:
    """A process, and all that it has started and they have, itself first."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(FileNotFoundError):
                found += [int(child) for child in task.read_text().split()]
    return found


def send_all(pid: int, number: signal.Signals) -> None:
    """A signal to a process and its family, of which some may be gone by then."""
    for one in family(pid):
        with suppress(ProcessLookupError):
            os.kill(one, number)


def descriptors(pid: int) -> int:
    """Files and sockets that the process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def asked(pid: int, told: Path) -> str:
    """What the process writes into that file when it gets SIGUSR1 (`soak/server.py`, `collector.py`)."""
    told.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)
    end = monotonic() + WITHIN_S
    while not told.exists() or not (text := told.read_text()):
        assert monotonic() < end, f"process {pid} does not answer"
        sleep(0.01)
    return text
