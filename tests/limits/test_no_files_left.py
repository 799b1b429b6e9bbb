"""No file descriptors left, in whoever publishes, subscribes and keeps topics."""

from __future__ import annotations

import resource
import socket
from pathlib import Path

from podring import Publisher, Subscriber, TopicSpec
from podring.client import broker_at
from tests.broker.harness import Broker, eventually
from tests.limits.confined import run

OPEN_UNTIL_THE_END = """
    import gc, os, resource, sys
    import podring.httpbroker
    from podring.client import broker_at
    from podring import Publisher, Subscriber, TopicSpec, create_topic, delete_topic

    create_topic(sys.argv[1], TopicSpec("64Ki", "1Ki"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    kind = {"publisher": Publisher, "subscriber": Subscriber}[sys.argv[2]]
    opened = []
    try:
        while True:
            opened.append(kind(sys.argv[1]))
    except OSError as error:
        print(len(opened) > 10, error.errno, error)
    for action in (lambda: create_topic("limits.other", TopicSpec("64Ki", "1Ki")),
                   lambda: broker_at("http://127.0.0.1:9").topics()):
        rest = []
        try:
            while True:
                rest.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        try:
            action()
        except OSError as error:
            print(type(error).__name__, error)
        for fd in rest:
            os.close(fd)
    first = opened[0]
    if kind is Publisher:
        print("goes on:", first.publish(b"x"), opened[-1].publish(b"y"))
    else:
        print("goes on:", [one.receive_nowait() for one in (first, opened[-1])])
    for one in opened:
        one.close()
    del first, one
    opened.clear()
    gc.collect()
    kind(sys.argv[1]).close()
    delete_topic(sys.argv[1])
    there = " ".join(os.listdir("/dev/shm"))
    print("left:", sys.argv[1] in there or ".limits.other." in there)
"""


def check(lines: list[str], goes_on: str) -> None:
    assert lines[0].startswith("True 24 [Errno 24] no file descriptor left to ")
    assert "this process may have 64 open, and each open topic takes 3; close some" in lines[0]
    assert lines[1].startswith("OSError [Errno 24] no file descriptor left to open segment")
    assert lines[2].startswith("OSError [Errno 24] no file descriptor left to ask http://")
    assert lines[3:] == [f"goes on: {goes_on}", "left: False"]


def test_a_publisher_is_told_what_it_could_not_open_and_those_it_has_go_on() -> None:
    check(run(OPEN_UNTIL_THE_END, "limits.files.p", "publisher"), "1 2")


def test_a_subscriber_is_told_what_it_could_not_open_and_those_it_has_go_on() -> None:
    check(run(OPEN_UNTIL_THE_END, "limits.files.s", "subscriber"), "[None, None]")


def test_a_broker_without_files_comes_back_when_callers_go_and_topics_never_notice(
    tmp_path: Path,
) -> None:
    """Callers that hold 200 connections open leave it none; nothing but new calls can wait."""
    broker = Broker(tmp_path, "few-files", "memory:").start()
    resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE, (80, 80))
    host, port = broker.address.removeprefix("http://").split(":")
    held: list[socket.socket] = []
    try:
        broker_at(broker.address).create("there", TopicSpec("1Mi", "1Ki"))
        with (
            Publisher("there", broker=broker.address) as publisher,
            Subscriber("there", broker=broker.address) as subscriber,
        ):
            held += [socket.create_connection((host, int(port)), 5) for _ in range(200)]
            for number in range(1000):
                assert publisher.publish(b"%d" % number) == number + 1
            assert len(subscriber.receive_many(2000)) == 1000
            for connection in held:
                connection.close()
            eventually(broker.ready, 30)
            assert broker.process.poll() is None
            assert [record.name for record in broker_at(broker.address).topics()] == ["there"]
    finally:
        for connection in held:
            connection.close()
        broker.close()
