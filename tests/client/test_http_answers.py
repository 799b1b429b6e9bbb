"""What becomes of a broker's answers, good, bad and foreign: from a server that is told them."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from podring import httpbroker
from podring.client import broker_at
from podring.errors import (
    BrokerRefused,
    BrokerUnreachable,
    CorruptRing,
    InvalidTopic,
    NoRoom,
    PodringError,
    TopicExists,
    TopicNotFound,
)
from podring.topic import TopicSpec

RECORD = {
    "topicname": "prices",
    "shmsize": 65536,
    "msgsize": 64,
    "overflow": "overwrite",
    "capacity": 65536,
    "generation": 1,
    "segment": "podring.x.1.prices",
}
PARTICIPANT = {
    "role": "subscriber",
    "name": "n",
    "process": 1,
    "user": 0,
    "joined": 1,
    "active": 2,
    "sequence": 3,
    "messages": 2,
    "bytes": 20,
    "lost": 0,
    "lag": 7,
    "alive": True,
    "later": "unknown to us",
}


class Server:
    """Accepts one connection after the other; `answers` says what to do with each."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.answers: list[bytes] = []
        self.requests: list[bytes] = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                self.requests.append(peer.recv(65536))
                if self.answers:
                    peer.sendall(self.answers.pop(0))

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def answer(status: int, body: object, kind: str = "application/json") -> bytes:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(payload)}\r\n\r\n"
    return head.encode() + payload


def problem(status: int, **fields: object) -> bytes:
    return answer(status, {"title": "T", **fields}, "application/problem+json; charset=utf-8")


def test_a_record_comes_back_as_it_was_sent(server: Server) -> None:
    server.answers = [answer(201, RECORD)]
    spec = TopicSpec("64Ki", 64)
    record = broker_at(server.address).create("prices", spec)
    assert (record.name, record.spec, record.segment) == ("prices", spec, "podring.x.1.prices")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /createTopic HTTP/1.1\r\n")
    assert json.loads(body or b"{}") in (
        {},  # sent after the head, in a packet of its own
        {"topicname": "prices", "shmsize": 65536, "msgsize": 64, "overflow": "overwrite"},
    )


def test_a_broker_of_a_release_without_origins_is_understood(server: Server) -> None:
    server.answers = [answer(200, RECORD)]
    assert broker_at(server.address).get("prices").origin == ""


@pytest.mark.parametrize("wrap", [lambda topics: topics, lambda topics: {"topics": topics}])
def test_topics_are_listed_by_name(server: Server, wrap: Callable[[Any], Any]) -> None:
    server.answers = [answer(200, wrap([RECORD, RECORD | {"topicname": "clock"}]))]
    assert [r.name for r in broker_at(server.address).topics()] == ["clock", "prices"]


def test_figures_come_back_and_what_is_unknown_is_ignored(server: Server) -> None:
    live: dict[str, object] = {"earliest": 3, "latest": 10, "participants": [PARTICIPANT]}
    server.answers = [answer(200, RECORD | live)]
    status = broker_at(server.address).status("prices")
    assert (status.earliest, status.latest) == (3, 10)
    assert (status.participants[0].lag, status.participants[0].alive) == (7, True)


def test_of_all_topics_the_one_without_figures_is_listed_without(server: Server) -> None:
    live: dict[str, object] = {"earliest": 3, "latest": 10, "participants": [PARTICIPANT]}
    broken = RECORD | {"topicname": "broken", "problem": "no sense"}
    server.answers = [answer(200, {"topics": [RECORD | live, broken]})]
    listed = broker_at(server.address).live()
    assert [(record.name, status and status.latest) for record, status in listed] == [
        ("broken", None),
        ("prices", 10),
    ]
    assert len(server.requests) == 1


