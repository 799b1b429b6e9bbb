"""The machine's floors, by the C program beside this file: between two processes on two processors.

The rings are as large as those in which podring carries messages of that size.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import podring
from benchmarks.peers.protocol import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "floors"
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")

MILLISECONDS = 200
"""How long each is measured."""
PATIENCE_S = 20.0

SIZES = {
    "64 B": 64,
    "1 KiB": 1 << 10,
    "16 KiB": 16 << 10,
    "256 KiB": 256 << 10,
    "4 MiB": 4 << 20,
    "16 MiB": 16 << 20,
}
FRAMED = ("64 B", "1 KiB")

UNITS = (
    {"cache line, round trip": "ns", "message of 64 B, round trip": "ns", "futex, round trip": "ns"}
    | {f"copy in and out, {size}": "bytes/s" for size in SIZES}
    | {f"bare ring in C, {size}": "messages/s" for size in FRAMED}
)


def measure(milliseconds: int = MILLISECONDS) -> Iterator[tuple[str, float]]:
    """Each floor's name and value.

    raises  RuntimeError when the program cannot be built, or fails
    """
    program, length = build(), str(milliseconds)
    yield "cache line, round trip", _run(program, "cacheline", length)
    yield "message of 64 B, round trip", _run(program, "message", length)
    yield "futex, round trip", _run(program, "futex", length)
    for name, size in SIZES.items():
        sizes = str(size), str(ring_bytes(size))
        yield f"copy in and out, {name}", _run(program, "copy", length, *sizes)
    for name in FRAMED:
        sizes = str(SIZES[name]), str(ring_bytes(SIZES[name]))
        yield f"bare ring in C, {name}", _run(program, "ring", length, *sizes)


def ring_bytes(size: int) -> int:
    """As benchmarks/peers/podring.py makes its rings for messages that are copied."""
    return podring.ring_bytes(Topology(1, 1, size))


def build() -> Path:
    """The program, compiled unless the same sources with the same flags were before."""
    compiler = os.environ.get("CC", "gcc")
    sources = sorted(HERE.glob("*.[ch]"))
    digest = hashlib.sha256("\0".join((compiler, *FLAGS)).encode())
    for source in sources:
        digest.update(source.read_bytes())
    program = BUILD / f"floors-{digest.hexdigest()[:16]}"
    if not program.exists():
        _compile(compiler, [source for source in sources if source.suffix == ".c"], program)
    return program


def _compile(compiler: str, sources: list[Path], program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    # Beside it and then over it: another run may be executing the one that is there.
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        made = Path(folder) / "floors"
        _output([compiler, *FLAGS, *map(str, sources), "-o", str(made)])
        made.replace(program)


def _run(program: Path, *arguments: str) -> float:
    output = _output([str(program), *arguments])
    return float(json.loads(output)["value"])


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
    except FileNotFoundError as error:
        raise RuntimeError(f"{command[0]} is missing: install gcc, or name one in CC") from error
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{' '.join(command)} took longer than {PATIENCE_S:g} s") from error
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout
