"""podring bench: figures of this machine, checked messages, and no topic left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from array import array
from typing import Any

import pytest

from podring import Publisher
from podring.cli import bench, bench_halves
from podring.cli.bench_pair import Pair
from podring.cli.exits import Exit, Failure
from podring.local import LocalBroker
from podring.topic import TopicSpec
from tests.programs.running import PODRING, end, environment, run, start

SHORT = ("bench", "--seconds", "0.02", "--sizes", "64,5000")


def topics_of(process: int) -> list[str]:
    prefix = f"bench.{process}."
    return [each.name for each in LocalBroker().topics() if each.name.startswith(prefix)]


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("pinning", [(), ("--unpinned",)])
def test_json_has_every_figure(pinning: tuple[str, ...]) -> None:
    done = run(*PODRING, *SHORT, "--json", *pinning)
    assert (done.returncode, done.stderr) == (0, b"")
    found = json.loads(done.stdout)
    assert found["pinned"] is not bool(pinning)
    assert found["machine"].keys() >= {"processor", "kernel", "python", "podring"}
    rows = [(row["size"], row["calls"]) for row in found["throughput"]]
    assert rows == [(size, calls) for size in (64, 5000) for calls in ("single", "batched")]
    assert all(row["messages"] > 0 and row["messages_per_s"] > 0 for row in found["throughput"])
    assert {row["wait"] for row in found["round_trip"]} >= {"default", "sleep"}
    for row in found["round_trip"]:
        assert 0 < row["p50_ns"] <= row["p99_ns"] <= row["p99_9_ns"]


def test_people_see_the_machine_and_two_tables() -> None:
    done = run(*PODRING, *SHORT)
    machine, streams, trips = done.stdout.decode().split("\n\n")
    assert re.search(
        r", \d usable processors?, pinned; Linux \S+; Python 3\.\S+; podring ", machine
    )
    assert streams.startswith("ONE TO ONE  CALLS")
    assert re.search(r"^ +64  batched +[\d.]+ [Mk]/s +\d+ MB/s$", streams, re.MULTILINE)
    assert re.search(r"^ +64  sleep +([\d.]+ µs *){3}$", trips, re.MULTILINE)


def test_it_needs_no_broker_though_the_environment_names_one() -> None:
    away = environment(PODRING_BROKER="http://127.0.0.1:1")
    assert run(*PODRING, "bench", "--seconds", "0.001", "--sizes", "8", env=away).returncode == 0


def test_a_broker_that_was_asked_for_is_asked() -> None:
    done = run(*PODRING, "bench", "--broker", "http://127.0.0.1:1")
    assert done.returncode == Exit.UNREACHABLE


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_leaves_neither_topics_nor_processes(number: int, code: int) -> None:
    with start(*PODRING, "bench", "--seconds", "30") as process:
        wait_until(lambda: topics_of(process.pid))
        children = [int(pid) for pid in children_of(process.pid)]
        output, said, seconds = end(process, number)
    assert (process.returncode, output, said) == (code, b"", b"")
    assert seconds < 5
    assert topics_of(process.pid) == []
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children))


def children_of(process: int) -> list[str]:
    with open(f"/proc/{process}/task/{process}/children", encoding="ascii") as file:
        return file.read().split()


def test_ctrl_c_at_a_terminal_which_all_of_its_processes_get_says_nothing() -> None:
    with start(*PODRING, "bench", "--seconds", "30", start_new_session=True) as process:
        wait_until(lambda: topics_of(process.pid))
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=20) == (b"", b"")
    assert process.returncode == 130
    assert topics_of(process.pid) == []


def test_its_two_processes_hear_no_ctrl_c_from_their_first_instruction_on() -> None:
    """Python begins to start them with signals blocked, and the tracker of its own let them in."""
    with start(*PODRING, "bench", "--seconds", "30", start_new_session=True) as process:
        wait_until(lambda: topics_of(process.pid))
        for pid in children_of(process.pid):
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                if "spawn_main" not in file.read():
                    continue  # the tracker, which ignores it
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                blocked = next(line for line in file if line.startswith("SigBlk:"))
            assert int(blocked.split()[1], 16) >> (signal.SIGINT - 1) & 1
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.parametrize("given", ["0", "-1", "nan", "1e308", "3601"])
def test_no_time_and_no_end_are_refused(given: str) -> None:
    done = run(*PODRING, "bench", "--seconds", given)
    assert done.returncode == Exit.USAGE
    assert b"is not a number of seconds up to 3600" in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [
        ("4", "a message of 4 bytes has no room for its number: from 8 up"),
        ("64,", "'' is not a quantity"),
        ("much", "'much' is not a quantity"),
        ("16Gi", "msgsize 17179869184 is outside"),
    ],
)
def test_sizes_that_cannot_be_are_named(sizes: str, complaint: str) -> None:
    done = run(*PODRING, "bench", "--sizes", sizes)
    assert done.returncode == Exit.USAGE
    assert complaint in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("size", "batched"), [(64, False), (64, True), (5000, False), (5000, True)]
)
@pytest.mark.parametrize("harm", ["other bytes", "two swapped", "one twice", "a bit at the end"])
def test_a_message_that_is_not_the_next_one_fails_the_run(
    name: str, size: int, batched: bool, harm: str
) -> None:
    LocalBroker().create(name, TopicSpec("4Mi", size))
    messages = bench_halves.payloads(size) * 2
    if harm == "other bytes":
        messages[30] = bytes(size)
    elif harm == "two swapped":
        messages[30:32] = messages[31], messages[30]
    elif harm == "one twice":
        messages.insert(30, messages[30])
    else:
        messages[30] = messages[30][:-1] + b"\xff"
    with Publisher(name, broker="local") as publisher:
        publisher.publish_many(messages)
        publisher.publish(b"")
    wrong = 32 if harm == "one twice" else 31
    with pytest.raises(Failure, match=f"message {wrong} is not what was published"):
        bench_halves.receive(lambda: None, name, "local", size, batched)


@pytest.mark.parametrize("batched", [False, True])
def test_the_end_is_known_from_a_message_and_everything_before_it_is_counted(
    name: str, batched: bool
) -> None:
    LocalBroker().create(name, TopicSpec("4Mi", 64))
    messages = bench_halves.payloads(64)
    with Publisher(name, broker="local") as publisher:
        publisher.publish_many([*messages, *messages[:7], b""])
    counts = bench_halves.receive(lambda: None, name, "local", 64, batched)
    assert counts.messages == len(messages) + 7


def test_an_error_in_either_process_is_told_in_its_words() -> None:
    sending, receiving = ("none", "local", 64, 0.1, False), ("none", "local", 64, False)
    with Pair(pinned=True) as pair, pytest.raises(Failure, match="no topic 'none'") as failed:
        pair.run(bench_halves.publish, sending, bench_halves.receive, receiving, 20)
    assert failed.value.code == Exit.NOT_FOUND


def test_a_process_that_is_killed_is_noticed() -> None:
    with Pair(pinned=False) as pair, pytest.raises(Failure, match="ended with code -9 before"):
        pair.run(kill_myself, (), kill_myself, (), 20)


def kill_myself(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_takes_too_long_is_named() -> None:
    with Pair(pinned=False) as pair, pytest.raises(Failure, match="the publisher did not come"):
        pair.run(time_passes, (5,), time_passes, (0,), 1.5)


def time_passes(gate: bench_halves.Gate, seconds: float) -> None:
    gate()
    time.sleep(seconds)


def test_percentiles_are_measured_values() -> None:
    values = sorted(array("Q", range(1, 1001)))
    assert [bench.percentile(values, share) for share in (0.5, 0.99, 0.999)] == [500, 990, 999]
    assert bench.percentile([7], 0.999) == 7
