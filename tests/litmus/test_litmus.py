"""What core.h promises by its labels holds here: a million rounds each, and nothing forbidden.

`pytest tests/litmus -s` prints the histograms. Where this machine can show it, the same program
without what its label asks for is shown to fail.
"""

import os
import platform
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.components import MISSING, require

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(file.stem for file in Path(__file__).parent.glob("*.c"))
SHOWN_BY_X86 = ["r2_record", "r3_checkpoint", "r4_sleep", "r6_hold", "r7_place", "r8_drain"]

ROUNDS = 1_000_000
SECONDS = 30  # enough for all of them unless the machine is busy; then 50,000 will do


def play(
    program: str, folder: Path, *options: str, rounds: int = ROUNDS, seconds: int = SECONDS
) -> tuple[int, str]:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip(f"{MISSING}: a second core, without which nothing is reordered")
    source = Path(__file__).parent / f"{program}.c"
    command = [require("gcc"), "-std=c11", "-O2", "-Wall", "-Werror", "-pthread", *options]
    command += [f"-I{ROOT / 'podring/src/podring/ring'}", str(source), "-o", str(folder / program)]
    subprocess.run(command, check=True)
    played = [str(folder / program), str(rounds), str(seconds)]
    result = subprocess.run(played, capture_output=True, text=True, check=False)
    print(f"\n{program} {' '.join(options)}: {result.stdout}", end="")
    return result.returncode, result.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_forbidden_happens(program: str, tmp_path: Path) -> None:
    code, table = play(program, tmp_path)
    assert code == 0, table
    rounds = re.match(r"(\d+) rounds", table)
    assert rounds
    assert int(rounds[1]) >= 50_000


@pytest.mark.skipif(platform.machine() != "x86_64", reason="what others show is not known here")
@pytest.mark.parametrize("program", SHOWN_BY_X86)
def test_without_what_the_label_asks_for_it_happens(program: str, tmp_path: Path) -> None:
    code, table = play(program, tmp_path, "-DWEAK", rounds=1000 * ROUNDS, seconds=120)
    assert code == 1, table


def test_every_label_of_the_core_has_its_program() -> None:
    core = (ROOT / "podring/src/podring/ring/core.h").read_text()
    labels = set(re.findall(r"^ \*   (R\d)  ", core, re.MULTILINE))
    assert labels == {program[:2].upper() for program in PROGRAMS}
