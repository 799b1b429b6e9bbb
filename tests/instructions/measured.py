"""What is counted here and now, and for whom it holds.

Counts belong to a compiler's major version; those of Python's calls to a minor version of Python,
too, and to the flags with which it builds its extensions.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from podring.ring import _ring
from tests.instructions import building, callgrind

if TYPE_CHECKING:
    from tests.instructions.callgrind import Count


def core(valgrind: str, folder: Path, *flags: str) -> tuple[str, dict[str, Count]]:
    """The C core's functions: key and counts. `flags` are for the driver's compilation."""
    driver = building.core_driver(folder, *flags)
    return _key_of_core(driver), callgrind.run(valgrind, [str(driver)])


def calls(valgrind: str, folder: Path) -> tuple[str, dict[str, Count]]:
    """The calls of Publisher and Subscriber in this interpreter: key and counts."""
    marks, topic = building.marks(folder), f"instructions.{os.getpid()}"
    program = str(building.HERE / "calls.py")
    found = callgrind.run(valgrind, [sys.executable, "-s", program, str(marks), topic])
    return _key_of_calls(), found


def compiler(program: Path) -> str:
    """What compiled a program, as it says itself: "gcc 12"."""
    found = re.search(rb"GCC: \([^)]*\) (\d+)\.", program.read_bytes())
    if found:
        return f"gcc {int(found[1])}"
    found = re.search(rb"clang version (\d+)\.", program.read_bytes())
    return f"clang {int(found[1])}" if found else "an unknown compiler"


def _key_of_core(program: Path) -> str:
    return f"core, {platform.machine()}, {compiler(program)}"


def _key_of_calls() -> str:
    flags = str(sysconfig.get_config_var("CFLAGS")).split()
    kept = sorted({flag for flag in flags if re.fullmatch(r"-[DOfm][\w-]+(=\w+)?", flag)})
    version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    made_by = compiler(Path(_ring.__file__))
    return f"calls, {platform.machine()}, {made_by}, {version}, {' '.join(kept)}"


def about(valgrind: str) -> str:
    """The versions in full, for whoever wonders why a count changed."""
    made_by = _first_line(os.environ.get("CC", "gcc"))
    libc = " ".join(platform.libc_ver())
    return f"{made_by}; {_first_line(valgrind)}; {libc}; Python {platform.python_version()}"


def _first_line(command: str) -> str:
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.partition("\n")[0]
