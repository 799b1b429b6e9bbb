"""ThreadSanitizer watches the ring's C tests as threads over one mapping, and says nothing.

It judges by the atomics' memory orders alone, and knows nothing of fences. Where a reader may copy
what a writer overwrites, the race is by design (R1, see copy_shared in core.h), and such builds
copy in relaxed atomic bytes. In `block` topics nothing is overwritten while anybody may read it:
there the copies stay plain, and tail (R2) and cursors (R6) must order every byte of each payload.

That the run can fail is shown each time: plain copies where readers are lapped, and a core in which
one memory order was weakened.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.components import require

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
RING = ROOT / "podring/src/podring/ring"
FOUND = 66  # exit code of a program that ThreadSanitizer found a race in

# With the exemption of copy_shared off, its copies are what they are in production: memcpy.
PLAIN_COPIES = "-U__SANITIZE_THREAD__"


def run(test: str, folder: Path, *options: str, ring: Path = RING) -> tuple[int, str]:
    sources = [str(file) for file in sorted(ring.glob("[!_]*.c"))]
    command = [require("gcc"), "-std=c11", "-g", "-O1", "-Wall", "-Werror", "-Wno-tsan"]
    command += ["-fsanitize=thread", "-fno-omit-frame-pointer", "-pthread", *options]
    command += [f"-I{ring}", str(ROOT / f"tests/c/{test}.c"), *sources, "-o", str(folder / test)]
    subprocess.run(command, check=True)
    environment = {**os.environ, "TSAN_OPTIONS": f"halt_on_error=1:exitcode={FOUND}"}
    result = subprocess.run(
        [str(folder / test)], capture_output=True, text=True, check=False, env=environment
    )
    return result.returncode, result.stderr


def weakened(folder: Path, source: str, old: str, new: str) -> Path:
    """A copy of the core in which `old` stands as `new`, wherever it is."""
    ring = folder / "ring"
    shutil.copytree(RING, ring, ignore=shutil.ignore_patterns("_*", "*.so"))
    text = (ring / source).read_text()
    assert old in text, f"{source} has changed: {old} is not there any more"
    (ring / source).write_text(text.replace(old, new))
    return ring


@pytest.mark.parametrize("test", ["threads", "sleeping", "inherit"])
def test_overwriting_races_only_where_the_code_says_so(test: str, tmp_path: Path) -> None:
    code, report = run(test, tmp_path)
    assert (code, report) == (0, "")


def test_in_a_block_topic_not_even_payloads_race(tmp_path: Path) -> None:
    code, report = run("lossless", tmp_path, PLAIN_COPIES)
    assert (code, report) == (0, "")


def test_the_race_of_lapped_readers_is_found_once_nobody_exempts_it(tmp_path: Path) -> None:
    code, report = run("threads", tmp_path, PLAIN_COPIES)
    assert code == FOUND
    assert "data race" in report
    assert "copy_shared" in report


WEAKENED = {
    "R2: tail is stored without release": (
        "write.c",
        "store_release(&header->tail, writer->head)",
        "store_relaxed(&header->tail, writer->head)",
    ),
    "R2: tail is loaded without acquire": (
        "read.c",
        "*tail = load_acquire(&ring->header->tail)",
        "*tail = load_relaxed(&ring->header->tail)",
    ),
    "R6: a cursor is stored without release": (
        "read.c",
        "store_release(&",
        "store_relaxed(&",
    ),
    "R6: a cursor is loaded without acquire": (
        "room.c",
        "load_acquire(&entry->cursor)",
        "load_relaxed(&entry->cursor)",
    ),
}


@pytest.mark.parametrize("name", WEAKENED)
def test_a_weakened_order_is_found(name: str, tmp_path: Path) -> None:
    ring = weakened(tmp_path, *WEAKENED[name])
    code, report = run("lossless", tmp_path, PLAIN_COPIES, ring=ring)
    assert code == FOUND
    assert "data race" in report
    assert "copy_shared" in report
