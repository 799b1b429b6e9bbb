"""SIGKILL after the first instruction, the second, and so on to the last: the others go on.

kill_points.c does it and checks each time: the next publisher takes over soon, subscribers receive
every committed message once and in order, sequences have no gap, and nothing remains of what was
not committed. PODRING_KILL=all tries many more ways to come by a lock whose holder died.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.crash import building
from tests.support.components import MISSING

ALL = os.environ.get("PODRING_KILL") == "all"

# What is killed, and how many instructions it has at least; fewer would mean that it was not done.
KILLED = {
    "publish": 3000,
    "loan": 800,
    "take over": 3000,
    "join": 2000,
    "leave": 100,
    "receive": 2000,
    "subscribe": 1500,
    "view": 300,
    "asleep": 300,
    "block: ": 5000,
    "room": 1000,
}


def run(program: Path, *options: str, timeout_s: float = 880) -> tuple[list[str], int]:
    """Run `program` to its end: its table, and how many kill points that are."""
    done = subprocess.run(
        [program, *options], check=False, capture_output=True, text=True, timeout=timeout_s
    )
    assert done.returncode == 0, done.stdout + done.stderr
    points = sum(int(number) for number in re.findall(r"(\d+) kill points", done.stdout))
    return done.stdout.splitlines(), points


@pytest.fixture(scope="module")
def program() -> Path:
    return building.kill_points()


@pytest.mark.slow
@pytest.mark.timeout(7200 if ALL else 900)
def test_no_death_at_any_instruction_harms_the_others(program: Path, table: list[str]) -> None:
    gap = "20" if ALL else "400"
    lines, points = run(program, "--gap", gap, timeout_s=7000 if ALL else 880)
    for text, least in KILLED.items():
        tried = sum(int(re.findall(r"(\d+) kill", line)[0]) for line in lines if text in line)
        assert tried >= least, f"{text}: {tried} kill points"
    table += [*lines, f"in all {points} kill points at every instruction, none harmful"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(
    os.geteuid() != 0, reason=f"{MISSING} root: a PID namespace of one's own needs it"
)
def test_nor_where_each_process_is_number_one_of_its_container(
    program: Path, table: list[str]
) -> None:
    every, gap = ("1", "150") if ALL else ("7", "1000")
    _, points = run(program, "--containers", "--every", every, "--gap", gap)
    assert points > 2000
    table.append(f"{points} kill points where every process is number 1 of its own PID namespace")


SEQUENCE = "    store_release(&commit->sequence, writer->sequence);\n"
TAIL = "    store_release(&header->tail, writer->head);\n"
WAKE = "if (syscall(SYS_futex, wake, FUTEX_WAKE_OP, INT32_MAX, NULL, wake, add_one) >= 0)"

PLANTED = {
    "the tail moves before the commit record": (
        ("write.c", SEQUENCE, TAIL + SEQUENCE),
        "publish an empty",
    ),
    "moving the wake word and waking are two steps": (
        ("wait.c", WAKE, "if (add_one == 0)"),
        "publish to a sleeping",
    ),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault: str, tmp_path: Path) -> None:
    """A test of the test: it would be silent about anything if it looked at the wrong things."""
    change, only = PLANTED[fault]
    core = building.core_with(tmp_path, *change)
    program = building.kill_points(core, tmp_path / "kill_points")
    with pytest.raises(AssertionError, match="killed after instruction"):
        run(program, "--only", only)
