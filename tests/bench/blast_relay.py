"""No relay at all: once the publisher has said something all viewers get the same bytes, as fast as they take them.

It shows how much the benchmark's client can take. Run as `python -m tests.bench.blast_relay`; prints its port.
"""

from __future__ import annotations

import selectors
import socket
from typing import Final

from .crowd import MARK, PAYLOAD

BYTES: Final = (MARK + b"0" * (PAYLOAD - len(MARK))) * 64
ACCEPT: Final = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1_024)
    print(listener.getsockname()[1], flush=True)
    connected = [_accepted(listener)]
    publisher = connected[0]
    listener.setblocking(False)
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(publisher, selectors.EVENT_READ)
        while not any(key.fileobj is publisher for key, _ in selector.select()):
            connected.append(_accepted(listener))
    with selectors.DefaultSelector() as selector:
        for viewer in connected[1:]:
            viewer.setblocking(False)
            selector.register(viewer, selectors.EVENT_WRITE)
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                try:
                    key.fileobj.send(BYTES)
                except OSError:
                    selector.unregister(key.fileobj)
                if not selector.get_map():
                    return


def _accepted(listener: socket.socket) -> socket.socket:
    connected, _ = listener.accept()
    connected.setblocking(True)
    connected.recv(4_096)
    connected.sendall(ACCEPT)
    return connected


if __name__ == "__main__":
    main()
