"""A machine to be a node: namespaces and a few mounts, so that it leaves nothing behind.

It has processes, mounts, /dev/shm, IPC and a host name of its own, and shares the tests' network.
Whatever runs there, containers included, dies with its first process, and its mounts go with it.
Only cgroups outlive it; they all lie below one, which `end` removes.
"""

import itertools
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.kubernetes.support import cgroups
from tests.kubernetes.support.processes import GUARD, Program
from tests.kubernetes.support.waiting import wait_until

# Bash reaps what containers leave to the first process. /run and /var/log are where container
# runtimes and kubelets put things without being asked.
INIT = """
set -e
mount --make-rshared /
mount -t tmpfs -o size=2g shm /dev/shm
mount -t tmpfs -o size=64m run /run
mkdir "$1/var-log" && mount --bind "$1/var-log" /var/log
hostname "$2"
touch "$1/booted"
trap 'exit 0' TERM
while :; do sleep 1000 & wait; done
"""

_numbers = itertools.count(1)


class Machine:
    """One such machine, running as soon as it is made."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.cgroup = cgroups.make(next(_numbers))
        folder.mkdir(parents=True)
        spaces = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]
        script = ["bash", "-c", INIT, "machine", str(folder), name]
        self.init = Program(name, ["unshare", *spaces, "--", *script], folder / "machine.log")
        self.init.start()
        wait_until(f"machine {name} to boot", self._has_booted, timeout_s=10)

    @property
    def shm(self) -> Path:
        """Its /dev/shm, as seen from here."""
        return Path(f"/proc/{self._first_process()}/root/dev/shm")

    def program(self, name: str, command: Sequence[str]) -> Program:
        """A program that runs there once it is started, and dies when it is stopped here."""
        return Program(name, command, self.folder / f"{name}.log", prefix=self._inside())

    def run(self, *command: str, timeout_s: float = 120.0) -> str:
        """Run a command there and return what it prints."""
        done = subprocess.run(
            [*GUARD, *self._inside(), *command],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def end(self) -> None:
        """Power off."""
        self.init.kill()
        deadline = time.monotonic() + 10
        while not cgroups.remove(self.cgroup) and time.monotonic() < deadline:
            time.sleep(0.1)

    def _has_booted(self) -> bool:
        assert self.init.running, self.init.tail()
        return (self.folder / "booted").exists()

    def _first_process(self) -> int:
        children = Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children").read_text().split()
        return int(children[0])

    def _inside(self) -> list[str]:
        # nsenter forks to enter a PID namespace; its child must not survive it.
        enter = ["nsenter", f"--target={self._first_process()}"]
        spaces = ["--mount", "--pid", "--ipc", "--uts", "--"]
        return [*enter, *spaces, *GUARD]
