"""Nobody at the broker's address: what is said, and how soon."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from podring import httpcall
from podring.client import broker_at
from podring.errors import BrokerUnreachable


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that is bound and on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_three_attempts_are_made_within_a_second_and_told(free_port: int) -> None:
    started = time.monotonic()
    with pytest.raises(BrokerUnreachable) as unreachable:
        broker_at(f"http://127.0.0.1:{free_port}").get("prices")
    assert 0.8 <= time.monotonic() - started < 2
    assert str(unreachable.value).startswith(
        f"no answer from http://127.0.0.1:{free_port} for 0.8 s (3 attempts): connection refused; "
        "start podring-broker, set PODRING_BROKER to its address"
    )
    assert isinstance(unreachable.value, ConnectionError)


def test_a_missing_socket_is_told_like_a_missing_port(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnreachable, match=r"\(3 attempts\): no such file or directory"):
        broker_at(f"unix://{tmp_path}/none.sock").topics()


def test_a_full_backlog_times_out_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpcall, "CONNECT_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        taken = [socket.socket() for _ in range(8)]
        for one in taken:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        try:
            with pytest.raises(BrokerUnreachable, match=r"for 1\.\d s \(3 attempts\): timed out"):
                broker_at(f"http://127.0.0.1:{port}").topics()
        finally:
            for one in taken:
                one.close()


def test_a_broker_that_comes_back_in_time_is_not_noticed(tmp_path: Path) -> None:
    """The socket appears between the attempts."""
    path = tmp_path / "broker.sock"
    broker = broker_at(f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as late:
        late.bind(str(path))  # refuses until it listens
        import threading

        def come_back() -> None:
            time.sleep(0.3)
            late.listen()
            peer, _ = late.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: 2\r\n\r\n[]"
                )

        thread = threading.Thread(target=come_back)
        thread.start()
        assert broker.topics() == []
        thread.join()
