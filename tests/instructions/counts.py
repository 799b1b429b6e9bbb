"""What was written down, and whether what is counted now is the same."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.instructions.callgrind import Count

FILE = Path(__file__).with_name("counts.toml")
WITHIN = 0.03

Counts = dict[str, float]

_HEADER = """\
# Instructions a message, in podring's compiled code and in memcpy. Written by `make instructions`.
# A test compares them with what it counts, and fails when they differ by more than 3 %.
"""


def rounded(found: dict[str, Count]) -> Counts:
    """As they are written down."""
    return {name: round(count.ring, 1) for name, count in found.items()}


def recorded(file: Path = FILE) -> dict[str, Counts]:
    """What was written down, by key."""
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {key: table["instructions"] for key, table in tables.items()}


def write(key: str, found: Counts, versions: str, file: Path = FILE) -> None:
    """Write down what was counted for `key`, and leave what holds for others."""
    tables = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    tables[key] = {"about": versions, "instructions": found}
    text = "".join(
        _table(key, table["about"], table["instructions"]) for key, table in sorted(tables.items())
    )
    file.write_text(_HEADER + text, encoding="utf-8")


def _table(key: str, about: str, found: Counts) -> str:
    lines = "".join(f'"{name}" = {count}\n' for name, count in sorted(found.items()))
    return f'\n["{key}"]\nabout = "{about}"\n["{key}".instructions]\n{lines}'


def differences(known: Counts, found: Counts) -> list[str]:
    """A sentence for each count that differs by more than 3 %, or is on one side only."""
    said = [f"{name} is not written down yet" for name in found.keys() - known.keys()]
    said += [f"{name} is written down, and not counted any more" for name in known.keys() - found]
    for name in known.keys() & found.keys():
        change = found[name] / known[name] - 1
        if abs(change) > WITHIN:
            said.append(
                f"{name} takes {found[name]:.1f} instructions instead of {known[name]:.1f} "
                f"({change:+.1%})" + (": find out what for" if change > 0 else "")
            )
    return sorted(said)


def complaint(key: str, found: Counts, file: Path = FILE) -> str:
    """What is to be done about these counts; empty when they are what was written down."""
    known = recorded(file).get(key)
    if known is None:
        lines = "\n".join(f"{name} = {count}" for name, count in sorted(found.items()))
        return f"nothing is written down for [{key}]: `make instructions` writes\n{lines}"
    said = differences(known, found)
    return "\n".join([*said, "`make instructions` writes them down"]) if said else ""
