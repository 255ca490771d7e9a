"""A worse network than the loopback, in user space: proxies for TCP and UDP in front of a host and a port.

What becomes of each datagram, and of each chunk of a stream, is decided in `road.py`. A proxy cannot lose TCP's
segments, for TCP ends at either side of it: a lost one is what the reader would see of it, all bytes from there on
come late. TCP's rates (its congestion window) are not modelled. Times are rounded up to whole milliseconds by the
event loop.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast

from .road import CLEAR, Lane, Road, Script

AHEAD: Final = 4_194_304
"""Bytes on their way in one direction of a connection, beyond which a proxy reads no more."""
SLOW_AHEAD_S: Final = 0.25
"""The same on a slow way, in seconds of what it carries, as a modem's buffer is; at least `SLOW_AHEAD`."""
SLOW_AHEAD: Final = 8_192
SLOW_BUFFER: Final = 16_384
"""Of a socket on a slow way: else the kernel's own buffers, of megabytes, would take what the way does not."""
FLOWS: Final = 64
"""Addresses that may send to one UDP proxy."""

T = TypeVar("T")


class _Way:
    """One direction of a TCP connection: bytes in order, each piece when it is due."""

    def __init__(self, lane: Lane, opened: Callable[[], Coroutine[Any, Any, None]], out: asyncio.StreamWriter) -> None:
        self.lane = lane
        self.opened = opened
        self.out = out
        self._due: deque[tuple[float, bytes]] = deque()
        self._ahead = 0
        self._last = 0.0
        self._changed = asyncio.Event()

    @property
    def _most(self) -> float:
        rate = self.lane.way.rate
        return AHEAD if rate is None else max(SLOW_AHEAD, rate * SLOW_AHEAD_S)

    async def read(self, reader: asyncio.StreamReader) -> None:
        loop = asyncio.get_running_loop()
        while chunk := await reader.read(65_536 if self.lane.way.rate is None else SLOW_AHEAD):
            for due, piece in self.lane.chunk(chunk, loop.time(), self._last):
                self._put(due, piece)
            while self._ahead > self._most:
                self._changed.clear()
                await self._changed.wait()
        self._put(max(self._last, loop.time() + self.lane.way.delay_ms / 1_000), b"")

    def _put(self, due: float, piece: bytes) -> None:
        self._last = due
        self._due.append((due, piece))
        self._ahead += len(piece)
        self._changed.set()

    async def write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._due:
                self._changed.clear()
                await self._changed.wait()
            due, piece = self._due.popleft()
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            await self.opened()
            if not piece:
                return
            whole = [piece]
            while self._due and self._due[0][1] and self._due[0][0] <= loop.time():
                whole.append(self._due.popleft()[1])
            joined = b"".join(whole)
            self._ahead -= len(joined)
            self._changed.set()
            self.out.write(joined)
            await self.out.drain()


class _Upstream(asyncio.DatagramProtocol):
    """A UDP proxy's end towards its target, for one client; and what comes back from there."""

    def __init__(self, back: Callable[[bytes], None]) -> None:
        self.back = back

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.back(data)


