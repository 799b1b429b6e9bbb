"""The machine as a benchmark sees it: its description, and pinning processes to processors."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

_HERE = Path(__file__).parent


def describe() -> dict[str, str]:
    """What a reader must know to judge the numbers."""
    # Late: each process of a run imports this module, and its memory is measured.
    from podring.cli.bench import processor

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "processor": f"{processor()}, {len(os.sched_getaffinity(0))} usable",
        "memory": f"{memory / (1 << 30):.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "clock": _clock(),
    }


def pin(role: int) -> None:
    """Run this process on the processor that belongs to a role: 0, 1, and so on in turn."""
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {usable[role % len(usable)]})


def commit() -> str:
    """Which state of the code is measured."""
    try:
        return _git("rev-parse", "--short", "HEAD") + (
            " with changes" if _git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(_HERE), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _clock() -> str:
    source = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    return source.read_text(encoding="ascii").strip() if source.exists() else "unknown"
