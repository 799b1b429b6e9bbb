"""Builds the C programs of these tests with the ring as it ships: -O3, and no sanitizer.

What is killed must be the instructions that run in production, and not those of a checker. The
programs are linked statically, so that no instruction is the dynamic linker's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CORE = ROOT / "podring" / "src" / "podring" / "ring"
BUILD = ROOT / "build" / "tests-crash"
FLAGS = ["-std=c11", "-g", "-O3", "-Wall", "-Wextra", "-Werror"]


def compile_c(output: Path, sources: Sequence[Path], core: Path, *flags: str) -> Path:
    """Compile `sources` to `output`, with the headers of `core` and of tests/c."""
    output.parent.mkdir(parents=True, exist_ok=True)
    # Beside the old one and then over it: another test run may be executing that.
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        made = Path(folder) / output.name
        includes = [f"-I{core}", f"-I{HERE.parent / 'c'}"]
        subprocess.run(
            [os.environ.get("CC", "gcc"), *FLAGS, *flags, *includes, *sources, "-o", made],
            check=True,
        )
        made.replace(output)
    return output


def kill_points(core: Path = CORE, output: Path = BUILD / "kill_points") -> Path:
    """The program that kills everywhere, over the ring in `core`."""
    ring = sorted(path for path in core.glob("*.c") if not path.name.startswith("_"))
    sources = [HERE / "kill_points.c", HERE / "stepper.c", *ring]
    return compile_c(output, sources, core, "-static")


def stepper() -> Path:
    """The tracer alone, as a library that Python can load."""
    return compile_c(BUILD / "stepper.so", [HERE / "stepper.c"], CORE, "-shared", "-fPIC")


def core_with(folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of the ring's sources with something replaced in one of them."""
    copy = folder / "ring"
    shutil.copytree(CORE, copy, ignore=lambda _, names: [n for n in names if n[-2:] not in _C])
    text = (copy / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has changed: adapt what is planted"
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    return copy


_C = (".c", ".h")
