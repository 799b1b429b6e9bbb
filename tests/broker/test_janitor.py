"""A publisher dies between showing a message and waking who sleeps."""

import os
import signal
import subprocess
import sys
import threading
import time

from podring import Subscriber
from tests.broker.harness import SHM, Broker, eventually

SLEEPERS = 128  # where layout.h has RosterHeader.sleepers

PUBLISH_AND_DIE = """
import os, signal, sys
from podring import Publisher
publisher = Publisher("t", broker=sys.argv[1])
publisher.publish(b"shown, but nobody was woken")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_subscribers_that_a_dead_publisher_left_asleep_are_woken_by_the_janitor(
    broker: Broker,
) -> None:
    record = broker.create("t")
    got: list[tuple[bytes, float]] = []
    with Subscriber("t", broker=broker.address) as subscriber:

        def receive() -> None:
            got.append((subscriber.receive(timeout=30), time.monotonic()))

        sleeper = threading.Thread(target=receive)
        sleeper.start()
        with (SHM / f"{record['segment']}.roster").open("r+b", buffering=0) as roster:
            eventually(lambda: os.pread(roster.fileno(), 4, SLEEPERS) == b"\1\0\0\0")
            # As if the publisher had died just before its wake-up call.
            os.pwrite(roster.fileno(), bytes(4), SLEEPERS)
        command = [sys.executable, "-c", PUBLISH_AND_DIE, broker.address]
        result = subprocess.run(command, check=False, timeout=30)
        assert result.returncode == -signal.SIGKILL
        died = time.monotonic()
        sleeper.join(20)
    [(message, woken)] = got
    assert message == b"shown, but nobody was woken"
    assert woken - died < 5
    assert broker.events("publisher.died")
