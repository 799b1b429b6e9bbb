"""podring-subscriber --name: what was written is received, what was not comes again."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from podring.local import LocalBroker
from podring.topic import TopicSpec
from tests.programs.running import (
    PUBLISHER,
    SUBSCRIBER,
    publish,
    received,
    run,
    start,
    wait_for,
)

NAMED = ("--name", "reader", "--start", "earliest")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ended_in_the_thick_of_it_again_and_again_the_bytes_are_those_that_were_sent(
    name: str, tmp_path: Path, number: int
) -> None:
    """Publishers wait for it, and while it is away nothing is overwritten."""
    spec = TopicSpec("256Ki", "1Ki", overflow="block", unsubscribed="keep")
    LocalBroker().create(name, spec)
    data = b"".join(b"%d\n" % i for i in range(400_000))
    (tmp_path / "in").write_bytes(data)
    moments = random.Random(number)
    with open(tmp_path / "out", "wb") as out:
        reader = start(*SUBSCRIBER, name, *NAMED, stdout=out)
        wait_for(name, "subscriber")
        publisher = start(*PUBLISHER, name, "--rate", "200000", "--file", str(tmp_path / "in"))
        for _ in range(6):
            time.sleep(moments.uniform(0.05, 0.15))
            reader.send_signal(number)
            _, errors = reader.communicate(timeout=20)
            assert (reader.returncode, errors) == (128 + number, b"")
            reader = start(*SUBSCRIBER, name, *NAMED, stdout=out)
            wait_for(name, "subscriber")
        assert publisher.communicate(timeout=60) == (b"", b"")
        while LocalBroker().status(name).participants[0].lag:
            time.sleep(0.01)
        reader.terminate()
        reader.communicate(timeout=20)
    assert (tmp_path / "out").read_bytes() == data


def test_what_a_full_disk_did_not_take_comes_again(topic: str) -> None:
    data = b"".join(b"%d\n" % i for i in range(50_000))
    publish(topic, data)
    done = run(*SUBSCRIBER, topic, *NAMED, "--output", "/dev/full")
    assert done.returncode == 1
    assert received(topic, "--name", "reader") == data


def test_behind_the_loss_that_ended_it_everything_is_left(name: str) -> None:
    LocalBroker().create(name, TopicSpec("64Ki", "1Ki"))
    publish(name, b"1\n2\n")
    assert run(*SUBSCRIBER, name, *NAMED, "--count", "1").stdout == b"1\n"
    publish(name, b"".join(b"%999d\n" % i for i in range(3, 201)))
    earliest = LocalBroker().status(name).earliest
    done = run(*SUBSCRIBER, name, *NAMED, "--fail-on-loss")
    assert (done.returncode, done.stdout) == (9, b"")
    done = run(*SUBSCRIBER, name, *NAMED, "--fail-on-loss", "--idle-exit", "0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"".join(b"%999d\n" % i for i in range(earliest, 201))
