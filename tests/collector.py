"""`cobrowse` without the garbage collector; on SIGUSR1 it is run once, and what it found is written into the file that
`COLLECTED` names: how many tasks there are, and how many objects were left to it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path
from types import FrameType

from cobrowse.cli import main


def collect(number: int, frame: FrameType | None) -> None:
    Path(os.environ["COLLECTED"]).write_text(f"{len(asyncio.all_tasks())} {gc.collect()}")


gc.disable()
signal.signal(signal.SIGUSR1, collect)
main()
