"""podring-publisher: how it reads, at what pace it sends, and what it refuses."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from podring import Publisher, Subscriber
from podring.local import LocalBroker
from podring.topic import TopicSpec
from tests.programs.running import (
    PUBLISHER,
    end,
    participants,
    publish,
    received,
    run,
    start,
    wait_for,
)


def test_a_line_is_published_as_soon_as_it_is_typed(topic: str) -> None:
    """The input stays open, and never fills a block."""
    with Subscriber(topic, broker="local") as subscriber, start(*PUBLISHER, topic) as publisher:
        assert publisher.stdin is not None
        wait_for(topic, "publisher")
        for line in (b"one\n", b"two\n"):
            publisher.stdin.write(line)
            publisher.stdin.flush()
            started = time.monotonic()
            assert subscriber.receive(timeout=5) == line
            assert time.monotonic() - started < 1
        publisher.stdin.write(b"half")
        publisher.stdin.flush()
        with pytest.raises(TimeoutError):
            subscriber.receive(timeout=0.2)
        publisher.stdin.close()
        assert subscriber.receive(timeout=5) == b"half"
        assert publisher.wait(5) == 0


@pytest.mark.parametrize(
    ("rate", "count", "seconds"), [("100/s", 100, 0.99), ("10Ki/s", 100, 1.015)]
)
def test_a_rate_is_kept(topic: str, tmp_path: Path, rate: str, count: int, seconds: float) -> None:
    """About 100 messages of 105 bytes a second, counted both ways."""
    data = b"".join(b"%104d\n" % i for i in range(count))
    done = run(*PUBLISHER, topic, "--rate", rate, "--json", input=data)
    figures = json.loads(done.stderr)
    assert figures["messages"] == count
    assert figures["seconds"] == pytest.approx(seconds, abs=0.3)
    assert received(topic) == data


def test_a_million_messages_a_second_are_paced_too(topic: str) -> None:
    done = run(*PUBLISHER, topic, "--rate", "1e6", "--json", input=b"x\n" * 1_000_000)
    assert json.loads(done.stderr)["seconds"] == pytest.approx(1.0, abs=0.4)


def test_a_file_is_read_again_and_again_with_what_is_in_it_by_then(
    topic: str, tmp_path: Path
) -> None:
    sensor = tmp_path / "sensor"
    sensor.write_bytes(b"one\n")
    options = ("--file", str(sensor), "--every", "0.2")
    with (
        Subscriber(topic, broker="local") as subscriber,
        start(*PUBLISHER, topic, *options) as publisher,
    ):
        assert subscriber.receive(timeout=5) == b"one\n"
        started = time.monotonic()
        sensor.write_bytes(b"two\n")
        assert [subscriber.receive(timeout=5) for _ in range(5)] == [b"two\n"] * 5
        assert time.monotonic() - started == pytest.approx(1.0, abs=0.3)
        _, errors, seconds = end(publisher, signal.SIGTERM)
    assert (publisher.returncode, errors) == (143, b"")
    assert seconds < 1


@pytest.mark.parametrize("files", [(), ("--file", "-"), ("--file", "/dev/null", "-")])
def test_standard_input_is_not_read_again(topic: str, files: tuple[str, ...]) -> None:
    done = run(*PUBLISHER, topic, "--every", "1", *files)
    assert done.returncode == 2
    assert done.stderr == (
        b"podring-publisher: --every is for files, which can be read again: add --file PATH\n"
    )


def test_a_publisher_that_waits_to_read_again_shows_its_figures(topic: str, tmp_path: Path) -> None:
    """A line every ten seconds, though it reads only once in a minute."""
    file = tmp_path / "file"
    file.write_bytes(b"x\n")
    with start(*PUBLISHER, topic, "--file", str(file), "--every", "60", "--json") as publisher:
        assert publisher.stderr is not None
        figures = json.loads(publisher.stderr.readline())
        publisher.terminate()
        publisher.communicate()
    assert (figures["messages"], figures["final"]) == (1, False)


def test_statistics_say_what_was_sent(topic: str) -> None:
    done = run(*PUBLISHER, topic, "--stats", input=b"a\nbc\n")
    assert done.stderr.startswith(f"podring-publisher: {topic}: 2 messages, 5B in 0.0".encode())
    done = run(*PUBLISHER, topic, "--json", input=b"a\nbc\n")
    figures = json.loads(done.stderr)
    assert {k: figures[k] for k in ("program", "topic", "messages", "bytes", "final")} == {
        "program": "podring-publisher",
        "topic": topic,
        "messages": 2,
        "bytes": 5,
        "final": True,
    }


def test_the_name_is_shown_to_others(topic: str) -> None:
    with start(*PUBLISHER, topic, "--name", "thermometer") as publisher:
        wait_for(topic, "publisher")
        assert [one.name for one in participants(topic, "publisher")] == ["thermometer"]
        publisher.communicate()


def test_create_makes_the_topic_with_the_sizes_given(name: str) -> None:
    publish(name, b"x", "--create", "--size", "2Mi", "--max-message", "1Ki")
    assert LocalBroker().get(name).spec == TopicSpec("2Mi", "1Ki")
    publish(name, b"x", "--create", "--size", "2Mi", "--max-message", "1Ki")  # the same again
    done = run(*PUBLISHER, name, "--create", "--size", "4Mi", "--max-message", "1Ki")
    assert done.returncode == 6
    assert b"shmsize 2097152" in done.stderr


def test_create_without_sizes_takes_the_defaults(name: str) -> None:
    publish(name, b"x", "--create")
    assert LocalBroker().get(name).spec == TopicSpec()


def test_a_small_topic_needs_no_message_size(name: str) -> None:
    publish(name, b"x", "--create", "--size", "64Ki")
    assert LocalBroker().get(name).spec == TopicSpec("64Ki", "64Ki")


def test_an_exclusive_publisher_keeps_others_out(topic: str) -> None:
    with start(*PUBLISHER, topic, "--exclusive") as first:
        wait_for(topic, "publisher")
        second = run(*PUBLISHER, topic, input=b"x\n")
        assert second.returncode == 10
        assert second.stderr.startswith(b"podring-publisher: ")
        first.communicate(b"mine\n")
    assert received(topic) == b"mine\n"


def test_two_publishers_share_one_order(topic: str) -> None:
    with start(*PUBLISHER, topic) as one, start(*PUBLISHER, topic) as two:
        wait_for(topic, "publisher", 2)
        one.communicate(b"".join(b"1 %d\n" % i for i in range(1000)))
        two.communicate(b"".join(b"2 %d\n" % i for i in range(1000)))
    lines = received(topic).split(b"\n")[:-1]
    for who in (b"1", b"2"):
        numbers = [int(line.split()[1]) for line in lines if line.startswith(who)]
        assert numbers == list(range(1000))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--size", "1Mi"), "--size is for a topic to be made: add --create"),
        (("--create", "--size", "-1"), "shmsize -1 is outside"),
        (("--create", "--size", "64Qi"), "shmsize '64Qi' is not a quantity"),
        (("--create", "--size", "1Ki", "--max-message", "2Ki"), "msgsize 2048 is above shmsize"),
        (("--create", "--overflow", "sometimes"), "overflow 'sometimes' is not known"),
        (("--rate", "fast"), "rate 'fast' is neither messages a second"),
        (("--frame-size", "0"), "'0' is not a size from 1 byte up"),
        (("--frame-size", "1Mi"), "--frame-size 1048576 does not fit"),
        (("--lines", "--length-prefixed"), "not allowed with"),
        (("--broker", "nowhere"), "'nowhere' is no broker's address"),
        (("--fil", "x"), "unrecognized arguments: --fil"),
        (("--file", "x", "--every", "1e300"), "'1e300' is not a number of seconds from 0 to"),
    ],
)
def test_wrong_arguments_are_named_in_one_sentence(
    topic: str, options: tuple[str, ...], said: str
) -> None:
    done = run(*PUBLISHER, topic, *options)
    assert done.returncode == 2
    assert done.stderr.startswith(b"podring-publisher: ")
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_file_that_cannot_be_read_is_named_after_what_came_before_it(
    topic: str, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"first\n")
    done = run(*PUBLISHER, topic, "--file", str(tmp_path / "a"), str(tmp_path / "none"))
    assert done.returncode == 1
    assert (
        done.stderr == f"podring-publisher: {tmp_path}/none: No such file or directory\n".encode()
    )
    assert received(topic) == b"first\n"


def test_an_input_that_cannot_be_read_is_named(topic: str) -> None:
    """Opened well, and no byte comes: memory at address 0, and a descriptor for writing."""
    done = run(*PUBLISHER, topic, "--file", "/proc/self/mem")
    assert done.stderr == b"podring-publisher: /proc/self/mem: Input/output error\n"
    done = run("/bin/sh", "-c", " ".join([*PUBLISHER, topic, "0>/dev/null"]))
    assert done.stderr == b"podring-publisher: standard input: Bad file descriptor\n"
    done = run(*PUBLISHER, topic, "--file", "")
    assert done.stderr == b"podring-publisher: '': No such file or directory\n"


def test_a_files_name_cannot_drive_the_terminal(topic: str) -> None:
    done = run(*PUBLISHER, topic, "--file", "\x1b[2J\nnone")
    assert done.stderr == b"podring-publisher: ?[2J none: No such file or directory\n"


def test_what_was_published_before_it_had_to_wait_is_counted(name: str) -> None:
    """A `block` topic is full in the middle of a batch, and then the publisher is ended."""
    LocalBroker().create(name, TopicSpec("64Ki", "1Ki", overflow="block", unsubscribed="keep"))
    with start(*PUBLISHER, name, "--json") as publisher:
        assert publisher.stdin is not None
        publisher.stdin.write(b"x\n" * 2000)
        publisher.stdin.flush()
        while not any(one.waiting for one in participants(name, "publisher")):
            time.sleep(0.01)
        _, errors, _ = end(publisher, signal.SIGTERM)
    figures = json.loads(errors)
    assert 0 < figures["messages"] == LocalBroker().status(name).latest - 1
    assert figures["bytes"] == 2 * figures["messages"]


def test_a_topic_deleted_meanwhile_ends_the_publisher(topic: str) -> None:
    with start(*PUBLISHER, topic) as publisher:
        wait_for(topic, "publisher")
        LocalBroker().delete(topic)
        _, errors = publisher.communicate(b"too late\n", timeout=10)
        assert publisher.returncode == 7
        assert errors.startswith(b"podring-publisher: ")


def test_a_batch_leaves_a_small_ring_room_for_subscribers(name: str, tmp_path: Path) -> None:
    """The input comes in one piece that is larger than the ring, at a pace that can be followed."""
    LocalBroker().create(name, TopicSpec("64Ki", "1Ki"))
    data = b"".join(b"%63d\n" % i for i in range(16_384))
    (tmp_path / "in").write_bytes(data)
    with Subscriber(name, broker="local") as subscriber:
        with start(
            *PUBLISHER, name, "--file", str(tmp_path / "in"), "--rate", "1Mi/s"
        ) as publisher:
            got = b"".join(subscriber.receive(timeout=10) for _ in range(16_384))
            publisher.communicate(timeout=10)
        assert subscriber.lost == 0
    assert got == data


def test_the_library_reads_what_the_program_sends(topic: str) -> None:
    publish(topic, b"a\nb")
    with Subscriber(topic, broker="local", start="earliest") as subscriber:
        assert subscriber.receive_many(timeout=1) == [b"a\n", b"b"]
    with Publisher(topic, broker="local") as publisher:
        assert publisher.publish(b"\0") == 3
    assert received(topic) == b"a\nb\0"
