"""What goes down by http, numbered, and kept until the other end says that it has come. Pure: `now` goes in.

A piece is a length of four bytes, big-endian, then that many bytes of one transport message. A set top bit makes it
the last one: a close code of two bytes, then the reason in UTF-8, as in a close frame (RFC 6455, section 5.5.1).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ..connection import Connection
from .check import sealed

WINDOW: Final = 262_144
"""Bytes that may be on their way; more is taken once some of them have been acknowledged."""
EMPTY: Final = bytes(4)
"""A piece without a message: it has no number, and shows that the stream flows."""
CLOSES: Final = 0x8000_0000
MAX_REASON: Final = 123


class Outbox:
    """The pieces from `first` on. Everything before has been acknowledged."""

    def __init__(self, connection: Connection, checked: bool = False) -> None:
        self._connection = connection
        self._checked = checked
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self.first = 0
        self.full_since: float | None = None
        self.closed = False
        """Whether the last piece, which closes, is among them."""

    @property
    def next(self) -> int:
        """The number of the piece that will be taken next."""
        return self.first + len(self._pieces)

    def fill(self, now: float, most: int = WINDOW) -> None:
        """Take what waits in the connection while less than `most` bytes are on their way."""
        while not self.closed and self._size < most:
            if message := self._connection.take():
                self._append(message)
            elif self._connection.closing is not None:
                code, reason = self._connection.closing
                short = reason.encode()[:MAX_REASON].decode(errors="ignore").encode()
                self._append(code.to_bytes(2, "big") + short, CLOSES)
                self.closed = True
            else:
                return
        if not self.closed and self._size >= WINDOW and self.full_since is None:
            self.full_since = now

    def acknowledge(self, n: int) -> None:
        """Everything before piece `n` has come. Older news is ignored; raises ValueError when `n` is yet to be sent."""
        if n > self.next:
            raise ValueError(f"piece {n} has not been sent; the next is {self.next}")
        while self.first < n:
            self._size -= len(self._pieces.popleft())
            self.first += 1
            self.full_since = None

    def since(self, n: int, most: int = WINDOW) -> list[bytes]:
        """The pieces from `n` on: one, and others up to `most` bytes."""
        pieces: list[bytes] = []
        for index in range(max(n - self.first, 0), len(self._pieces)):
            piece = self._pieces[index]
            if pieces and len(piece) > most:
                break
            pieces.append(piece)
            most -= len(piece)
        return pieces

    def _append(self, body: bytes, flag: int = 0) -> None:
        if self._checked:
            body = sealed(body, self.next)
        piece = (flag | len(body)).to_bytes(4, "big") + body
        self._pieces.append(piece)
        self._size += len(piece)
