"""The server's end of one RTCPeerConnection: answers an offer, then carries a connection of the hub.

One task, `run`, owns it from the offer until everything is closed. aiortc is loaded when the first offer comes.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgpack

from ..close_codes import CloseCode
from ..codec import encode
from ..connection import Connection, clock
from ..fields import Candidate, Description
from ..hub import SERVER, Hub
from ..messages import Closed, Signal
from ..records import MAX_FRAME, MAX_MESSAGE
from .candidates import MAX_CANDIDATES, own_addresses, published, usable
from .drain import Drain
from .guard import guard, listen_on, release
from .offer import Offer

if TYPE_CHECKING:
    from aiortc import RTCPeerConnection

logger = logging.getLogger(__name__)

OPEN_WITHIN_S: Final = 10.0
SLOW_AFTER_S: Final = 10.0
"""Without a byte leaving for this long a peer is closed as slow."""
CLOSE_WITHIN_S: Final = 5.0
MAX_PEER_MESSAGE: Final = MAX_FRAME + 64
"""Bytes of one message on a data channel; a single value that is larger goes alone."""
VOLATILE_MESSAGE: Final = 1_200
"""Bytes of one message on the volatile channel: it fits one packet, so that no part of it can be missing."""
VOLATILE_BUFFER: Final = 4_096


class Declined(Exception):
    """The server does not connect; the text, which the participant is told, says why."""


class Peer:
    """One RTCPeerConnection with the participant that made the offer on `carrier`, its present connection."""

    def __init__(self, hub: Hub, carrier: Connection, offer: Offer) -> None:
        self.hub = hub
        self.carrier = carrier
        self.offer = offer
        self.connection: Connection | None = None
        """The hub's, once the channels are open."""
        self._candidates: asyncio.Queue[Candidate] = asyncio.Queue(MAX_CANDIDATES)
        self._named = offer.named
        self._opened = asyncio.Event()
        self._gone = asyncio.Event()
        self._drained = asyncio.Event()
        self._log: Any = None
        self._volatile: Any = None

    def candidate(self, candidate: Candidate) -> None:
        """Take another candidate of the participant, if it may be used. Raises Declined when there are too many."""
        if candidate.usernameFragment not in (None, "", self.offer.ufrag) or not candidate.candidate:
            return  # of an earlier offer, or the end of candidates
        self._named += 1
        if self._named > MAX_CANDIDATES:
            self.close()
            raise Declined(f"more than {MAX_CANDIDATES} candidates")
        if usable(candidate.candidate, self.hub.settings.webrtc_private):
            self._candidates.put_nowait(candidate)

    def close(self) -> None:
        """End it; `run` returns soon."""
        self._gone.set()

    async def run(self) -> None:
        """Answer, open, carry, and close. Tells the carrier when it does not open."""
        aiortc = await asyncio.to_thread(_aiortc)
        rtc: RTCPeerConnection = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        gone = asyncio.create_task(self._gone.wait(), name="cobrowse-webrtc-gone")
        serving = asyncio.create_task(self._serve(aiortc, rtc), name="cobrowse-webrtc-serve")
        try:
            await asyncio.wait((gone, serving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._gone.set()
            if self.connection is not None:
                self.hub.lost(self.connection)
            gone.cancel()
            serving.cancel()
            results = await asyncio.gather(gone, serving, return_exceptions=True)
            await _close(rtc)
            self._log = self._volatile = None
            for error in results:
                if isinstance(error, Exception):
                    self._decline(error)

    async def _serve(self, aiortc: Any, rtc: RTCPeerConnection) -> None:
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                await self._answer(aiortc, rtc)
                await self._open(aiortc, rtc)
        except TimeoutError:
            raise Declined(f"no way through within {OPEN_WITHIN_S:.0f} s") from None
        assert self.connection is not None
        await self._write(self.connection)

    # Opening -------------------------------------------------------------------------------------------------

    async def _answer(self, aiortc: Any, rtc: RTCPeerConnection) -> None:
        settings = self.hub.settings
        self._log = rtc.createDataChannel("log", negotiated=True, id=0)
        self._volatile = rtc.createDataChannel("volatile", negotiated=True, id=1, ordered=False, maxRetransmits=0)
        guard(rtc.sctp, self._violated)
        addresses = own_addresses(settings.host, settings.public_url, settings.webrtc_public_ip)
        if addresses is not None:
            listen_on(rtc.sctp, addresses)
        self._log.on("open", self._on_open)
        self._log.on("close", self._gone.set)
        self._log.on("bufferedamountlow", self._drained.set)
        for channel in (self._log, self._volatile):
            channel.on("message", self._on_message)

        def changed() -> None:
            if rtc.connectionState in ("failed", "closed"):
                self._gone.set()

        rtc.on("connectionstatechange", changed)
        await rtc.setRemoteDescription(aiortc.RTCSessionDescription(self.offer.sdp, "offer"))
        await rtc.setLocalDescription()
        answer = published(rtc.localDescription.sdp, settings.webrtc_public_ip)
        if "a=candidate:" not in answer:
            raise Declined("the server has no address to be reached at")
        self.carrier.send(Signal(peer=SERVER, description=Description(type="answer", sdp=answer)))

    async def _open(self, aiortc: Any, rtc: RTCPeerConnection) -> None:
        """Give candidates to ICE as they come, until the channels are open."""
        opened = asyncio.create_task(self._opened.wait(), name="cobrowse-webrtc-opened")
        try:
            while not self._opened.is_set():
                coming = asyncio.create_task(self._candidates.get(), name="cobrowse-webrtc-candidate")
                try:
                    await asyncio.wait((opened, coming), return_when=asyncio.FIRST_COMPLETED)
                    if coming.done():
                        parsed = aiortc.sdp.candidate_from_sdp(coming.result().candidate.partition(":")[2])
                        parsed.sdpMid = self.offer.mid
                        await rtc.addIceCandidate(parsed)
                finally:
                    coming.cancel()
        finally:
            opened.cancel()

    def _on_open(self) -> None:
        if self._gone.is_set():  # it is being closed: nobody would take the connection out of the hub
            return
        self.connection = self.hub.connect(self.carrier.origin, self.carrier.address)
        self._opened.set()

    def _on_message(self, data: bytes) -> None:
        if self.connection is not None and not self._gone.is_set():
            self.hub.receive(self.connection, data)

    def _violated(self, reason: str) -> None:
        logger.warning("a peer of %s is closed: %s", self._whose(), reason)
        if self.connection is not None:
            self.connection.close(CloseCode.INVALID, reason)
        self._gone.set()

    def _decline(self, error: Exception) -> None:
        if self.connection is None:
            reason = str(error) if isinstance(error, Declined) else "the offer cannot be answered"
            if self.carrier.closing is None:
                self.carrier.send(Signal(peer=SERVER, declined=reason[:500]))
        if not isinstance(error, Declined):
            logger.warning("a peer of %s has failed: %s", self._whose(), type(error).__name__, exc_info=error)

    def _whose(self) -> str:
        session = self.carrier.session
        return f"session {session.id}" if session else "nobody"

    # Carrying ------------------------------------------------------------------------------------------------

    async def _write(self, connection: Connection) -> None:
        drain = Drain()
        try:
            while True:
                await connection.ready.wait()
                connection.ready.clear()
                self._send_volatile(connection)
                while message := connection.take(MAX_MESSAGE, volatile=False):
                    for piece in pieces(message):
                        await self._room(drain)
                        self._send(piece)
                        drain.handed(len(piece))
                    self._send_volatile(connection)
                if connection.closing is not None:
                    await self._say_closed(*connection.closing)
                    return
        except TimeoutError:
            connection.close(CloseCode.SLOW, f"nothing was taken for {SLOW_AFTER_S:.0f} s")

    async def _room(self, drain: Drain) -> None:
        """Wait until more may be handed over. Raises TimeoutError when nothing leaves."""
        while drain.room(self._log.bufferedAmount, clock()) <= 0:
            self._drained.clear()
            self._log.bufferedAmountLowThreshold = self._log.bufferedAmount - 1
            async with asyncio.timeout(SLOW_AFTER_S):
                await self._drained.wait()

    def _send(self, piece: bytes) -> None:
        if self._log.readyState == "open":
            self._log.send(piece)

    def _send_volatile(self, connection: Connection) -> None:
        """Send what waits, unless much does: what comes later replaces it."""
        while self._volatile.readyState == "open" and self._volatile.bufferedAmount < VOLATILE_BUFFER:
            message = connection.take_volatile(VOLATILE_MESSAGE)
            if not message:
                return
            self._volatile.send(message)

    async def _say_closed(self, code: CloseCode, reason: str) -> None:
        """Channels close without a code, so it is said before; closing waits until that has arrived."""
        if code == CloseCode.SILENT:
            return
        self._send(encode(Closed(code=code, reason=reason[:500])))
        self._log.close()
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await self._gone.wait()


def pieces(message: bytes, limit: int = MAX_PEER_MESSAGE) -> Iterator[bytes]:
    """A message cut between its values, at most `limit` bytes each; a value that is larger alone stays whole."""
    if len(message) <= limit:
        yield message
        return
    unpacker = msgpack.Unpacker(max_buffer_size=len(message))
    unpacker.feed(message)
    start = end = 0
    while end < len(message):
        unpacker.skip()
        following = unpacker.tell()
        if following - start > limit and end > start:
            yield message[start:end]
            start = end
        end = following
    yield message[start:]


def _aiortc() -> Any:
    """aiortc, loaded once: it takes a second, and most of what it brings is for media."""
    module = importlib.import_module("aiortc")
    importlib.import_module("aiortc.sdp")
    for name in ("aiortc", "aioice"):
        log = logging.getLogger(name)
        if log.level == logging.NOTSET:
            log.setLevel(logging.WARNING)  # below that they write down addresses
    return module


async def _close(rtc: RTCPeerConnection) -> None:
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await rtc.close()
    except Exception as error:
        logger.warning("a peer connection does not close: %s", type(error).__name__)
    else:
        rtc.remove_all_listeners()
        if rtc.sctp is not None:
            release(rtc.sctp)
