"""podring-subscriber: where it starts, when it ends, and what it tells."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from podring import Publisher
from podring.local import LocalBroker
from podring.topic import TopicSpec
from tests.programs.running import PODRING, SUBSCRIBER, publish, received, run, start, wait_for


def test_messages_are_written_as_they_come(topic: str) -> None:
    """Nothing is kept back while the subscriber has caught up, so a pipeline is live."""
    with start(*SUBSCRIBER, topic, "--count", "2") as subscriber:
        wait_for(topic, "subscriber")
        assert subscriber.stdout is not None
        with Publisher(topic, broker="local") as publisher:
            for line in (b"one\n", b"two\n"):
                started = time.monotonic()
                publisher.publish(line)
                assert subscriber.stdout.readline() == line
                assert time.monotonic() - started < 1
        assert subscriber.wait(5) == 0


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("earliest", b"1\n2\n3\n4\n"),
        ("last:2", b"3\n4\n"),
        ("last:100", b"1\n2\n3\n4\n"),
        ("sequence:4", b"4\n"),
        ("2", b"2\n3\n4\n"),
        ("since:1h", b"1\n2\n3\n4\n"),
        ("since:2500-01-01T00:00:00Z", b""),
        ("latest", b""),
    ],
)
def test_it_starts_where_it_is_told(topic: str, where: str, expected: bytes) -> None:
    publish(topic, b"1\n2\n3\n4\n")
    done = run(*SUBSCRIBER, topic, "--start", where, "--idle-exit", "0")
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, b"")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--start", "sequence:99"), 2, "sequence 99 is ahead"),
        (("--start", "yesterday"), 2, "start 'yesterday' is not a position"),
        (("--start", "0"), 2, "start 0 is not a position"),
        (("--count", "0"), 2, "'0' is not a whole number from 1 up"),
        (("--idle-exit", "nan"), 2, "'nan' is not a number of seconds"),
        (("--lines", "--quiet"), 2, "not allowed with"),
        (("--max-message", "1Ki"), 2, "add --create"),
        (("--output", "/nonexistent/x"), 1, "/nonexistent/x: No such file or directory"),
    ],
)
def test_what_cannot_be_is_named_in_one_sentence(
    topic: str, options: tuple[str, ...], code: int, said: str
) -> None:
    done = run(*SUBSCRIBER, topic, *options)
    assert done.returncode == code
    assert done.stderr.startswith(b"podring-subscriber: ")
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_count_ends_it_after_exactly_so_many(topic: str) -> None:
    publish(topic, b"".join(b"%d\n" % i for i in range(1000)))
    done = run(*SUBSCRIBER, topic, "--start", "earliest", "--count", "300")
    assert (done.returncode, done.stdout) == (0, b"".join(b"%d\n" % i for i in range(300)))


def test_idle_exit_counts_from_the_last_message(topic: str) -> None:
    with start(*SUBSCRIBER, topic, "--idle-exit", "0.6") as subscriber:
        wait_for(topic, "subscriber")
        with Publisher(topic, broker="local") as publisher:
            for _ in range(4):
                time.sleep(0.3)
                publisher.publish(b".")
        started = time.monotonic()
        assert subscriber.communicate(timeout=10)[0] == b"...."
        assert 0.4 < time.monotonic() - started < 2
        assert subscriber.returncode == 0


def test_idle_exit_before_the_count_is_told_by_the_exit_code(topic: str) -> None:
    publish(topic, b"1\n2\n")
    options = ("--start", "earliest", "--count", "3", "--idle-exit", "0.1")
    done = run(*SUBSCRIBER, topic, *options)
    assert (done.returncode, done.stdout) == (11, b"1\n2\n")


def test_quiet_writes_only_how_many_came(topic: str) -> None:
    publish(topic, b"a\n" * 12_345)
    assert received(topic, "--quiet") == b"12345\n"


def test_statistics_say_what_came_and_what_was_lost(topic: str) -> None:
    publish(topic, b"a\nbc\n")
    options = ("--start", "earliest", "--idle-exit", "0", "--quiet")
    done = run(*SUBSCRIBER, topic, *options, "--stats")
    head = f"podring-subscriber: {topic}: 2 messages, 5B in 0."
    assert done.stderr.startswith(head.encode())
    assert done.stderr.endswith(b"lost 0, lag 0\n")
    figures = json.loads(run(*SUBSCRIBER, topic, *options, "--json").stderr)
    assert figures["final"] is True
    assert (figures["messages"], figures["bytes"]) == (2, 5)
    assert (figures["lost"], figures["lag"]) == (0, 0)


def test_lost_messages_are_told_with_their_sequences(name: str) -> None:
    """The ring is lapped before the subscriber starts where it was asked to."""
    LocalBroker().create(name, TopicSpec("64Ki", "1Ki"))
    publish(name, b"%1000d" % 0 * 500, "--frame-size", "1000")
    earliest = LocalBroker().status(name).earliest
    assert earliest > 1
    done = run(*SUBSCRIBER, name, "--start", "1", "--idle-exit", "0", "--quiet")
    assert done.returncode == 0
    assert done.stdout == b"%d\n" % (500 - (earliest - 1))
    said = f"lost {earliest - 1} messages, sequence 1 to {earliest - 1}: read faster"
    assert said in done.stderr.decode()


def test_fail_on_loss_writes_nothing_of_what_comes_after_it(name: str) -> None:
    LocalBroker().create(name, TopicSpec("64Ki", "1Ki"))
    publish(name, b"%1000d" % 0 * 500, "--frame-size", "1000")
    options = ("--start", "1", "--idle-exit", "0", "--fail-on-loss")
    done = run(*SUBSCRIBER, name, *options)
    assert (done.returncode, done.stdout) == (9, b"")
    assert b"lost " in done.stderr


def test_a_subscriber_that_falls_behind_gathers_its_losses(name: str) -> None:
    """Its output blocks, the ring is lapped many times, and the sums add up."""
    LocalBroker().create(name, TopicSpec("64Ki", "1Ki"))
    sent = 3000
    with start(*SUBSCRIBER, name, "--idle-exit", "1", "--json") as subscriber:
        wait_for(name, "subscriber")
        with Publisher(name, broker="local") as publisher:
            for _ in range(sent):
                publisher.publish(bytes(1000))
                time.sleep(0.0002)
        output, errors = subscriber.communicate(timeout=30)
    lines = errors.decode().splitlines()
    figures = json.loads(lines[-1])
    told = [line for line in lines if " lost " in line]
    assert figures["messages"] + figures["lost"] == sent
    assert len(output) == figures["messages"] * 1000
    assert sum(int(line.split(" lost ")[1].split()[0]) for line in told) == figures["lost"] > 0
    assert len(told) <= 6


def test_a_loss_is_told_though_nothing_comes_after_it(name: str) -> None:
    """Two losses within a second, and then silence: the second one is told, too."""
    LocalBroker().create(name, TopicSpec("64Ki", "1Ki"))
    with (
        Publisher(name, broker="local") as publisher,
        start(*SUBSCRIBER, name, "--quiet") as subscriber,
    ):
        wait_for(name, "subscriber")
        for _ in range(2):
            subscriber.send_signal(signal.SIGSTOP)
            publisher.publish_many([bytes(1000)] * 200)
            subscriber.send_signal(signal.SIGCONT)
            time.sleep(0.2)
        assert subscriber.stderr is not None
        told = [subscriber.stderr.readline() for _ in range(2)]
        assert all(b" lost " in line for line in told)
        subscriber.terminate()
        assert subscriber.communicate(timeout=10)[1] == b""


def test_a_subscriber_that_was_given_up_tells_its_loss_and_goes_on(name: str) -> None:
    LocalBroker().create(name, TopicSpec("64Ki", "1Ki", overflow="block", lease=0.3))
    options = ("--idle-exit", "1", "--json")
    with (
        Publisher(name, broker="local") as publisher,
        start(*SUBSCRIBER, name, *options) as subscriber,
    ):
        wait_for(name, "subscriber")
        publisher.publish(b"first\n")
        assert subscriber.stdout is not None
        assert subscriber.stdout.readline() == b"first\n"
        subscriber.send_signal(signal.SIGSTOP)
        publisher.publish_many([b"%d\n" % i for i in range(2000)])
        time.sleep(1.1)  # it shall not take the time that it was stopped for idleness
        subscriber.send_signal(signal.SIGCONT)
        output, errors = subscriber.communicate(timeout=10)
    assert errors.count(b"\n") == 3, errors
    waited, lost, figures = errors.decode().splitlines()
    assert subscriber.returncode == 0
    assert waited.endswith(f"{name}: publishers waited for this subscriber for the topic's lease")
    count = json.loads(figures)["lost"]
    assert f"lost {count} messages, sequence 2 to {count + 1}: " in lost
    assert output == b"".join(b"%d\n" % i for i in range(count, 2000))


def test_fail_on_loss_is_also_told_when_publishers_gave_it_up(name: str) -> None:
    LocalBroker().create(name, TopicSpec("64Ki", "1Ki", overflow="block", lease=0.2))
    with (
        Publisher(name, broker="local") as publisher,
        start(*SUBSCRIBER, name, "--fail-on-loss") as subscriber,
    ):
        wait_for(name, "subscriber")
        subscriber.send_signal(signal.SIGSTOP)
        publisher.publish_many([b"x\n"] * 2000)
        subscriber.send_signal(signal.SIGCONT)
        output, _ = subscriber.communicate(timeout=10)
    assert (subscriber.returncode, output) == (9, b"")


def test_create_lets_the_subscriber_come_first(name: str) -> None:
    options = ("--create", "--size", "1Mi", "--max-message", "1Ki", "--count", "1")
    with start(*SUBSCRIBER, name, *options) as subscriber:
        deadline = time.monotonic() + 10
        while name not in [record.name for record in LocalBroker().topics()]:
            assert time.monotonic() < deadline
        wait_for(name, "subscriber")
        publish(name, b"x\n", "--create", "--size", "1Mi", "--max-message", "1Ki")
        assert subscriber.communicate(timeout=10)[0] == b"x\n"


def test_a_topic_deleted_meanwhile_ends_the_subscriber_after_what_it_holds(topic: str) -> None:
    with start(*SUBSCRIBER, topic, "--start", "earliest") as subscriber:
        wait_for(topic, "subscriber")
        publish(topic, b"last words\n")
        assert run(*PODRING, "delete", topic).returncode == 0
        output, errors = subscriber.communicate(timeout=10)
    assert (subscriber.returncode, output) == (7, b"last words\n")
    assert errors.startswith(b"podring-subscriber: ")
    assert errors.count(b"\n") == 1


def test_an_idle_subscriber_uses_no_processor(topic: str) -> None:
    with start(*SUBSCRIBER, topic) as subscriber:
        wait_for(topic, "subscriber")
        time.sleep(0.5)

        def ticks() -> int:
            with open(f"/proc/{subscriber.pid}/stat", encoding="ascii") as file:
                fields = file.read().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])

        before = ticks()
        time.sleep(3)
        assert ticks() - before <= 1  # of os.sysconf("SC_CLK_TCK") a second
        assert os.sysconf("SC_CLK_TCK") >= 100
        subscriber.terminate()
        subscriber.communicate()
