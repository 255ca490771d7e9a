"""Who there is something for: woken together, once what has come meanwhile has been taken.

So frames that come at once go on as one message, and a frame costs one call however many watch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .connection import Connection
from .session import Session


class Waking:
    """The viewers to wake in this turn of the loop. `connection_of` finds one's connection, by session and viewer."""

    def __init__(self, connection_of: Callable[[str, str], Connection | None]) -> None:
        self._connection_of = connection_of
        self._waiting: dict[Session, set[str | None]] = {}

    def add(self, session: Session, viewer: str | None) -> None:
        """There may be something for that viewer; None: for all that read by the relay."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._wake)
        self._waiting.setdefault(session, set()).add(viewer)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for session, viewers in waiting.items():
            ids = session.relay.readers if None in viewers else [id for id in viewers if id is not None]
            for id in ids:
                connection = self._connection_of(session.id, id)
                if connection is not None:
                    connection.wake()
