"""`cobrowse`, which on SIGUSR1 writes down how many tasks it runs, into the file that `SOAK_TASKS` names."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from types import FrameType

from cobrowse.cli import main


def tell(number: int, frame: FrameType | None) -> None:
    Path(os.environ["SOAK_TASKS"]).write_text(str(len(asyncio.all_tasks())))


signal.signal(signal.SIGUSR1, tell)
main()
