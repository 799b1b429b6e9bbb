"""Processes that have less than they need: a small /dev/shm, few files, a wrong clock.

Each runs a few lines of Python, and what they print is what the test judges. A process that the
kernel ends (SIGBUS, or the OOM killer) shows by its exit code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.components import MISSING, require

TIMEOUT_S = 110


def need_root() -> None:
    """Skip where the kernel lets nobody but root make the condition real."""
    if os.geteuid() != 0:
        pytest.skip(f"{MISSING} root: mounts and cgroups are made by root alone")


def run(
    code: str,
    *arguments: str,
    before: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    """The lines that `code` prints. `before` is a command that starts another one."""
    done = subprocess.run(
        [*before, sys.executable, "-c", textwrap.dedent(code), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env={**os.environ, "PODRING_BROKER": "local", **(environment or {})},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-3000:]}"
    return done.stdout.splitlines()


def run_with_small_shm(size: str, code: str, *arguments: str) -> list[str]:
    """The same in a mount namespace of its own, where /dev/shm is a new one of that size."""
    need_root()
    unshare = [require("unshare"), "--mount", "--propagation", "private"]
    mount = f'mount -t tmpfs -o size={size} small /dev/shm\nexec "$@"'
    return run(code, *arguments, before=[*unshare, "sh", "-euc", mount, "sh"])
