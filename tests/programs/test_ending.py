"""How the programs end: signals, closed pipes, and the table of exit codes."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from podring import Publisher, errors
from podring.cli.exits import MEANING, Exit, code_of, table
from podring.local import LocalBroker
from podring.topic import TopicSpec
from tests.programs.running import (
    PODRING,
    PUBLISHER,
    SUBSCRIBER,
    end,
    environment,
    publish,
    received,
    run,
    start,
    wait_for,
)

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_waiting_subscriber_ends_at_once(topic: str, number: int, code: int) -> None:
    with start(*SUBSCRIBER, topic, "--stats") as subscriber:
        wait_for(topic, "subscriber")
        publish(topic, b"a\n")
        time.sleep(0.3)
        output, said, seconds = end(subscriber, number)
    assert (subscriber.returncode, output) == (code, b"a\n")
    assert seconds < 0.9
    assert said.startswith(f"podring-subscriber: {topic}: 1 messages".encode())
    assert said.count(b"\n") == 1


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_busy_subscriber_ends_with_whole_messages(
    topic: str, tmp_path: Path, number: int, code: int
) -> None:
    message = bytes(range(250)) * 4
    copy = tmp_path / "copy"
    with start(*SUBSCRIBER, topic, "--output", str(copy)) as subscriber:
        wait_for(topic, "subscriber")
        with Publisher(topic, broker="local") as publisher:
            due = time.monotonic() + 0.5
            while subscriber.poll() is None:
                publisher.publish_many([message] * 50)
                if time.monotonic() > due:
                    subscriber.send_signal(number)
                    due += 10
        assert subscriber.wait() == code
    written = copy.read_bytes()
    assert len(written) > 1_000_000
    assert len(written) % 1000 == 0
    assert written == message * (len(written) // 1000)


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_subscriber_whose_output_nobody_reads_ends_in_a_second(
    topic: str, number: int, code: int
) -> None:
    publish(topic, bytes(1 << 20), "--frame-size", "1000")
    with start(*SUBSCRIBER, topic, "--start", "earliest") as subscriber:
        wait_for(topic, "subscriber")
        time.sleep(0.5)
        started = time.monotonic()
        subscriber.send_signal(number)
        assert subscriber.wait(10) == code
        assert time.monotonic() - started < 2
        assert subscriber.stdout is not None
        subscriber.stdout.read()


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize("options", [(), ("--rate", "1/s")], ids=["waiting", "pacing"])
def test_a_publisher_ends_at_once(
    topic: str, options: tuple[str, ...], number: int, code: int
) -> None:
    with start(*PUBLISHER, topic, *options) as publisher:
        assert publisher.stdin is not None
        publisher.stdin.write(b"1\n2\n3\n")
        publisher.stdin.flush()
        while not received(topic):
            time.sleep(0.01)
        publisher.send_signal(number)
        started = time.monotonic()
        assert publisher.wait(10) == code
        assert time.monotonic() - started < 0.9
        assert publisher.stderr is not None
        assert publisher.stderr.read() == b""
    assert received(topic) in (b"1\n", b"1\n2\n", b"1\n2\n3\n")


def test_a_signal_that_was_ignored_stays_ignored(topic: str) -> None:
    """A shell's background job is not ended by the foreground's Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        subscriber = start(*SUBSCRIBER, topic, "--count", "1")
    finally:
        signal.signal(signal.SIGINT, before)
    with subscriber:
        wait_for(topic, "subscriber")
        subscriber.send_signal(signal.SIGINT)
        time.sleep(0.3)
        publish(topic, b"still here\n")
        assert subscriber.communicate(timeout=10) == (b"still here\n", b"")
        assert subscriber.returncode == 0


