"""A real TURN server for the tests: coturn with the very file that is in `deploy/`, on free ports of this machine."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

from aioice import stun

ROOT: Final = Path(__file__).parents[1]
SECRET: Final = "the secret of the tests, which is not that of the file"
REALM: Final = "turn.shop.example"
UDP: Final = 0x11000000
IPV6: Final = 0x02000000
WITHIN_S: Final = 10
STARTS_WITHIN_S: Final = 60

# RFC 8656, section 18.6; aioice has no use for it.
stun.ATTRIBUTES_BY_NAME["REQUESTED-ADDRESS-FAMILY"] = (
    0x0017,
    "REQUESTED-ADDRESS-FAMILY",
    stun.pack_unsigned,
    stun.unpack_unsigned,
)


@dataclass
class Coturn:
    """A running coturn."""

    port: int
    tls_port: int
    log: Path
    address: str = "127.0.0.1"

    @property
    def urls(self) -> dict[str, str]:
        """By the transport to the TURN server."""
        named = "localhost" if self.address == "127.0.0.1" else self.address
        return {
            "udp": f"turn:{self.address}:{self.port}?transport=udp",
            "tcp": f"turn:{self.address}:{self.port}?transport=tcp",
            "tls": f"turns:{named}:{self.tls_port}?transport=tcp",
        }


@contextmanager
def coturn(folder: Path, *options: str, addresses: Sequence[str] = ("127.0.0.1", "::1")) -> Iterator[Coturn]:
    """Run `turnserver` with `deploy/coturn.conf` and some more options, its files in `folder`."""
    program = shutil.which("turnserver")
    assert program, "no turnserver found: run `make programs`, or install the package 'coturn'"
    certificate, key = _certificate(folder)
    port, tls_port = _free_port(), _free_port()
    log = folder / "coturn.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                program,
                *("-c", str(ROOT / "deploy/coturn.conf")),
                *(f"--listening-ip={address}" for address in addresses),
                *(f"--relay-ip={address}" for address in addresses),
                f"--listening-port={port}",
                f"--tls-listening-port={tls_port}",
                f"--cert={certificate}",
                f"--pkey={key}",
                f"--static-auth-secret={SECRET}",
                f"--userdb={folder / 'users'}",
                f"--pidfile={folder / 'pid'}",
                "--log-file=stdout",
                *options,
            ],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            server = Coturn(port, tls_port, log, addresses[0])
            _wait_for(process, server)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=WITHIN_S)


class TurnClient:
    """Asks a TURN server by UDP, one request at a time."""

    def __init__(self, server: Coturn, username: str, credential: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(WITHIN_S)
        self.socket.connect(("127.0.0.1", server.port))
        self.username = username
        self.key = stun_key(username, REALM, credential)
        self.nonce = b""

    def ask(self, method: stun.Method, **attributes: Any) -> int:
        """0 when it is done, else the error code. Authenticates as it is told to (RFC 8489, section 9.2)."""
        code = self._ask(method, attributes)
        return self._ask(method, attributes) if code in (401, 438) and self.nonce_is_new else code

    def allocate(self, **attributes: Any) -> int:
        return self.ask(stun.Method.ALLOCATE, REQUESTED_TRANSPORT=UDP, **attributes)

    def permit(self, address: str) -> int:
        return self.ask(stun.Method.CREATE_PERMISSION, XOR_PEER_ADDRESS=(address, 9_999))

    def bind(self, address: str) -> int:
        return self.ask(stun.Method.CHANNEL_BIND, CHANNEL_NUMBER=0x4001, XOR_PEER_ADDRESS=(address, 9_999))

    def indicate(self, address: str, port: int, data: bytes) -> None:
        """Ask to send; there is no answer to that."""
        message = stun.Message(message_method=stun.Method.SEND, message_class=stun.Class.INDICATION)
        message.attributes.update({"XOR-PEER-ADDRESS": (address, port), "DATA": data})
        self.socket.send(bytes(message))

    def close(self) -> None:
        self.socket.close()

    def _ask(self, method: stun.Method, attributes: dict[str, Any]) -> int:
        request = stun.Message(message_method=method, message_class=stun.Class.REQUEST)
        for name, value in attributes.items():
            request.attributes[name.replace("_", "-")] = value
        if self.nonce:
            request.attributes.update({"USERNAME": self.username, "REALM": REALM, "NONCE": self.nonce})
            request.add_message_integrity(self.key)
        self.socket.send(bytes(request))
        answer = stun.parse_message(self.socket.recv(2_048))
        nonce = answer.attributes.get("NONCE", self.nonce)
        self.nonce_is_new, self.nonce = nonce != self.nonce, nonce
        code, _ = answer.attributes.get("ERROR-CODE", (0, ""))
        return int(code)


def stun_key(username: str, realm: str, credential: str) -> bytes:
    """The long-term key (RFC 8489, section 9.2.2)."""
    from hashlib import md5

    return md5(f"{username}:{realm}:{credential}".encode()).digest()


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        ["openssl", *command.split(), "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL
    )
    return certificate, key


def _free_port() -> int:
    """A port that is free for TCP and UDP."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(type=socket.SOCK_DGRAM) as other:
            port: int = listener.getsockname()[1]
            try:
                other.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _wait_for(process: subprocess.Popen[bytes], server: Coturn) -> None:
    """Until it answers by UDP, TCP and TLS; its listeners start one after another."""
    request = bytes(stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST))
    end = monotonic() + STARTS_WITHIN_S
    while process.poll() is None and monotonic() < end:
        try:
            with socket.socket(type=socket.SOCK_DGRAM) as asking:
                asking.settimeout(1)
                asking.connect((server.address, server.port))
                asking.send(request)
                asking.recv(2_048)
            for waited in (server.port, server.tls_port):
                socket.create_connection((server.address, waited), WITHIN_S).close()
            return
        except (ConnectionRefusedError, TimeoutError):
            continue
    raise RuntimeError(f"coturn did not start:\n{server.log.read_text()}")
