"""The cluster as it was last read, and what was found out by writing to it since."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from podring_controller.cluster import Declared, Endpoint, Node, Pod

EVERYTHING = frozenset({"resources", "nodes", "endpoints", "pods"})


class Source(Protocol):
    """Where lists come from."""

    def resources(self) -> dict[str, Declared]: ...
    def nodes(self) -> dict[str, Node]: ...
    def endpoints(self) -> dict[str, Endpoint]: ...
    def pods(self) -> list[Pod]: ...


@dataclass(slots=True)
class View:
    """What there is. `unread` are the lists that are known to be old."""

    resources: dict[str, Declared] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    pods: list[Pod] = field(default_factory=list)
    unread: set[str] = field(default_factory=lambda: set(EVERYTHING))
    read_at: float = 0.0

    def doubt(self, what: Collection[str], resync_s: float) -> None:
        """Note which lists have changed, all of them once in a while."""
        self.unread.update(what)
        if time.monotonic() - self.read_at >= resync_s:
            self.unread.update(EVERYTHING)

    def refresh(self, source: Source) -> None:
        """Read what is old. What cannot be read stays old, and the rest of it stays as it was."""
        everything = self.unread == EVERYTHING
        for what in sorted(self.unread, reverse=True):
            setattr(self, what, getattr(source, what)())
            self.unread.discard(what)
        if everything:
            self.read_at = time.monotonic()
