"""Builds what callgrind runs: the core as a library of its own, its driver, and the marks.

-O2 without anything of Python's: these counts are the same wherever the compiler is.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CORE = ROOT / "podring" / "src" / "podring" / "ring"
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
LIBRARY = ("-fPIC", "-shared", "-Wl,-Bsymbolic")


def core_driver(folder: Path, *flags: str) -> Path:
    """The driver over the core, in `folder`; -DPLANTED makes each publish cost more."""
    library = _compile(
        folder / "_ring.core.so", *LIBRARY, *sorted(CORE.glob("[!_]*.c")), HERE / "wrapped.c"
    )
    return _compile(
        folder / "core", *flags, f"-I{HERE.parent / 'c'}", HERE / "core.c", library,
        "-Wl,-rpath,$ORIGIN",
    )  # fmt: skip


def marks(folder: Path) -> Path:
    """The library by which a Python program says where counting begins and ends."""
    return _compile(folder / "marks.so", *LIBRARY, HERE / "marks.c")


def _compile(output: Path, *arguments: str | Path) -> Path:
    compiler = os.environ.get("CC", "gcc")
    subprocess.run(
        [compiler, *FLAGS, f"-I{CORE}", f"-I{HERE}", *arguments, "-o", output], check=True
    )
    return output