class _Downstream(asyncio.DatagramProtocol):
    """A UDP proxy in front of one address: each client has a port of its own towards it."""

    def __init__(self, up: Lane, down: Lane, target: tuple[str, int]) -> None:
        self.up, self.down = up, down
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
        self._pass(self.up, data, lambda out: upstream.result().sendto(out) if upstream.done() else None)

    async def _open(self, address: Any) -> asyncio.DatagramTransport:
        def back(data: bytes) -> None:
            self._pass(self.down, data, lambda out: self.transport.sendto(out, address) if self.transport else None)

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Upstream(back), remote_addr=self.target
        )
        return transport

    def _pass(self, lane: Lane, data: bytes, send: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        for due, out in lane.datagram(data, loop.time()):
            loop.call_at(due, send, out)

    def close(self) -> None:
        for upstream in self._upstreams.values():
            if upstream.done():
                upstream.result().close()
        if self.transport is not None:
            self.transport.close()


class Impaired:
    """Proxies that share one road, in a thread of their own. Its methods are for other threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._up, self._down = Lane(), Lane()
        self._changed = asyncio.Event()
        self._pairs: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._udp: dict[tuple[str, int], tuple[_Downstream, int]] = {}
        self._steps: list[asyncio.TimerHandle] = []

    def become(self, road: Road = CLEAR, seed: int = 1) -> None:
        """Change the road for what passes from now on; a script that runs is given up."""
        self.follow([(0.0, road)], seed).wait()

    @property
    def mangled(self) -> int:
        """How often bytes were changed, both ways."""
        return self._up.mangled + self._down.mangled

    def follow(self, script: Script, seed: int = 1) -> threading.Event:
        """Change the road as the script says, in the place of one that runs; set when its last step has come."""
        done = threading.Event()

        async def begin() -> None:
            for step in self._steps:
                step.cancel()
            began = self._loop.time()
            last = len(script) - 1
            self._steps = [
                self._loop.call_at(began + after, self._step, road, seed + index, done if index == last else None)
                for index, (after, road) in enumerate(script)
            ]

        self._run(begin())
        return done

    def tcp(self, host: str, port: int, slow: bool = False) -> int:
        """A port of 127.0.0.1 that leads to that one. `slow`: with small buffers, for a road that has a rate."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._pairs.add(task)
            try:
                await self._carry(reader, writer, host, port, slow)
            except (OSError, asyncio.CancelledError):
                pass
            finally:
                writer.close()  # also where nothing could be opened behind it
                self._pairs.discard(task)

        async def serve() -> int:
            listener = _socket(slow)
            listener.bind(("127.0.0.1", 0))
            server = await asyncio.start_server(accept, sock=listener, limit=SLOW_BUFFER if slow else 65_536)
            self._servers.append(server)
            return int(server.sockets[0].getsockname()[1])

        return self._run(serve())

    def udp(self, host: str, port: int) -> int:
        """A port of `host`, which is an address of this machine, that leads to that one."""

        async def serve() -> int:
            if (host, port) not in self._udp:
                transport, protocol = await self._loop.create_datagram_endpoint(
                    lambda: _Downstream(self._up, self._down, (host, port)), local_addr=(host, 0)
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

    def _step(self, road: Road, seed: int, done: threading.Event | None) -> None:
        self._up.become(road.up, 2 * seed)
        self._down.become(road.down, 2 * seed + 1)
        self._changed.set()
        self._changed = asyncio.Event()
        if done is not None:
            done.set()

    async def _opened(self, lane: Lane) -> None:
        while lane.way.blackhole:
            await self._changed.wait()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int, slow: bool
    ) -> None:
        there, back = await _open(host, port, slow)
        if slow:
            writer.transport.set_write_buffer_limits(SLOW_AHEAD)
            back.transport.set_write_buffer_limits(SLOW_AHEAD)
        up = _Way(self._up, lambda: self._opened(self._up), back)
        down = _Way(self._down, lambda: self._opened(self._down), writer)
        tasks = [asyncio.create_task(one) for one in (up.read(reader), up.write(), down.read(there), down.write())]
        try:
            # A direction that has ended ends the other: nothing that is tested closes halves.
            await asyncio.wait((tasks[1], tasks[3]), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            back.close()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _stop(self) -> None:
        for step in self._steps:
            step.cancel()
        # A server that is closed forgets whom it is about to accept: first nobody new, then those, then the server.
        for server in self._servers:
            for listener in server.sockets:
                self._loop.remove_reader(listener.fileno())
        for protocol, _ in self._udp.values():
            protocol.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.sleep(0)  # what has just been accepted begins, and so closes what it has
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        for server in self._servers:
            server.close()
        await asyncio.sleep(0)  # what was closed lets go of its socket


def _socket(slow: bool, family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    if slow:
        # Before it is connected or listens, as the window is settled then (tcp(7), SO_RCVBUF).
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            made.setsockopt(socket.SOL_SOCKET, option, SLOW_BUFFER)
    made.setblocking(False)
    return made


async def _open(host: str, port: int, slow: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if not slow:
        return await asyncio.open_connection(host, port)
    loop = asyncio.get_running_loop()
    family, _, _, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[-1]
    made = _socket(slow, family)
    try:
        await loop.sock_connect(made, address)
    except OSError:
        made.close()
        raise
    return await asyncio.open_connection(sock=made, limit=SLOW_BUFFER)


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