def test_a_closed_pipe_ends_a_subscriber_quietly(topic: str) -> None:
    publish(topic, b"y\n" * 100_000)
    command = " ".join([*SUBSCRIBER, topic, "--start earliest"])
    done = run("/bin/bash", "-c", f"{command} | head -n 1; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == (b"y\n141\n", b"")


def test_a_closed_pipe_ends_the_podring_command_quietly(topic: str) -> None:
    command = " ".join([*PODRING, "info", topic])
    done = run("/bin/bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}")
    assert done.stdout in (b"141\n", b"0\n")  # 0 when it was faster than `true`
    assert done.stderr == b""


def test_a_closed_stderr_does_not_matter(topic: str) -> None:
    command = " ".join([*PUBLISHER, topic, "--stats"])
    done = run("/bin/sh", "-c", f"{command} 2>&-", input=b"x\n")
    assert done.returncode == 0
    assert received(topic) == b"x\n"


def test_a_closed_input_or_output_is_named(topic: str) -> None:
    publish(topic, b"x\n")
    subscriber = " ".join([*SUBSCRIBER, topic, "--start earliest"])
    publisher = " ".join([*PUBLISHER, topic])
    for command, which in ((f"{subscriber} >&-", "output"), (f"{publisher} <&-", "input")):
        done = run("/bin/sh", "-c", command)
        assert done.returncode == 1
        assert done.stderr.endswith(
            f": standard {which} is closed: give it a file, a pipe or /dev/null\n".encode()
        )
    assert received(topic) == b"x\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_named_and_costs_one_sentence(topic: str, unbuffered: str) -> None:
    publish(topic, b"x\n")
    subscriber = [*SUBSCRIBER, topic, "--start earliest --idle-exit 0"]
    for command, program in (
        (subscriber, "podring-subscriber"),
        ([*subscriber, "--quiet"], "podring-subscriber"),
        ([*SUBSCRIBER, "--help"], "podring-subscriber"),
        ([*PUBLISHER, "--version"], "podring-publisher"),
        ([*PODRING, "info", topic], "podring"),
        ([*PODRING, "topics", "--json"], "podring"),
    ):
        env = environment(PYTHONUNBUFFERED=unbuffered)
        done = run("/bin/sh", "-c", " ".join([*command, ">/dev/full"]), env=env)
        said = f"{program}: standard output: No space left on device\n"
        assert (done.returncode, done.stderr) == (1, said.encode())
    done = run(*subscriber[:4], "--start", "earliest", "--output", "/dev/full")
    assert done.stderr == b"podring-subscriber: /dev/full: No space left on device\n"


def test_a_narrow_character_set_costs_characters_and_no_more(topic: str) -> None:
    env = environment(PYTHONIOENCODING="ascii")
    done = run(*PODRING, "bench", "--seconds", "0.001", "--sizes", "64", env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b" ?s" in done.stdout
    assert run(*PODRING, "bench", "--help", env=env).returncode == 0


@pytest.mark.parametrize("program", [PUBLISHER, SUBSCRIBER, PODRING])
def test_ctrl_c_while_it_is_still_imported_says_nothing(
    program: tuple[str, ...], tmp_path: Path
) -> None:
    """A module that it imports takes long, and prints that it is asked for."""
    (tmp_path / "argparse.py").write_text("print('here', flush=True)\nimport time\ntime.sleep(9)\n")
    process = subprocess.Popen(
        [*program, "topics"],
        env=environment(PYTHONPATH=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        _, errors, _ = end(process, signal.SIGINT)
    assert (process.returncode, errors) == (-signal.SIGINT, b"")


def test_an_unknown_topic_is_told_with_those_that_there_are(topic: str) -> None:
    for program in (PUBLISHER, SUBSCRIBER, (*PODRING, "info"), (*PODRING, "delete")):
        done = run(*program, "no-such-topic")
        assert done.returncode == Exit.NOT_FOUND
        assert re.fullmatch(
            rf"podring\S*: no topic 'no-such-topic' in .*'{topic}'.*\n", done.stderr.decode()
        )


@pytest.mark.parametrize("name", ["../x", "", "n" * 300, "emoji🙂", "a b", "-", "a/b", "\udcff"])
def test_a_hostile_name_is_a_usage_error(name: str) -> None:
    for program in (PUBLISHER, SUBSCRIBER, (*PODRING, "info"), (*PODRING, "create")):
        done = run(*program, "--", name)
        assert done.returncode == Exit.USAGE
        assert b"is not a topic name" in done.stderr
        assert done.stderr.count(b"\n") == 1


def test_nobody_at_the_brokers_address_is_told_within_a_second() -> None:
    for program in (PUBLISHER, SUBSCRIBER, (*PODRING, "info")):
        started = time.monotonic()
        done = run(*program, "prices", env=environment(PODRING_BROKER="http://127.0.0.1:1"))
        assert time.monotonic() - started < 2.5
        assert done.returncode == Exit.UNREACHABLE
        assert re.search(
            rb": no answer from http://127\.0\.0\.1:1 for [01]\.\d s \(3 attempts\)", done.stderr
        )
        assert done.stderr.count(b"\n") == 1


def test_a_wrong_address_in_the_environment_is_a_usage_error() -> None:
    done = run(*PODRING, "topics", env=environment(PODRING_BROKER="node7"))
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith(b"podring: PODRING_BROKER 'node7' is no broker's address")


def test_too_little_memory_is_told_with_the_numbers(name: str) -> None:
    done = run(*PODRING, "create", name, "--size", "250Gi")
    assert done.returncode == Exit.NO_ROOM
    assert re.search(rb"needs \d+ bytes of shared memory and \d+ are free", done.stderr)


def test_every_code_has_a_meaning_and_help_tells_it() -> None:
    assert set(MEANING) == set(Exit)
    for program in (PUBLISHER, SUBSCRIBER, PODRING):
        done = run(*program, "--help")
        assert done.returncode == 0
        assert done.stdout.endswith(f"exit codes:\n{table()}\n".encode())


def test_each_error_of_the_library_has_the_code_that_the_table_says() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type)]
    codes = {
        kind.__name__: code_of(kind.__new__(kind)) for kind in kinds if issubclass(kind, Exception)
    }
    assert codes == {
        "PodringError": Exit.FAILED,
        "InvalidTopic": Exit.USAGE,
        "TopicNotFound": Exit.NOT_FOUND,
        "TopicExists": Exit.EXISTS,
        "TopicClosed": Exit.CLOSED,
        "NoRoom": Exit.NO_ROOM,
        "TooManyParticipants": Exit.BUSY,
        "PublisherBusy": Exit.BUSY,
        "NameTaken": Exit.BUSY,
        "NotAllowed": Exit.NOT_ALLOWED,
        "OtherOrigin": Exit.FAILED,
        "Full": Exit.FAILED,
        "Evicted": Exit.FAILED,
        "MessageTooLong": Exit.BAD_INPUT,
        "OffsetOutOfRange": Exit.USAGE,
        "HandleClosed": Exit.FAILED,
        "LayoutMismatch": Exit.FAILED,
        "CorruptRing": Exit.FAILED,
        "BrokerUnreachable": Exit.UNREACHABLE,
        "BrokerRefused": Exit.FAILED,
    }


def test_a_publisher_held_up_by_another_still_ends_on_a_signal(name: str) -> None:
    """It waits for the writer lock, which a loan of ours holds."""
    LocalBroker().create(name, TopicSpec("1Mi", "1Ki"))
    with Publisher(name, broker="local") as holder, holder.loan(8):
        with start(*PUBLISHER, name) as publisher:
            assert publisher.stdin is not None
            publisher.stdin.write(b"x\n")
            publisher.stdin.flush()
            wait_for(name, "publisher", 2)
            time.sleep(0.3)
            _, _, seconds = end(publisher, signal.SIGTERM)
        assert publisher.returncode == 143
        assert seconds < 2
