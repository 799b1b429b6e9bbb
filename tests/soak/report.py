"""The table at the end of a run."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

Row = tuple[str, str]


def table(rows: Iterable[Row]) -> str:
    """Rows as a Markdown table, so that it can stand in docs/soak.md as it is."""
    lines = ["| what | how much |", "|---|---:|"]
    lines += [f"| {what} | {value} |" for what, value in rows]
    return "\n".join(lines)


def machine(cores: int) -> str:
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{cores} × {model}, Linux {platform.release()}, Python {platform.python_version()}"


def rows(
    *,
    seed: int,
    seconds: float,
    cores: int,
    verdicts: list[dict[str, Any]],
    counts: Mapping[str, int],
    figures: Iterable[Row],
    wrong: int,
) -> list[Row]:
    """Everything that a run counted."""

    def total(key: str) -> int:
        return sum(verdict.get(key, 0) for verdict in verdicts)

    return [
        ("date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("machine", machine(cores)),
        ("seed", str(seed)),
        ("minutes", f"{seconds / 60:.1f}"),
        ("messages published", f"{total('published'):,}"),
        ("messages received, all subscribers", f"{total('delivered'):,}"),
        ("bytes received", f"{total('nbytes'):,}"),
        ("lost and told exactly", f"{total('lost'):,}"),
        ("lost by eviction, and told exactly", f"{total('evicted'):,}"),
        ("views that said they were not valid any more", f"{total('invalid'):,}"),
        ("messages under way at a kill, and out whole", f"{total('orphans'):,}"),
        ("offsets resumed by name", f"{total('resumed'):,}"),
        ("accounts held against each other", f"{total('accounts'):,}"),
        ("generations of topics", f"{len(verdicts):,}"),
        *((what, f"{count:,}") for what, count in sorted(counts.items())),
        *figures,
        ("**broken invariants**", f"**{wrong}**"),
    ]
