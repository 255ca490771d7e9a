"""One participant's link to the server: what waits to be sent, whatever transport carries it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Protocol

from pydantic import BaseModel

from .close_codes import CloseCode
from .codec import encode
from .records import MAX_FRAME, MAX_MESSAGE
from .session import Session

logger = logging.getLogger(__name__)

MAX_CONTROL: Final = 1_048_576
"""Bytes of control messages that may wait for one connection; it is closed as slow beyond that."""
MAX_WAITING_VOLATILE: Final = 256
MIN_ROOM: Final = MAX_FRAME + 128
"""Bytes that the largest record and an answer before it may take."""


def clock() -> float:
    """Now, in ms, on a clock that only goes forward."""
    return time.monotonic() * 1_000


class Source(Protocol):
    """Where a connection gets what the log has for it, encoded, at most `room` bytes."""

    def __call__(self, connection: Connection, room: int) -> list[bytes]: ...


class Connection:
    """One participant's link to the server, now: what waits to be sent, and what is known of the other end."""

    def __init__(self, source: Source, origin: str | None, address: str) -> None:
        self._source = source
        self.origin = origin
        self.address = address
        self.session: Session | None = None
        self.id: str | None = None
        self.site: str | None = None
        self.heard = self.opened = clock()
        self.ice_until = math.inf
        """When its ICE servers are to be given anew, on `clock`."""
        self.ready = asyncio.Event()
        self.push: Callable[[], bool] | None = None
        """Sends what waits, at once and without a task, where the transport can; false when it could not send all."""
        self.closing: tuple[CloseCode, str] | None = None
        self._control: deque[bytes] = deque()
        self._control_size = 0
        self._volatile: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def send(self, message: BaseModel) -> None:
        """Queue a control message. When too many wait the connection is closed as slow."""
        self.say(encode(message))
        self.ready.set()

    def say(self, encoded: bytes) -> None:
        """The same for one that is encoded; its sending begins with `wake`, or with the next message."""
        self._control.append(encoded)
        self._control_size += len(encoded)
        if self._control_size > MAX_CONTROL:
            self._control.clear()
            self._control_size = 0
            self.close(CloseCode.SLOW, "the connection does not take what is sent to it")

    def wake(self) -> None:
        """There may be something to `take`. Never raises: one must not keep others from what is theirs."""
        try:
            is_done = self.push is not None and self.push()
        except Exception:
            logger.exception("session %s: a viewer cannot be sent to", self.session.id if self.session else "of nobody")
            is_done = False
        if not is_done:
            self.ready.set()

    def forward(self, key: tuple[str, str], record: bytes) -> None:
        """Queue a volatile record: it replaces an earlier one of its key; the oldest is dropped when full."""
        self._volatile.pop(key, None)
        if len(self._volatile) >= MAX_WAITING_VOLATILE:
            self._volatile.popitem(last=False)
        self._volatile[key] = record
        self.ready.set()

    def close(self, code: CloseCode, reason: str) -> None:
        """Close once what waits has been sent. The first call counts."""
        if self.closing is None:
            self.closing = (code, reason)
        self.ready.set()

    def take(self, limit: int = MAX_MESSAGE, volatile: bool = True) -> bytes:
        """The next message for the other end, of `limit` bytes (`MIN_ROOM` or more); empty when nothing waits.

        Only a single control message that is larger exceeds it. `volatile` False leaves volatile records for
        `take_volatile`, where they have a channel of their own.
        """
        pieces: list[bytes] = []
        room = limit
        # One that is larger than the limit goes alone: what waits behind it would else wait for ever.
        while self._control and (not pieces or len(self._control[0]) <= room):
            piece = self._control.popleft()
            self._control_size -= len(piece)
            pieces.append(piece)
            room -= len(piece)
        if self._control:
            return b"".join(pieces)
        if volatile and (record := self.take_volatile(room)):
            pieces.append(record)
            room -= len(record)
        if self.closing is None:
            if room >= MIN_ROOM:
                pieces += self._source(self, room)
            else:
                self.ready.set()  # the log's turn comes with the next message
        return b"".join(pieces)

    def take_volatile(self, limit: int = MAX_MESSAGE) -> bytes:
        """The volatile records that wait, as one message of at most `limit` bytes."""
        pieces: list[bytes] = []
        while self._volatile and len(next(iter(self._volatile.values()))) <= limit:
            _, piece = self._volatile.popitem(last=False)
            pieces.append(piece)
            limit -= len(piece)
        return b"".join(pieces)
