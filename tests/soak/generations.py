"""Which generations of topics there are, how far they are, and when they can be judged.

Every ledger that appears in the folder belongs to one. Each generation's ring stays mapped here
until it is judged, so that its last sequence is known also after its deletion.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podring import PodringError
from podring.ring import _ring
from podring.segment import Segment
from tests.soak.ledger import Meta, State, Word, meta_of, words_of

GRACE_S = 15.0
"""After a generation's end: longer than any worker is stopped between opening and writing."""


@dataclass
class Page:
    """A ledger that may still be written."""

    path: Path
    meta: Meta
    fd: int
    words: tuple[int, ...]

    @property
    def open(self) -> bool:
        return self.words[Word.STATE] == State.OPEN


@dataclass
class Generation:
    """One life of a topic."""

    topic: str
    number: int
    segment: Segment | None
    pages: dict[str, Page] = field(default_factory=dict)
    over_since: float = 0.0
    latest: int | None = None

    @property
    def deleted(self) -> bool:
        return self.segment is None or self.segment.mapping.state() == _ring.DELETED

    def look(self) -> int | None:
        """The sequence that the next message will have."""
        if self.segment is not None:
            self.latest = self.segment.mapping.bounds()[1]
        return self.latest


class Generations:
    """All that are not judged yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.there: dict[tuple[str, int], Generation] = {}
        self.verdicts: list[dict[str, Any]] = []
        self.late: list[str] = []
        self._judged: set[tuple[str, int]] = set()
        self._judge: subprocess.Popen[bytes] | None = None
        self._on_trial: Generation | None = None

    def refresh(self) -> None:
        """Find new ledgers, and read the words of those that are open."""
        for entry in os.scandir(self._folder):
            if entry.name.endswith(".ledger"):
                self._meet(Path(entry.path))
        for generation in self.there.values():
            for page in generation.pages.values():
                if page.fd >= 0:
                    page.words = words_of(page.fd)

    def _meet(self, path: Path) -> None:
        topic, number, _ = path.name.removesuffix(".ledger").rsplit(".", 2)
        key = (topic, int(number))
        generation = self.there.get(key)
        if generation is not None and path.name in generation.pages:
            return
        if key in self._judged:
            if path.name not in self.late:
                self.late.append(path.name)
            return
        meta = meta_of(path)
        if generation is None:
            generation = self.there[key] = Generation(topic, int(number), _attach(meta.segment))
        fd = os.open(path, os.O_RDONLY)
        generation.pages[path.name] = Page(path, meta, fd, words_of(fd))

    def writers(self) -> set[int]:
        """Processes that have a ledger open."""
        pages = (page for each in self.there.values() for page in each.pages.values())
        return {page.meta.process for page in pages if page.fd >= 0}

    def forget_dead(self, living: set[int]) -> None:
        """Close what is not written any more, and see which generations are over."""
        now = time.monotonic()
        for generation in self.there.values():
            for page in generation.pages.values():
                if page.fd >= 0 and not (page.open and page.meta.process in living):
                    page.words = words_of(page.fd)
                    os.close(page.fd)
                    page.fd = -1
            over = generation.deleted and all(p.fd < 0 for p in generation.pages.values())
            generation.over_since = (generation.over_since or now) if over else 0.0

    def judge_one(self, *, all_over: bool = False) -> bool:
        """Begin or collect one trial: False when there is nothing to judge."""
        if self._judge is not None:
            if self._judge.poll() is None:
                return True
            self._collect()
        now = time.monotonic()
        for generation in self.there.values():
            waited = generation.over_since and now - generation.over_since > GRACE_S
            if waited or all_over:
                self._begin(generation)
                return True
        return False

    def _begin(self, generation: Generation) -> None:
        latest = generation.look()
        arguments = [str(self._folder), generation.topic, str(generation.number)]
        arguments += [str(latest) if latest is not None else "none"]
        arguments += ["yes" if generation.deleted else "no"]
        command = [sys.executable, "-m", "tests.soak.judge", *arguments]
        self._judge = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._on_trial = generation

    def _collect(self) -> None:
        judge, generation = self._judge, self._on_trial
        assert judge is not None
        assert generation is not None
        text = judge.communicate()[0]
        self._judge = self._on_trial = None
        key = (generation.topic, generation.number)
        if judge.returncode:
            verdict = {"wrong": [f"{key}: the judge ended with {judge.returncode}"]}
        else:
            verdict = json.loads(text)
        self.verdicts.append(verdict)
        self._judged.add(key)
        del self.there[key]
        for page in generation.pages.values():
            if page.fd >= 0:
                os.close(page.fd)
            if not verdict["wrong"]:
                page.path.unlink()
        if generation.segment is not None:
            generation.segment.close()


def _attach(segment: str) -> Segment | None:
    try:
        return Segment(segment, write=False)
    except PodringError:
        return None  # deleted already
