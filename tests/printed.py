"""Programs that tests run beside themselves. What one prints is read as it comes: it never waits for a reader."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Final

READY_WITHIN_S: Final = 90.0
ENDS_WITHIN_S: Final = 15.0


class Program:
    """A running program. `said` are the last lines that it has printed, on either stream."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.command = command
        self.said: deque[str] = deque(maxlen=10_000)
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._ended = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, name=f"reads {command[0]}", daemon=True)
        self._reader.start()

    def says(self, pattern: str, within_s: float = READY_WITHIN_S) -> re.Match[str]:
        """Wait for a line like that, and take it, and all before it, out of `said`.

        Raises RuntimeError, with what came instead, when the program ends, or takes longer.
        """
        end = monotonic() + within_s
        came = ""
        with self._news:
            while True:
                while self.said:
                    came += (line := self.said.popleft())
                    if found := re.search(pattern, line):
                        return found
                left = end - monotonic()
                if self._ended or left <= 0:
                    why = "before it ended" if self._ended else f"within {within_s:.0f} s"
                    raise RuntimeError(f"{self.command} did not say {pattern!r} {why}:\n{came}")
                self._news.wait(left)

    def end(self) -> None:
        """Ask it to end. Raises TimeoutExpired when it does not, and has killed it then."""
        self.process.terminate()
        try:
            self.process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            # Bounded: what it has started may still hold its streams.
            self._reader.join(ENDS_WITHIN_S)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                with self._news:
                    self.said.append(line)
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()


@contextmanager
def running(command: Sequence[str], **environment: str) -> Iterator[Program]:
    """Run a program until the block ends."""
    program = Program(command, environment)
    try:
        yield program
    finally:
        program.end()
