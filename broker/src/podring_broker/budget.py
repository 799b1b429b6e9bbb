"""How much shared memory the broker may give out, and whether a topic still fits.

A topic's memory is reserved when it is created, and charged to the broker's memory cgroup until
the topic is deleted. Where that cgroup has a limit, going over it gets a process killed instead
of refused. So the broker keeps a budget of its own below what the machine has, and says no with
the numbers.

Unless it is told otherwise the budget is half of the smaller of two things: the size of the
shared-memory file system, and the lowest memory limit on the way from the broker's cgroup to the
root. The other half is for the rest of the pod and of the node.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from podring import segment
from podring.errors import InvalidTopic
from podring.topic import parse_quantity
from podring_broker.refusals import Refused, TooManyTopics

SHARE = 50
"""Percent of what there is that is given out by default."""

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)\s*%", re.ASCII)
_UNLIMITED = 1 << 62
"""Version 1 cgroups write a number near 2^63 for "no limit"."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What topics may take all together: bytes of shared memory, and how many they may be."""

    total: int
    topics: int

    def require_possible(self, name: str, needed: int) -> None:
        """Let pass what would fit into an empty budget; else raise InvalidTopic for `shmsize`."""
        if needed > self.total:
            raise InvalidTopic(
                "shmsize",
                f"shmsize is too large: topic {name!r} would take {needed} bytes, and this "
                f"broker's whole budget is {self.total}; ask for less, or give the broker a "
                "larger --budget (PODRING_BUDGET)",
            )

    def require_place(self, name: str, there: int) -> None:
        """Let pass one more topic than `there` are; else raise TooManyTopics."""
        if there >= self.topics:
            raise TooManyTopics(name, self.topics)

    def require_room(self, name: str, needed: int, used: int) -> None:
        """Let pass what fits while topics take `used` bytes; else raise Refused."""
        free = max(0, self.total - used)
        if segment.total_bytes():  # 0: a tmpfs without a size limit
            # Others use /dev/shm too. Filling it up to find that out would take it from them.
            free = min(free, segment.free_bytes())
        if needed > free:
            raise Refused(name, needed=needed, free=free, used=used, budget=self.total)


def parse(text: str) -> int:
    """Turn a budget into bytes: a quantity, or a percentage of what this machine allows.

    raises  ValueError with a sentence when it is neither, or nothing
    """
    if (percent := _PERCENT.fullmatch(text.strip())) is not None:
        if not 0 < float(percent[1]) <= 100:
            raise ValueError(f"{text!r} is not between 0% and 100%")
        return int(available() * float(percent[1]) / 100)
    try:
        total = parse_quantity(text, "the budget")
    except InvalidTopic as error:
        raise ValueError(f"{error}; or a percentage such as 30%") from None
    if total < 1:
        raise ValueError(f"{text!r} leaves no room for any topic")
    return total


def available() -> int:
    """Bytes of the smaller of the shared-memory file system and our cgroup's memory limit."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([segment.total_bytes() or machine, *cgroup_limits()])


def cgroup_limits(
    table: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
) -> list[int]:
    """Every memory limit in bytes that holds for us, of both versions of cgroups; none is none.

    A limit holds for everything below it, so the whole way up to the root is read. In a container
    the way is often not visible, and its own limit stands at the root of what is mounted.
    """
    try:
        lines = table.read_text().splitlines()
    except OSError:
        return []
    limits = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            roots, file = [mount, mount / "unified"], "memory.max"
        elif "memory" in controllers.split(","):
            roots, file = [mount / "memory"], "memory.limit_in_bytes"
        else:
            continue
        for root in roots:
            folder = root / path.lstrip("/")
            ways = [folder, *folder.parents]
            limits += [_limit(way / file) for way in ways if way == root or root in way.parents]
    return [limit for limit in limits if limit is not None]


def _limit(file: Path) -> int | None:
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and int(text) < _UNLIMITED else None
