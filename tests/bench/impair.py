"""A worse network than the loopback, in user space: proxies for TCP and UDP with a delay and a loss, from a seed.

UDP: each datagram is lost or delayed, each way. TCP: a proxy cannot lose packets, for TCP ends at either side of it. A
lost segment is what the reader would see of it: all bytes from there on come late, by a retransmission timeout of
200 ms (the least of Linux) or a round trip, whichever is longer. TCP's rates (its congestion window) are not modelled.

Times are rounded up to whole milliseconds by the event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeVar, cast

SEGMENT: Final = 1_460
RTO_S: Final = 0.2
AHEAD: Final = 4_194_304
"""Bytes on their way in one direction, beyond which a proxy reads no more."""
FLOWS: Final = 64
"""Addresses that may send to one UDP proxy."""

T = TypeVar("T")


@dataclass
class Network:
    """What the proxies do to what passes; may be changed at any time."""

    rtt_ms: float = 0.0
    loss: float = 0.0
    random: Random = field(default_factory=lambda: Random(1))

    @property
    def one_way_s(self) -> float:
        return self.rtt_ms / 2_000

    def lost(self) -> bool:
        return self.loss > 0 and self.random.random() < self.loss

    def stall_s(self, size: int) -> float:
        """How late so many bytes of TCP are, beyond the delay."""
        segments = -(-size // SEGMENT)
        return sum(max(RTO_S, self.rtt_ms / 1_000) for _ in range(segments) if self.lost())


class _Way:
    """One direction of a TCP connection: bytes in order, each chunk when it is due."""

    def __init__(self, network: Network, out: asyncio.StreamWriter) -> None:
        self.network = network
        self.out = out
        self._due: deque[tuple[float, bytes]] = deque()
        self._ahead = 0
        self._last = 0.0
        self._changed = asyncio.Event()

    async def read(self, reader: asyncio.StreamReader) -> None:
        loop = asyncio.get_running_loop()
        while chunk := await reader.read(65_536):
            due = max(self._last, loop.time() + self.network.one_way_s) + self.network.stall_s(len(chunk))
            self._put(due, chunk)
            while self._ahead > AHEAD:
                self._changed.clear()
                await self._changed.wait()
        self._put(max(self._last, loop.time() + self.network.one_way_s), b"")

    def _put(self, due: float, chunk: bytes) -> None:
        self._last = due
        self._due.append((due, chunk))
        self._ahead += len(chunk)
        self._changed.set()

    async def write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._due:
                self._changed.clear()
                await self._changed.wait()
            due, chunk = self._due.popleft()
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            self._ahead -= len(chunk)
            self._changed.set()
            if not chunk:
                return
            self.out.write(chunk)
            await self.out.drain()


class _Upstream(asyncio.DatagramProtocol):
    """A UDP proxy's end towards its target, for one client; and what comes back from there."""

    def __init__(self, back: Callable[[bytes], None]) -> None:
        self.back = back

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.back(data)


class _Downstream(asyncio.DatagramProtocol):
    """A UDP proxy in front of one address: each client has a port of its own towards it."""

    def __init__(self, network: Network, target: tuple[str, int]) -> None:
        self.network = network
        self.target = target
        self.transport: asyncio.DatagramTransport | None = None
        self._upstreams: dict[Any, asyncio.Future[asyncio.DatagramTransport]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: Any) -> None:
        if address not in self._upstreams:
            if len(self._upstreams) >= FLOWS:
                return
            self._upstreams[address] = asyncio.ensure_future(self._open(address))
        upstream = self._upstreams[address]
        self._pass(lambda: upstream.result().sendto(data) if upstream.done() else None)

    async def _open(self, address: Any) -> asyncio.DatagramTransport:
        def back(data: bytes) -> None:
            self._pass(lambda: self.transport.sendto(data, address) if self.transport else None)

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Upstream(back), remote_addr=self.target
        )
        return transport

    def _pass(self, send: Callable[[], None]) -> None:
        if not self.network.lost():
            asyncio.get_running_loop().call_later(self.network.one_way_s, send)

    def close(self) -> None:
        for upstream in self._upstreams.values():
            if upstream.done():
                upstream.result().close()
        if self.transport is not None:
            self.transport.close()


class Impaired:
    """Proxies that share one network, in a thread of their own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.network = Network()
        self._loop = loop
        self._pairs: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._udp: dict[tuple[str, int], tuple[_Downstream, int]] = {}

    def become(self, rtt_ms: float = 0.0, loss: float = 0.0, seed: int = 1) -> None:
        """Change the network for what passes from now on."""
        self.network.rtt_ms, self.network.loss, self.network.random = rtt_ms, loss, Random(seed)

    def tcp(self, host: str, port: int) -> int:
        """A port of 127.0.0.1 that leads to that one."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._pairs.add(task)
            try:
                await self._carry(reader, writer, host, port)
            except (OSError, asyncio.CancelledError):
                pass
            finally:
                self._pairs.discard(task)

        async def serve() -> int:
            server = await asyncio.start_server(accept, "127.0.0.1", 0)
            self._servers.append(server)
            return int(server.sockets[0].getsockname()[1])

        return self._run(serve())

    def udp(self, host: str, port: int) -> int:
        """A port of `host`, which is an address of this machine, that leads to that one."""

        async def serve() -> int:
            if (host, port) not in self._udp:
                transport, protocol = await self._loop.create_datagram_endpoint(
                    lambda: _Downstream(self.network, (host, port)), local_addr=(host, 0)
                )
                self._udp[host, port] = protocol, transport.get_extra_info("sockname")[1]
            return self._udp[host, port][1]

        return self._run(serve())

    def cut(self) -> None:
        """Close all TCP connections that there are."""

        async def cancel() -> None:
            for task in self._pairs:
                task.cancel()

        self._run(cancel())

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        there, back = await asyncio.open_connection(host, port)
        up, down = _Way(self.network, back), _Way(self.network, writer)
        tasks = [asyncio.create_task(one) for one in (up.read(reader), up.write(), down.read(there), down.write())]
        try:
            # A direction that has ended ends the other: no part of the benchmark closes halves.
            await asyncio.wait((tasks[1], tasks[3]), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.close()
            back.close()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        for protocol, _ in self._udp.values():
            protocol.close()
        pairs = list(self._pairs)
        for task in pairs:
            task.cancel()
        await asyncio.gather(*pairs, return_exceptions=True)


@contextmanager
def impaired() -> Iterator[Impaired]:
    """Proxies, until the end of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="impair", daemon=True)
    thread.start()
    proxies = Impaired(loop)
    try:
        yield proxies
    finally:
        proxies._run(proxies._stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
