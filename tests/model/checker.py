"""Build a Promela model's verifier with spin, run it to completion, and read what it says.

`check("log", "KILLS=1", "MESSAGES=2")` explores every interleaving of tests/model/log.pml with
these definitions. Completion is demanded: a search cut short by depth or memory is an error here.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.components import require

FOLDER = Path(__file__).parent
MEMORY_MB = 4000


@dataclass(frozen=True)
class Verdict:
    states: int
    error: str  # "" when there is none


def build(model: str, definitions: tuple[str, ...], folder: Path) -> Path:
    options = [f"-D{definition}" for definition in definitions]
    spin = [require("spin"), *options, "-a", str(FOLDER / f"{model}.pml")]
    made = subprocess.run(spin, cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    compiler = ["gcc", "-O2", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MB}", "-o", "pan"]
    subprocess.run([*compiler, "pan.c"], cwd=folder, check=True, capture_output=True)
    return folder / "pan"


def check(model: str, *definitions: str, folder: Path) -> Verdict:
    pan = build(model, definitions, folder)
    result = subprocess.run(
        [str(pan), "-m100000", "-w24"], cwd=folder, capture_output=True, text=True, check=False
    )
    output = result.stdout
    states = re.search(r"(\d+) states, stored", output)
    errors = re.search(r"errors: (\d+)", output)
    assert states, output + result.stderr
    assert errors, output
    said = re.search(r"^pan:\d+: (.*)$", output, re.MULTILINE)
    error = said[1] if said else ""
    assert bool(error) == (errors[1] != "0"), output
    if not error:
        for cut in ("max search depth too small", "reached -DMEMLIM", "Search not completed"):
            assert cut not in output, output
    return Verdict(int(states[1]), error)
