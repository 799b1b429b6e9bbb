"""Messages from one container into another, through the memory that they share.

Every program in a container is process 1 there, so nothing that podring does may rest on a
process number; and the containers' seccomp filter lets fewer system calls pass than the host.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.docker.containers import Container, eventually, launch, python, run, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

LOCAL = "--env=PODRING_BROKER=local"

ASYNC = """
import asyncio
from podring import Publisher, Subscriber
async def main():
    async with asyncio.timeout(20):
        with Publisher("clock") as publisher, Subscriber("clock") as subscriber:
            asyncio.get_running_loop().call_later(0.3, publisher.publish, b"tick")
            async for message in subscriber:
                print(message.decode())
                return
asyncio.run(main())
"""


@pytest.fixture
def memory() -> Iterator[Container]:
    """A container whose shared memory the others join, with topics `t` and `clock` in it."""
    options = (LOCAL, "--ipc=shareable", "--shm-size=128m", "--entrypoint=sleep")
    with running("subscriber", "infinity", options=options) as container:
        for topic in ("t", "clock"):
            container.exec("podring", "create", topic, "--size=32Mi", "--max-message=1Ki")
        yield container


def joined(memory: Container) -> tuple[str, str]:
    return LOCAL, f"--ipc=container:{memory.name}"


def test_what_one_container_publishes_another_receives_byte_for_byte(memory: Container) -> None:
    text = "".join(f"line {number}\n" for number in range(100_000))
    sent = run("publisher", "t", options=joined(memory), data=text)
    assert (sent.code, sent.errors) == (0, "")
    arguments = ("t", "--start=earliest", "--count=100000")
    received = run("subscriber", *arguments, options=joined(memory))
    assert (received.code, received.errors) == (0, "")
    assert received.output == text


def test_a_subscriber_that_sleeps_is_woken_from_another_container(memory: Container) -> None:
    subscriber = launch("subscriber", "t", "--count=1", options=joined(memory))
    eventually(lambda: "subscriber" in memory.exec("podring", "info", "t"))
    assert run("publisher", "t", options=joined(memory), data="wake up\n").code == 0
    output, errors = subscriber.communicate(timeout=30)
    assert (subscriber.returncode, output, errors) == (0, "wake up\n", "")


def test_asyncio_waits_where_the_container_forbids_futex_waitv(memory: Container) -> None:
    assert python("subscriber", ASYNC, options=joined(memory)) == "tick\n"


def test_two_publishers_that_are_both_process_1_keep_one_order(memory: Container) -> None:
    each = 40_000
    publishers = [launch("publisher", "t", options=joined(memory)) for _ in "ab"]
    eventually(lambda: len(alive(memory)) == len(publishers))
    assert [one["process"] for one in alive(memory)] == [1, 1]
    for first in range(0, each, 1000):
        # A thousand lines by turns, so that both are at work all the time.
        for name, publisher in zip("ab", publishers, strict=True):
            assert publisher.stdin is not None
            numbers = range(first, first + 1000)
            publisher.stdin.write("".join(f"{name} {number}\n" for number in numbers))
            publisher.stdin.flush()
    for publisher in publishers:
        _, errors = publisher.communicate(timeout=60)
        assert (publisher.returncode, errors) == (0, "")
    arguments = ("t", "--start=earliest", f"--count={2 * each}", "--fail-on-loss")
    received = run("subscriber", *arguments, options=joined(memory))
    assert (received.code, received.errors) == (0, "")
    for name in "ab":
        lines = [line for line in received.output.splitlines() if line.startswith(name)]
        assert lines == [f"{name} {number}" for number in range(each)]


def test_a_publisher_killed_in_its_container_does_not_hold_the_other_back(
    memory: Container,
) -> None:
    endless = ("--entrypoint=sh", *joined(memory))
    with running("publisher", "-c", "yes | podring-publisher t", options=endless) as victim:
        eventually(lambda: published(memory) > 1000)
        victim.end("KILL")
    sent = run("publisher", "t", options=joined(memory), data="still here\n")
    assert (sent.code, sent.errors) == (0, "")
    last = run("subscriber", "t", "--start=last:1", "--count=1", options=joined(memory))
    assert last.output == "still here\n"


def info(memory: Container) -> dict[str, object]:
    told: dict[str, object] = json.loads(memory.exec("podring", "info", "t", "--json"))
    return told


def published(memory: Container) -> int:
    return int(str(info(memory)["latest"])) - 1


def alive(memory: Container) -> list[dict[str, object]]:
    participants = info(memory)["participants"]
    assert isinstance(participants, list)
    return [one for one in participants if one["alive"] and one["role"] == "publisher"]
