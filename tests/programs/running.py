"""Run podring's programs as processes of their own, on topics without a broker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from podring.local import LocalBroker
from podring.status import Participant

TIMEOUT_S = 60
PUBLISHER = (sys.executable, "-m", "podring_publisher")
SUBSCRIBER = (sys.executable, "-m", "podring_subscriber")
PODRING = (sys.executable, "-m", "podring.cli")


def environment(**extra: str) -> dict[str, str]:
    return os.environ | {"PODRING_BROKER": "local"} | extra


def run(*command: str, **settings: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; both outputs are kept. Input is none unless given."""
    if "input" not in settings:
        settings.setdefault("stdin", subprocess.DEVNULL)
    settings.setdefault("env", environment())
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False, **settings)


def start(*command: str, **settings: Any) -> subprocess.Popen[bytes]:
    """Start a program with pipes at all three ends."""
    for end in ("stdin", "stdout", "stderr"):
        settings.setdefault(end, subprocess.PIPE)
    return subprocess.Popen(command, env=environment(), **settings)


def publish(topic: str, data: bytes, *options: str) -> None:
    """Publish `data`, which must succeed."""
    done = run(*PUBLISHER, topic, *options, input=data)
    assert (done.returncode, done.stderr) == (0, b""), done


def received(topic: str, *options: str) -> bytes:
    """What a subscriber writes of what is there already."""
    done = run(*SUBSCRIBER, topic, "--start", "earliest", "--idle-exit", "0", *options)
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout


def participants(topic: str, role: str) -> list[Participant]:
    """Who is alive on a topic in that role."""
    status = LocalBroker().status(topic)
    return [one for one in status.participants if one.role == role and one.alive]


def wait_for(topic: str, role: str, count: int = 1) -> None:
    """Wait until that many are on the topic."""
    deadline = time.monotonic() + TIMEOUT_S
    while len(participants(topic, role)) < count:
        assert time.monotonic() < deadline, f"no {count} {role}s on {topic}"
        time.sleep(0.01)


def end(process: subprocess.Popen[bytes], number: int) -> tuple[bytes, bytes, float]:
    """Send a signal: both outputs, and the seconds it took to end."""
    started = time.monotonic()
    process.send_signal(number)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    return output, errors, time.monotonic() - started
