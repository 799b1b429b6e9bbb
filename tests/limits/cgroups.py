"""A memory cgroup of a test's own, by version 1 or 2, whichever this machine has."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.components import MISSING

ROOT = Path("/sys/fs/cgroup")


class MemoryCgroup:
    """A limit, and how often the kernel killed somebody for it."""

    def __init__(self, path: Path, limit: int) -> None:
        self.path, self.limit = path, limit
        self._v2 = (path / "memory.max").exists()
        name = "memory.max" if self._v2 else "memory.limit_in_bytes"
        (path / name).write_text(str(limit))

    def enter(self, process: int = 0) -> None:
        """Move a process here, by default the calling one."""
        (self.path / "cgroup.procs").write_text(str(process))

    def oom_kills(self) -> int:
        name = "memory.events" if self._v2 else "memory.oom_control"
        for line in (self.path / name).read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
        raise AssertionError(f"{name} counts no kills")

    def used(self) -> int:
        name = "memory.current" if self._v2 else "memory.usage_in_bytes"
        return int((self.path / name).read_text())


@contextlib.contextmanager
def memory_cgroup(limit: int) -> Iterator[MemoryCgroup]:
    """Make one, and remove it when everybody has left."""
    parent = ROOT / "memory" if (ROOT / "memory").is_dir() else ROOT
    path = parent / f"podring-limits-{os.getpid()}-{secrets.token_hex(3)}"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"{MISSING} a memory cgroup that may be made here: {error}")
    try:
        yield MemoryCgroup(path, limit)
    finally:
        for _ in range(500):
            with contextlib.suppress(OSError):
                path.rmdir()
                break
            time.sleep(0.02)
