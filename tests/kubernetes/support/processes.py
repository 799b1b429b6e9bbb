"""Programs of the cluster as child processes: a log each, ended by pid, and never left behind.

Each is started with a parent-death signal: when pytest is killed, even by SIGKILL, the kernel ends
them too. (The signal belongs to the thread that started the program, which must outlive it.)
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

GUARD = ("setpriv", "--pdeathsig", "KILL", "--")
TAIL = 4000  # bytes of a log that a failure shows


class Program:
    """One program that can be stopped, killed, and started again with the same command line.

    prefix  a command that runs the program elsewhere, such as nsenter; it must exec, not fork
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = {**os.environ, **(environment or {})}
        self.prefix = list(prefix)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert not self.running, f"{self.name} runs already as pid {self.pid}"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*GUARD, *self.prefix, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._end(signal.SIGKILL, 10)

    def stop(self, timeout_s: float = 10.0) -> None:
        """SIGTERM, then SIGKILL after `timeout_s`."""
        self._end(signal.SIGTERM, timeout_s)

    def _end(self, number: signal.Signals, timeout_s: float) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def tail(self) -> str:
        """The end of its log, for people."""
        text = self.log.read_bytes()[-TAIL:].decode(errors="replace") if self.log.exists() else ""
        return f"--- {self.name} (exit code {self.exit_code}), end of {self.log}\n{text}"