def test_a_topic_without_figures_is_told_with_the_reason(server: Server) -> None:
    live: dict[str, object] = {
        "earliest": None,
        "latest": None,
        "participants": [],
        "problem": "no sense",
    }
    server.answers = [answer(200, RECORD | live)]
    with pytest.raises(CorruptRing, match="no sense"):
        broker_at(server.address).status("prices")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(409, TopicExists), (422, InvalidTopic), (507, NoRoom), (500, BrokerRefused)],
)
def test_a_problem_is_our_error_in_the_brokers_words(
    server: Server, status: int, kind: type[PodringError]
) -> None:
    server.answers = [problem(status, detail="because of 17", field="msgsize")]
    with pytest.raises(kind, match="because of 17") as refused:
        broker_at(server.address).create("prices", TopicSpec())
    assert getattr(refused.value, "field", "msgsize") == "msgsize"
    assert getattr(refused.value, "status", status) == status


def test_a_missing_topic_is_told_with_those_that_there_are(server: Server) -> None:
    listed = answer(200, {"topics": [RECORD | {"topicname": n} for n in ("orders", "clock")]})
    server.answers = [problem(404, detail="no"), listed]
    with pytest.raises(TopicNotFound) as missing:
        broker_at(server.address).get("prices")
    assert str(missing.value) == (
        f"no topic 'prices' on {server.address}; it knows 'clock' and 'orders'"
    )


def test_a_missing_topic_keeps_the_brokers_words_when_it_lists_none(server: Server) -> None:
    server.answers = [problem(404, detail="no topic 'prices' here"), answer(500, {})]
    with pytest.raises(TopicNotFound, match=r"^no topic 'prices' here$"):
        broker_at(server.address).delete("prices")


@pytest.mark.parametrize(
    "said",
    [
        answer(404, b"<html>not found</html>", "text/html"),
        answer(200, b"<html>welcome</html>", "text/html"),
        answer(200, b"[" * 100_000),
        answer(404, {"error": "x"}),
        answer(422, ["x"], "application/problem+json"),
        answer(200, {"hello": "world"}),
        answer(200, [1]),
        answer(200, RECORD | {"msgsize": -1}),
        answer(200, RECORD | {"capacity": "much"}),
        b"220 mail.example ESMTP\r\n",
    ],
)
def test_an_answer_that_no_podring_gives_is_not_taken_for_one(server: Server, said: bytes) -> None:
    server.answers = [said]
    with pytest.raises(BrokerRefused, match="not as a podring broker does"):
        broker_at(server.address).get("prices")


@pytest.mark.parametrize("name", ["../x", "", "n" * 300, "a\0b", "🙂", "a b", "a/b", "-x"])
def test_a_hostile_name_is_refused_before_anything_is_sent(server: Server, name: str) -> None:
    broker = broker_at(server.address)
    for call in (broker.get, broker.delete, broker.status, lambda n: broker.create(n, TopicSpec())):
        with pytest.raises(InvalidTopic):
            call(name)
    assert server.requests == []


def test_a_dropped_connection_is_tried_again(server: Server) -> None:
    server.answers = [b"", answer(200, RECORD)]
    assert broker_at(server.address).get("prices").name == "prices"
    assert len(server.requests) == 2


def test_a_deletion_that_may_have_happened_is_not_repeated(server: Server) -> None:
    server.answers = [b"", answer(204, b"")]
    with pytest.raises(BrokerUnreachable, match=r"\(1 attempt\)"):
        broker_at(server.address).delete("prices")
    assert len(server.requests) == 1


def test_a_broker_that_stays_silent_is_given_up_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpbroker, "READ_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        broker = broker_at(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(BrokerUnreachable, match=r"gave no answer for 0\.2 s"):
            broker.topics()


def test_a_broker_that_answers_in_drops_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comes in good time, and their end never."""
    monkeypatch.setattr(httpbroker, "READ_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            peer, _ = listener.accept()
            with peer, contextlib.suppress(OSError):
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n")
                for _ in range(200):
                    peer.sendall(b" ")
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        broker = broker_at(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(BrokerUnreachable, match=r"gave no answer for 0\.3 s"):
            broker.topics()
        thread.join(5)
        assert not thread.is_alive()
