"""A publisher dies between showing a message and waking who sleeps."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime

from podring import Subscriber
from tests.broker.harness import SHM, Broker, eventually

SLEEPERS = 128  # where layout.h has RosterHeader.sleepers

PUBLISH_AND_DIE = """
import os, signal, sys
from podring import Publisher
publisher = Publisher("t", broker=sys.argv[1])
print(flush=True)
sys.stdin.readline()
publisher.publish(b"shown, but nobody was woken")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_subscribers_that_a_dead_publisher_left_asleep_are_woken_by_the_janitor(
    broker: Broker,
) -> None:
    record = broker.create("t")
    got: list[tuple[bytes, float]] = []
    command = [sys.executable, "-c", PUBLISH_AND_DIE, broker.address]
    with (
        Subscriber("t", broker=broker.address) as subscriber,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as publisher,
        (SHM / f"{record['segment']}.roster").open("r+b", buffering=0) as roster,
    ):
        assert publisher.stdin is not None
        assert publisher.stdout is not None
        publisher.stdout.readline()  # it is ready: a sleeper looks by itself after five seconds

        def receive() -> None:
            got.append((subscriber.receive(timeout=30), time.time()))

        sleeper = threading.Thread(target=receive)
        sleeper.start()
        eventually(lambda: os.pread(roster.fileno(), 4, SLEEPERS) == b"\1\0\0\0")
        # As if the publisher had died just before its wake-up call.
        os.pwrite(roster.fileno(), bytes(4), SLEEPERS)
        publisher.stdin.write(b"\n")
        publisher.stdin.flush()
        assert publisher.wait(30) == -signal.SIGKILL
        sleeper.join(20)
    [(message, woken)] = got
    assert message == b"shown, but nobody was woken"
    [died] = broker.events("publisher.died")
    assert woken - datetime.fromisoformat(died["timestamp"]).timestamp() < 2
