"""The WebRTC transport of the relay: data channels between a participant's browser and the server.

The offer comes by a connection that the participant has already, the carrier, as a `signal` for the peer `server`.
When the channels open a new connection to the hub begins, whose first message is `hello` like on any other; the hub
then closes the carrier as replaced. A carrier that is lost meanwhile takes nothing with it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final
from weakref import WeakKeyDictionary

from ..connection import Connection, clock
from ..fields import Candidate, Description
from ..hub import SERVER, Hub
from ..limits import Allowance
from ..messages import Signal
from .offer import InvalidOffer, read
from .peer import Declined, Peer

logger = logging.getLogger(__name__)

STOP_WITHIN_S: Final = 0.5
SIGNALS_PER_S: Final = 20
SIGNALS_AT_ONCE: Final = 60
OFFER_COST: Final = 10
"""An offer counts like so many candidates: answering it takes sockets and a key."""


class WebRTCTransport:
    """Answers offers; the owner of all peers."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._by_carrier: dict[Connection, Peer] = {}
        self._tasks: dict[asyncio.Task[None], Peer] = {}
        self._allowances: WeakKeyDictionary[Connection, Allowance] = WeakKeyDictionary()
        self._stopping = False

    def __len__(self) -> int:
        """Peers that there are, opening and closing ones too."""
        return len(self._tasks)

    def signal(self, carrier: Connection, signal: Signal) -> None:
        """Take a participant's signal for the server; the answer, or a refusal, goes back by `carrier`."""
        try:
            self._take(carrier, signal)
        except Declined as error:
            carrier.send(Signal(peer=SERVER, declined=str(error)))

    async def stop(self) -> None:
        """Close all peers. Those that are open were told why by the hub, and had their time to say so."""
        self._stopping = True
        for peer in self._tasks.values():
            peer.close()
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks), timeout=STOP_WITHIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _take(self, carrier: Connection, signal: Signal) -> None:
        earlier = self._by_carrier.get(carrier)
        allowance = self._allowances.setdefault(carrier, Allowance(SIGNALS_PER_S, SIGNALS_AT_ONCE))
        if not allowance.take(OFFER_COST if signal.description else 1, clock()):
            if earlier is None and signal.description is None:
                return  # it was told when its peer was closed
            self._drop(carrier)
            raise Declined(f"more than {SIGNALS_PER_S} signals a second")
        if signal.declined is not None:
            self._drop(carrier)
        elif signal.description is not None:
            self._drop(carrier)
            self._offered(carrier, signal.description)
        elif signal.candidate is not None and earlier is not None:
            self._candidate(carrier, earlier, signal.candidate)

    def _offered(self, carrier: Connection, description: Description) -> None:
        settings = self.hub.settings
        if not settings.webrtc:
            raise Declined("this server has no relay by WebRTC")
        if self._stopping:
            raise Declined("the server is restarting")
        if description.type != "offer":
            raise Declined(f"the server answers offers; this was {description.type!r}")
        if len(self._tasks) >= settings.webrtc_peers:
            raise Declined("the server has too many peers; stay with this connection")
        try:
            offer = read(description.sdp, settings.webrtc_private)
        except InvalidOffer as error:
            raise Declined(str(error)) from None
        peer = Peer(self.hub, carrier, offer)
        self._by_carrier[carrier] = peer
        task = asyncio.create_task(peer.run(), name="cobrowse-webrtc-peer")
        self._tasks[task] = peer
        task.add_done_callback(self._ended)

    def _candidate(self, carrier: Connection, peer: Peer, candidate: Candidate) -> None:
        try:
            peer.candidate(candidate)
        except Declined:
            self._drop(carrier)
            raise

    def _drop(self, carrier: Connection) -> None:
        peer = self._by_carrier.pop(carrier, None)
        if peer is not None:
            peer.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        peer = self._tasks.pop(task)
        if self._by_carrier.get(peer.carrier) is peer:
            del self._by_carrier[peer.carrier]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a peer has failed", exc_info=error)
