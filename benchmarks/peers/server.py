"""Start a peer's server, wait until it answers, and leave nothing of it behind.

A server ends with the process that started it, even a killed one: the kernel is asked for that.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_PATIENCE_S = 60
_SBIN = "/usr/sbin:/sbin"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def find(command: str) -> str:
    """Return where `command` is, also in sbin, which a user's PATH lacks."""
    path = shutil.which(command, path=os.environ["PATH"] + os.pathsep + _SBIN)
    if path is None:
        raise FileNotFoundError(
            f"no {command}: `scripts/components benchmarks` installs it where it may"
        )
    return path


def version(command: str, *arguments: str) -> str:
    """What a server prints when asked for its version."""
    asked = subprocess.run(
        [find(command), *arguments], capture_output=True, text=True, check=True, timeout=_PATIENCE_S
    )
    return asked.stdout.strip()


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def running(
    command: Sequence[str],
    log: Path,
    answers: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """Keep a server running in the block.

    command  the program's absolute path and its arguments
    log      gets what it prints; its last lines are in the error if it does not start
    answers  whether it is ready for its clients
    gives    its process id
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=log.parent,
            preexec_fn=_end_with_parent,  # noqa: PLW1509  # one system call, no Python locks
        )
    try:
        _wait(process, log, answers)
        yield process.pid
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a server to end, and make it after ten seconds."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def accepts(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], log: Path, answers: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not answers():
        if process.poll() is not None or time.monotonic() > until:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
            raise RuntimeError(f"{process.args!r} did not start within {_PATIENCE_S} s:\n{last}")
        time.sleep(0.02)
