"""The demo as its user starts it, with its output in pipes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

ROOT = Path(__file__).resolve().parents[2]
_SEGMENT = re.compile(r"/dev/shm/(podring\.[0-9a-f]+)\.")


class Demo:
    """One run. Its temporary files lie in `folder`, and it knows who owns its shared memory."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.owners: set[str] = set()
        self.parts: list[psutil.Process] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "demo", *arguments],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_hear_ctrl_c,  # noqa: PLW1509
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.communicate(timeout=30)

    def wait_until_it_sends(self) -> None:
        """Wait until all processes run, and remember them and their shared memory."""
        deadline = time.monotonic() + 30
        while not any("demo.subscribe" in part.cmdline() for part in self._look()):
            assert time.monotonic() < deadline, "no subscriber has been started"
            assert self._process.poll() is None, self._process.communicate()
            time.sleep(0.05)
        while not self.owners or len(self.parts) < 10:
            assert time.monotonic() < deadline, self.parts
            time.sleep(0.05)
            self._look()

    def part(self, *words: str) -> psutil.Process:
        """The process whose command line holds all these words."""
        for part in self.parts:
            line = " ".join(part.cmdline())
            if all(word in line for word in words):
                return part
        raise LookupError(words)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, timeout_s: float = 60) -> tuple[int, str, str]:
        """Wait for its end: exit code, standard output, standard error."""
        output, errors = self._process.communicate(timeout=timeout_s)
        return self._process.returncode, output, errors

    def leftovers(self) -> list[str]:
        """What still lives or lies about that was this run's."""
        deadline = time.monotonic() + 5  # what died with the demo may need a moment
        while (found := list(self._leftovers())) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def _leftovers(self) -> Iterator[str]:
        yield from (str(part) for part in self.parts if _lives(part))
        yield from (str(path) for path in self.folder.glob("podring-demo-*"))
        for owner in self.owners:
            yield from (str(path) for path in Path("/dev/shm").glob(f"{owner}.*"))

    def _look(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            self.parts = psutil.Process(self._process.pid).children(recursive=True)
        for part in self.parts:
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                self.owners |= set(_SEGMENT.findall(Path(f"/proc/{part.pid}/maps").read_text()))
        return [part for part in self.parts if _lives(part)]


def _lives(part: psutil.Process) -> bool:
    try:
        return part.is_running() and part.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _hear_ctrl_c() -> None:
    """A test run in the background ignores SIGINT, and its children would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
