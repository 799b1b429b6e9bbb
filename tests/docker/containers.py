"""Containers of podring's images, confined as a pod confines them, and removed whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.docker.engine import environment, podman
from tests.docker.images import image

TIMEOUT_S = 60
CONFINED = (
    "--read-only",
    "--read-only-tmpfs=false",  # else podman would make /tmp and /run writable
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--network=none",
)
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Done:
    """A container that came to its end."""

    code: int
    output: str
    errors: str


def run(member: str, *arguments: str, options: Sequence[str] = (), data: str | None = None) -> Done:
    """Run a container to its end.

    options  for podman
    data     for its standard input
    """
    process = launch(member, *arguments, options=options)
    output, errors = process.communicate(data, timeout=TIMEOUT_S)
    return Done(process.returncode, output, errors)


def launch(member: str, *arguments: str, options: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start a container in the foreground, with pipes at all three ends."""
    command = ["podman", "run", "--rm", "--interactive", *CONFINED, *options, image(member)]
    return subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def python(member: str, code: str, *, options: Sequence[str] = ()) -> str:
    """Run Python inside an image, which must succeed; returns what it printed."""
    done = run(member, "-c", code, options=("--entrypoint=python", *options))
    assert done.code == 0, done.errors
    return done.output


class Container:
    """One that runs in the background."""

    def __init__(self, name: str) -> None:
        self.name = name

    def logs(self) -> str:
        """What it printed, both streams."""
        done = subprocess.run(
            ["podman", "logs", self.name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=environment(),
        )
        return done.stdout

    def exec(self, *command: str) -> str:
        return podman("exec", self.name, *command)

    def inspect(self) -> Any:
        return json.loads(podman("container", "inspect", self.name))[0]

    def end(self, number: str = "TERM") -> tuple[int, float]:
        """Send a signal to its first process: the exit code, and the seconds it took."""
        started = time.monotonic()
        podman("kill", "--signal", number, self.name)
        code = int(podman("wait", "--interval=20ms", self.name))
        return code, time.monotonic() - started


@contextmanager
def running(
    member: str, *arguments: str, options: Sequence[str] = (), confined: Sequence[str] = CONFINED
) -> Iterator[Container]:
    """A container in the background, until the end of the block."""
    name = f"podring-test-{os.getpid()}-{next(_numbers)}"
    command = ["run", "--detach", "--interactive", "--name", name, *confined, *options]
    podman(*command, image(member), *arguments)
    try:
        yield Container(name)
    finally:
        podman("rm", "--force", "--time=0", "--volumes", name)


def eventually(claim: Callable[[], object], within_s: float = TIMEOUT_S) -> None:
    """Wait until a claim holds."""
    deadline = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.05)
