"""What a bad road does is as it was asked for, and the same for the same seed; and the proxies carry it out."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from .impair import impaired
from .road import OVERTAKEN_S, Lane, Road, Way, alike

DATA = bytes(range(100))


def lane(seed: int = 1, **way: float) -> Lane:
    made = Lane()
    made.become(Way(**way), seed)  # type: ignore[arg-type]
    return made


def datagrams(of: Lane, count: int = 2_000, every_s: float = 0.001) -> list[tuple[float, bytes]]:
    return [out for n in range(count) for out in of.datagram(n.to_bytes(2, "big") + DATA, n * every_s)]


def stream(of: Lane, count: int = 200, every_s: float = 0.001) -> list[tuple[float, bytes]]:
    out: list[tuple[float, bytes]] = []
    for n in range(count):
        out += of.chunk(DATA, n * every_s, out[-1][0] if out else 0.0)
    return out


def bits(one: bytes, other: bytes) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


def test_a_clear_road_changes_nothing() -> None:
    assert datagrams(lane(), 2) == [(0.0, bytes(2) + DATA), (0.001, b"\x00\x01" + DATA)]
    assert stream(lane(), 2) == [(0.0, DATA), (0.001, DATA)]


@pytest.mark.parametrize("what", ["loss", "reorder", "duplicate", "flip", "truncate", "repeat", "glue"])
def test_the_same_seed_decides_the_same(what: str) -> None:
    decided = [(datagrams(lane(seed, **{what: 0.1})), stream(lane(seed, **{what: 0.1}))) for seed in (1, 1, 2)]
    assert decided[0] == decided[1]
    assert decided[0] != decided[2]


def test_a_share_of_the_datagrams_is_lost() -> None:
    assert 1_500 < len(datagrams(lane(loss=0.2))) < 1_700


def test_datagrams_come_twice() -> None:
    out = datagrams(lane(duplicate=0.1))
    assert 2_100 < len(out) < 2_300
    assert len({data for _, data in out}) == 2_000


def test_datagrams_are_overtaken() -> None:
    late = [due - n * 0.001 for n, (due, _) in enumerate(datagrams(lane(reorder=0.1)))]
    assert 100 < sum(one == pytest.approx(OVERTAKEN_S) for one in late) < 300


def test_a_slow_way_carries_what_it_can_and_loses_the_rest() -> None:
    out = datagrams(lane(rate=51_000.0))
    assert [due for due, _ in out[:3]] == pytest.approx([0.002, 0.004, 0.006])
    assert out[-1][0] < 3.1
    assert len(out) < 1_600


def test_delay_and_jitter_are_within_their_bounds() -> None:
    late = [due - n * 0.001 for n, (due, _) in enumerate(datagrams(lane(delay_ms=50, jitter_ms=20)))]
    assert 0.05 <= min(late) < 0.052
    assert 0.068 < max(late) <= 0.07


def test_nothing_passes_a_blackhole() -> None:
    assert datagrams(lane(blackhole=True)) == []


def test_a_flip_changes_one_bit() -> None:
    for _, data in datagrams(lane(flip=1.0), 50):
        assert len(data) == len(DATA) + 2
    assert all(bits(data, DATA) == 1 for _, data in stream(lane(flip=1.0)))


def test_what_is_truncated_is_a_beginning() -> None:
    out = [data for _, data in stream(lane(truncate=1.0))]
    assert all(DATA.startswith(data) and len(data) < len(DATA) for data in out)


def test_what_is_repeated_comes_twice_as_one() -> None:
    assert {data for _, data in stream(lane(repeat=1.0))} == {DATA + DATA}


def test_two_datagrams_come_as_one() -> None:
    out = [data for _, data in datagrams(lane(glue=1.0), 4)]
    assert [len(data) for data in out] == [204, 204]


def test_a_glued_chunk_waits_for_the_next() -> None:
    (first, _), (second, _) = stream(lane(glue=1.0), 2, every_s=0.0)
    assert first == second > 0


def test_a_stream_stays_in_order_whatever_happens_to_it() -> None:
    out = stream(lane(delay_ms=50, jitter_ms=40, loss=0.1, reorder=0.5, duplicate=0.5, rate=50_000.0))
    assert [due for due, _ in out] == sorted(due for due, _ in out)
    assert b"".join(data for _, data in out) == DATA * 200


def test_a_lost_segment_of_a_stream_is_late() -> None:
    ((due, _),) = lane(delay_ms=150, loss=1.0).chunk(DATA, 0.0, 0.0)
    assert due == pytest.approx(0.45)


def test_a_slow_way_carries_a_stream_in_pieces() -> None:
    out = lane(rate=10_000.0).chunk(bytes(10_000), 0.0, 0.0)
    assert out[-1][0] == pytest.approx(1.0)
    assert max(len(data) for _, data in out) == 1_460


# The proxies ----------------------------------------------------------------------------------------------------


@contextmanager
def echo(kind: socket.SocketKind) -> Iterator[int]:
    """A port that sends back all that comes."""
    with socket.socket(socket.AF_INET, kind) as listener:
        listener.bind(("127.0.0.1", 0))

        def serve() -> None:
            if kind is socket.SOCK_DGRAM:
                while (received := listener.recvfrom(65_536))[0] != b"stop":
                    listener.sendto(*received)
                return
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(65_536):
                    connection.sendall(data)

        if kind is socket.SOCK_STREAM:
            listener.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        if kind is socket.SOCK_DGRAM:
            with socket.socket(socket.AF_INET, kind) as last:
                last.sendto(b"stop", listener.getsockname())
        thread.join()


def read(connection: socket.socket, size: int) -> bytes:
    whole = b""
    while len(whole) < size and (data := connection.recv(size - len(whole))):
        whole += data
    return whole


@pytest.mark.parametrize("slow", [False, True])
def test_a_stream_passes_and_waits_while_nothing_does(slow: bool) -> None:
    with (
        impaired() as network,
        echo(socket.SOCK_STREAM) as port,
        socket.create_connection(("127.0.0.1", network.tcp("127.0.0.1", port, slow)), 10) as client,
    ):
        client.sendall(DATA)
        assert read(client, 100) == DATA
        network.become(alike(blackhole=True))
        client.sendall(DATA[::-1])
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(10)
        network.become()
        assert read(client, 100) == DATA[::-1]


def test_datagrams_pass_and_are_mangled_one_way() -> None:
    with (
        impaired() as network,
        echo(socket.SOCK_DGRAM) as port,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(0.2)
        client.connect(("127.0.0.1", network.udp("127.0.0.1", port)))
        answer = b""
        while not answer:  # the first ones are lost while the proxy opens its other end
            client.send(DATA)
            try:
                answer = client.recv(200)
            except TimeoutError:
                continue
        assert answer == DATA
        client.settimeout(10)
        network.become(Road(down=Way(flip=1.0)))
        client.send(DATA)
        assert bits(client.recv(200), DATA) == 1


def test_a_script_is_followed_to_its_end() -> None:
    with impaired() as network:
        steps = [(0.0, alike(loss=1.0)), (0.01, alike(blackhole=True)), (0.02, alike(rtt_ms=10))]
        assert network.follow(steps).wait(10)
        assert network._up.way == Way(delay_ms=5.0)
        given_up = network.follow([(3_600.0, alike(loss=1.0))])
        network.become()
        assert not given_up.is_set()
        assert network._down.way == Way()


def test_who_is_led_to_nobody_is_closed() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with (
            impaired() as network,
            socket.create_connection(("127.0.0.1", network.tcp(*nobody.getsockname())), 10) as client,
        ):
            assert client.recv(1) == b""


def test_who_has_just_come_when_it_ends_is_closed() -> None:
    """At whatever moment of being accepted. What would be left open is a warning, and so an error."""
    with socket.create_server(("127.0.0.1", 0), backlog=400) as listener:
        for count in range(80):
            with impaired() as network:
                there = ("127.0.0.1", network.tcp(*listener.getsockname()))
                clients = [socket.create_connection(there, 10) for _ in range(1 + count % 4)]
            for client in clients:
                with client, suppress(ConnectionResetError):
                    assert client.recv(1) == b""
    gc.collect()
