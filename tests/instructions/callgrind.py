"""Runs a program under callgrind, and tells how many instructions each message took, and where.

The program marks each case twice, with N and 2N messages. The difference, divided by N, is free of
whatever happens once. Nothing of this machine's gets in: the environment is empty but for what
keeps the counts the same, and copies take the code that every x86-64 processor has.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

N = 1000
"""As in core.c and calls.py."""
OPTIONS = (
    "--tool=callgrind",
    "--instr-atstart=no",
    "--dump-line=no",
    "--compress-strings=no",
    "--compress-pos=no",
)
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    # rep movsb counts as one instruction a byte, and AVX is not everywhere.
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX_Fast_Unaligned_Load,-ERMS,-SSSE3",
}
COPIES = ("memcpy@", "__memcpy_", "memmove@", "__memmove_")
MARK = "desc: Trigger: Client Request: "


@dataclass(frozen=True)
class Count:
    """Instructions a message."""

    ring: float
    """In podring's compiled code, and in libc's memcpy, whoever calls it but libc."""
    rest: float
    """Elsewhere: the interpreter, or the driver's own loop."""


Parts = Counter[str]
"""Instructions by where: "ring" and "rest"."""


def run(valgrind: str, command: Sequence[str]) -> dict[str, Count]:
    """Each case's counts.

    raises  RuntimeError when the program fails under callgrind
    """
    with tempfile.TemporaryDirectory(prefix="callgrind-") as folder:
        output = Path(folder) / "out"
        done = subprocess.run(
            [valgrind, *OPTIONS, f"--callgrind-out-file={output}", *command],
            env=ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stderr[-2000:]}")
        marked = dict(map(read, output.parent.glob("out.*")))
    names = sorted(mark.partition(" ")[2] for mark in marked if mark.startswith(f"{N} "))
    return {name: _count(marked[f"{N} {name}"], marked[f"{2 * N} {name}"]) for name in names}


def _count(once: Parts, twice: Parts) -> Count:
    return Count(*((twice[part] - once[part]) / N for part in ("ring", "rest")))


def read(path: Path) -> tuple[str, Parts]:
    """What one file says: the mark that it ends with, and the instructions by where.

    raises  RuntimeError when they do not add up to the total that the file names
    """
    mark, total, cost = "", 0, _Cost()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(MARK):
            mark = line.removeprefix(MARK)
        elif line.startswith("totals: "):
            total = int(line.split()[1])
        else:
            cost.take(line)
    if sum(cost.parts.values()) != total:
        raise RuntimeError(f"{mark}: counted {sum(cost.parts.values())} of {total} instructions")
    return mark, cost.parts


class _Cost:
    """The lines of a file, taken one after the other."""

    def __init__(self) -> None:
        self.parts: Parts = Counter()
        self._place = self._callee = ""
        self._called = False

    def take(self, line: str) -> None:
        key, _, value = line.partition("=")
        if key == "ob":
            self._place = Path(value).name
        elif key == "cfn":
            self._callee = value
        elif key == "calls":
            self._called = True
        elif line[:1].isdigit():
            self._add(int(line.split()[1]))
            self._called = False

    def _add(self, instructions: int) -> None:
        if not self._called:
            ring = self._place.startswith("_ring.")
            self.parts["ring" if ring else "rest"] += instructions
        # After a call stands what the called function took, which is counted there as well. libc's
        # own copies are realloc's: how many there are is up to the state of the heap.
        elif self._is_copy() and not self._place.startswith("libc."):
            self.parts["ring"] += instructions
            self.parts["rest"] -= instructions

    def _is_copy(self) -> bool:
        return any(name in self._callee for name in COPIES)
