"""One cgroup in every hierarchy, below which all of a machine's containers are."""

import os
import re
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
NAME = re.compile(r"podring-tests-(\d+)-\d+")


def make(number: int) -> str:
    """Create it, named after this process; returns its path as kubelets write it."""
    _remove_those_of_the_dead()
    name = f"podring-tests-{os.getpid()}-{number}"
    for root in _hierarchies():
        path = root / name
        path.mkdir(exist_ok=True)
        # A new cpuset of v1 is empty, and no process may enter it.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (path / file).exists() and root != ROOT:
                (path / file).write_text((root / file).read_text())
    return f"/{name}"


def remove(cgroup: str) -> bool:
    """Remove it from the leaves up; False while a process is still leaving."""
    gone = True
    for root in _hierarchies():
        for folder, _, _ in os.walk(root / cgroup.lstrip("/"), topdown=False):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                continue
            except OSError:
                gone = False
    return gone


def _hierarchies() -> list[Path]:
    """The roots of cgroup v1's hierarchies, and of v2's wherever it is mounted."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return [path for path in ROOT.iterdir() if path.is_dir() and not path.is_symlink()]


def _remove_those_of_the_dead() -> None:
    """A test run that was killed could not."""
    for path in _hierarchies()[0].iterdir():
        match = NAME.fullmatch(path.name)
        if match and not Path("/proc", match[1]).exists():
            remove(path.name)
