"""Callers who are slow, many, or speak no HTTP: raw bytes on real sockets."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from podring_broker.connections import HEAD_MAX, MOST, REQUEST_S
from tests.broker.asking import Asking, Keys
from tests.broker.harness import Broker
from tests.broker.test_http import PROBLEM

POST = b"POST /createTopic HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


@contextlib.contextmanager
def connected(broker: Broker) -> Iterator[socket.socket]:
    place = urlsplit(broker.address)
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        yield connection


def answered(connection: socket.socket) -> bytes:
    """Everything until the broker closes the connection."""
    found = b""
    with contextlib.suppress(ConnectionResetError):  # it need not read what came afterwards
        while part := connection.recv(1 << 16):
            found += part
    return found


def problem(answer: bytes, status: int) -> Any:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"content-type: application/problem+json" in head
    found = json.loads(body)
    assert found.keys() >= PROBLEM
    assert found["status"] == status
    return found


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\r\n\r\n", 400),
        (b"GET /topics\r\n\r\n", 400),
        (b"GET /topics HTTP/1.1\r\n\r\n", 400),
        (POST + b"content-length: -1\r\n\r\n", 400),
        (POST + b"transfer-encoding: chunked\r\n\r\nno number\r\n", 400),
        (b"GET /topics HTTP/1.1\r\nhost: x\r\nlong: " + b"x" * 2 * HEAD_MAX, 431),
    ],
    ids=["TLS", "HTTP/0.9", "no host", "negative length", "bad chunk", "long header"],
)
def test_what_is_no_http_is_a_problem_too(shared: Broker, sent: bytes, status: int) -> None:
    with connected(shared) as connection:
        connection.sendall(sent)
        problem(answered(connection), status)
    assert shared.call("GET", "/healthz").is_success


def test_a_token_in_a_header_that_is_none_is_not_logged(asking: Asking, keys: Keys) -> None:
    token = keys.tokens["ops"].encode()
    with connected(asking.broker) as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nhost: x\r\nauthorization : Bearer " + token + b"\r\n\r\n"
        )
        answer = answered(connection)
    problem(answer, 400)
    assert asking.events("request.malformed")
    assert keys.tokens["ops"] not in asking.broker.log.read_text()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_who_does_not_finish_a_request_is_let_go_however_busy_he_looks(shared: Broker) -> None:
    head = b"GET /topics HTTP/1.1\r\nhost: x\r\n"
    slow = {
        "nothing at all": (b"", b"", None),
        "headers": (head, b"x: y\r\n", 408),
        "a body": (POST + b"content-length: 999\r\n\r\n{", b" ", 408),
        "chunks": (POST + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n", 408),
        "a body that nobody reads": (POST + b"content-length: 9999999\r\n\r\n", b"x" * 999, 413),
        "an answered request": (head + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n", 200),
    }

    def be_slow(first: bytes, then: bytes, status: int | None) -> None:
        began = time.monotonic()
        with connected(shared) as connection, contextlib.suppress(OSError):
            connection.sendall(first)
            connection.settimeout(0.5)
            answer = b""
            while time.monotonic() < began + 3 * REQUEST_S:
                with contextlib.suppress(TimeoutError):
                    part = connection.recv(1 << 16)
                    if not part:
                        break
                    answer += part
                connection.sendall(then)
        took_s = time.monotonic() - began
        assert REQUEST_S * 0.9 < took_s < 2.5 * REQUEST_S
        if status == 408:
            problem(answer, 408)
        assert answer.startswith(b"" if status is None else b"HTTP/1.1 %d " % status)

    with ThreadPoolExecutor(len(slow)) as threads:
        for each in [threads.submit(be_slow, *how) for how in slow.values()]:
            each.result()
    assert shared.events("request.failed") == []


def test_hundreds_who_come_while_the_broker_is_busy_wait_their_turn(shared: Broker) -> None:
    shared.process.send_signal(signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        stack.callback(shared.process.send_signal, signal.SIGCONT)
        callers = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(MOST - 12)]
        for caller in callers:
            caller.settimeout(30)
            caller.connect(str(shared.socket))
            caller.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        shared.process.send_signal(signal.SIGCONT)
        assert all(answered(caller).startswith(b"HTTP/1.1 200 ") for caller in callers)


def test_idle_connections_do_not_keep_others_out(shared: Broker) -> None:
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, min(most, 4 * MOST)), most))
    place = urlsplit(shared.address)
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (files, most))
        for number in range(2 * MOST):
            idle = socket.create_connection((place.hostname, place.port), timeout=5)
            stack.callback(idle.close)
            if number % 2:
                idle.sendall(b"GET /topics HTTP/1.1\r\nho")
            if number % 100 == 0:
                assert shared.call("GET", "/healthz").is_success
        assert shared.call("GET", "/topics").is_success
    assert len(shared.events("connections.full")) == 1
    assert shared.events("socket.accept() out of system resource") == []
