"""What was written down, and whether what is counted now is the same."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.instructions.callgrind import Count

FILE = Path(__file__).with_name("counts.toml")
WITHIN = 0.03
ABROAD = 0.2
"""For a build that nothing is written down for, beside the most similar one: a compiler's version,
Python's or its flags move a count by up to 10 %, and a careless change by more than both."""

Counts = dict[str, float]

_HEADER = """\
# Instructions a message, in podring's compiled code and in memcpy. Written by `make instructions`.
# A test compares them with what it counts, and fails when they differ by more than 3 %; on a build
# that is not here, when they are more than 20 % above those of the most similar one that is.
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
            said.append(_differs(name, known[name], found[name]))
    return sorted(said)


def excesses(known: Counts, found: Counts) -> list[str]:
    """A sentence for each count that is more than 20 % above that of another build."""
    return sorted(
        _differs(name, known[name], found[name])
        for name in known.keys() & found.keys()
        if found[name] > known[name] * (1 + ABROAD)
    )


def _differs(name: str, known: float, found: float) -> str:
    change = found / known - 1
    return f"{name} takes {found:.1f} instructions instead of {known:.1f} ({change:+.1%})" + (
        ": find out what for" if change > 0 else ""
    )


def most_similar(key: str, keys: Iterable[str]) -> str | None:
    """The key of the same kind and processor that has most in common with this one, if any has."""
    parts = key.split(", ")
    like = [other for other in keys if other.split(", ")[:2] == parts[:2]]
    return max(like, key=lambda other: _in_common(parts, other.split(", ")), default=None)


def _in_common(parts: list[str], others: list[str]) -> int:
    return sum(part == other for part, other in zip(parts, others, strict=False))


def complaint(key: str, found: Counts, file: Path = FILE) -> str:
    """What is to be done about these counts; empty when they are what was written down.

    raises  LookupError with the counts, when nothing is written down for this kind of processor
    """
    known = recorded(file)
    if key in known:
        said = differences(known[key], found)
        return "\n".join([*said, "`make instructions` writes them down"]) if said else ""
    similar = most_similar(key, known)
    if similar is None:
        lines = "\n".join(f"{name} = {count}" for name, count in sorted(found.items()))
        raise LookupError(
            f"nothing is written down for [{key}]: `make instructions` writes\n{lines}"
        )
    said = excesses(known[similar], found)
    return "\n".join([f"[{key}] beside [{similar}]:", *said]) if said else ""
