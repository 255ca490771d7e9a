"""Limits that aiortc does not set: what one hostile peer may cost in memory and time.

aiortc delivers messages of any size, and each chunk of an unfinished one is looked at again with every chunk that
comes: one peer could hold up the whole process. It trusts the numbers in acknowledgements in the same way. The limits
are put on the instances of one connection, around methods of theirs that are not public (aiortc 1.16); the tests try
each of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from .candidates import MAX_CANDIDATES

CHANNELS: Final = (0, 1)
"""The streams that stand on both sides; no other is opened (`docs/protocol.md`)."""
BINARY: Final = 53
"""The protocol identifier of binary messages (RFC 8831, section 8)."""
WINDOW: Final = 524_288
"""Bytes of unfinished messages that one peer may have here; the receive window that it is told."""
SLACK: Final = 81_920
"""Bytes beyond the window that a message at its end may take: the largest there is, and a chunk of 16 KiB."""
MAX_CHUNKS: Final = 512
"""Chunks of unfinished messages, and chunks behind a hole. More behind a hole are dropped, and come again."""
AT_THE_END: Final = 128
"""Chunks beyond those that the message may take whose chunks come in order."""
MAX_IN_FLIGHT: Final = 65_536
"""Chunks that can be on their way to a peer."""
MAX_DATAGRAMS: Final = 1_024
"""Datagrams that may wait to be read; more are dropped, as a network would."""
SCTP_METHODS: Final = ("_handle_data", "_receive_data_chunk", "_receive_forward_tsn_chunk", "_receive_sack_chunk")
SENDING_METHODS: Final = ("_transmit", "_transmit_reconfig")
"""What aiortc also runs in tasks of nobody: where the way is gone by then, their ConnectionError would be nobody's."""
ICE_METHODS: Final = ("check_incoming", "data_received", "get_component_candidates")
"""What is put around here, on the instances."""


def guard(sctp: Any, violated: Callable[[str], None]) -> None:
    """Hold an `RTCSctpTransport`, and the ICE connection under it, to these limits.

    At the first violation `violated` is called with the reason, what was unfinished is let go of, and nothing that
    the peer sends is looked at any more. Call it before the connection is used.
    """
    broken = False
    handle, data, forward, sack = (getattr(sctp, name) for name in SCTP_METHODS)

    def violate(reason: str) -> None:
        nonlocal broken
        if not broken:
            broken = True
            sctp._inbound_streams.clear()
            sctp._sack_misordered.clear()
            violated(reason)

    async def handle_data(packet: bytes) -> None:
        if broken:
            return
        try:
            await handle(packet)
        except ConnectionError:
            raise
        except Exception as error:  # aiortc asserts what a peer should do
            violate(f"SCTP: {type(error).__name__} {error}".rstrip())

    async def receive_data(chunk: Any) -> None:
        if broken:
            return
        if chunk.stream_id not in CHANNELS:
            violate(f"a message on channel {chunk.stream_id}; there are two, 0 and 1")
        elif chunk.protocol != BINARY:
            violate("messages are binary MessagePack; this one was text, empty, or opens a channel")
        elif behind_a_hole(chunk.tsn) and full(len(chunk.user_data)):
            # As if the network had lost it: the peer is told what has come, and sends the rest again.
            sctp._sack_needed = True
        else:
            await data(chunk)
            if not broken and (sctp._advertised_rwnd < -SLACK or unfinished() > MAX_CHUNKS + AT_THE_END):
                size = WINDOW - sctp._advertised_rwnd
                violate(f"{size} bytes in {unfinished()} chunks of unfinished messages")

    def behind_a_hole(tsn: int) -> bool:
        """Whether that chunk is new, and not the one that is awaited."""
        ahead = (tsn - sctp._last_received_tsn) % 2**32
        return 1 < ahead < 2**31 and tsn not in sctp._sack_misordered

    def full(size: int) -> bool:
        most = max(unfinished(), len(sctp._sack_misordered))
        return most >= MAX_CHUNKS or size > sctp._advertised_rwnd

    def unfinished() -> int:
        """Chunks that are held."""
        return sum(len(stream.reassembly) for stream in sctp._inbound_streams.values())

    async def receive_forward(chunk: Any) -> None:
        if broken:
            return
        if any(stream not in CHANNELS for stream, _ in chunk.streams):
            violate("channels are skipped that there are not")
        else:
            await forward(chunk)

    async def receive_sack(chunk: Any) -> None:
        if broken:
            return
        in_flight = (sctp._local_tsn - chunk.cumulative_tsn) % 2**32
        told = sum(max(0, last - first + 1) for first, last in chunk.gaps)
        if in_flight > MAX_IN_FLIGHT or told > in_flight:
            violate("chunks are acknowledged that were not sent")
        else:
            await sack(chunk)

    for name in SENDING_METHODS:
        setattr(sctp, name, quiet(getattr(sctp, name)))
    sctp._advertised_rwnd = WINDOW
    for name, method in zip(SCTP_METHODS, (handle_data, receive_data, receive_forward, receive_sack), strict=True):
        setattr(sctp, name, method)
    _guard_ice(sctp.transport.transport._connection)


def quiet(send: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """The same, which ends where the connection has; what was to be sent is of no use any more."""

    async def sending() -> None:
        with suppress(ConnectionError):
            await send()

    return sending


def release(sctp: Any) -> None:
    """Take the connection apart, now that it is closed: its parts know each other, and so do the limits around them.

    What is left to the collector piles up, with what OpenSSL holds for it, until it stops the loop for half a second.
    """
    dtls = sctp.transport
    ice = dtls.transport
    for part in (sctp, dtls, ice, ice.iceGatherer):
        part.remove_all_listeners()
    for one, methods in ((sctp, SCTP_METHODS + SENDING_METHODS), (ice._connection, ICE_METHODS)):
        for name in methods:
            vars(one).pop(name, None)
    ice._connection._check_list.clear()


def listen_on(sctp: Any, addresses: list[str]) -> None:
    """Gather candidates at these addresses alone. Call it before candidates are gathered."""
    ice = sctp.transport.transport._connection
    gather = ice.get_component_candidates

    async def get_component_candidates(component: int, **_: object) -> Any:
        return await gather(component=component, addresses=addresses)

    ice.get_component_candidates = get_component_candidates


def _guard_ice(ice: Any) -> None:
    """Bound what waits before the handshake, and the addresses that one peer can have checks sent to."""
    incoming, received = ice.check_incoming, ice.data_received

    def check_incoming(message: Any, address: tuple[str, int], protocol: Any) -> None:
        known = ice._remote_candidates
        if len(known) < 2 * MAX_CANDIDATES or any((one._network_host, one.port) == address for one in known):
            incoming(message, address, protocol)

    def data_received(datagram: bytes, component: int) -> None:
        if ice._queue.qsize() < MAX_DATAGRAMS:
            received(datagram, component)

    ice.check_incoming = check_incoming
    ice.data_received = data_received
