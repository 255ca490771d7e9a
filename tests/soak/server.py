"""`cobrowse`, which on SIGUSR1 writes down how many tasks it runs, into the file that `SOAK_TASKS` names."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Final

import uvloop

from cobrowse.cli import main

ADDRESSES: Final = 2_048


def tell(number: int, frame: FrameType | None) -> None:
    Path(os.environ["SOAK_TASKS"]).write_text(str(len(asyncio.all_tasks())))


async def fill_addresses() -> None:
    """uvloop remembers this many addresses that it sent to, in 0.8 MB. An hour's viewers would just fill that."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    for n in range(ADDRESSES):
        transport.sendto(b"x", (f"127.1.{n // 256}.{n % 256}", 9))
        await asyncio.sleep(0)
    transport.close()


signal.signal(signal.SIGUSR1, tell)
uvloop.run(fill_addresses())
main()
