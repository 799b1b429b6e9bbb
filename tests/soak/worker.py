"""What publishers and subscribers of the soak have in common: a process that does episodes.

In an episode a worker opens a topic, uses it for some seconds, writes down in a ledger what came of
it, and closes it. SIGTERM ends it after the call that is under way; SIGUSR1 lets a subscriber read
what is left before. What must not happen is written to a file that the conductor looks for.
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from podring import BrokerRefused, BrokerUnreachable, PublisherBusy, TopicClosed, TopicNotFound
from tests.soak.ledger import Ledger, Meta
from tests.soak.topics import TOPICS, SoakTopic

BROKEN = 70
"""Exit code of a worker that saw what must not happen."""

GONE_S = 10.0
"""By when a worker has nothing open any more."""

NOT_NOW = (BrokerUnreachable, BrokerRefused, TopicNotFound, TopicClosed, PublisherBusy)
"""What opening a topic may meet while brokers, Redis and topics come and go."""


class Worker:
    """One process of the soak; `episode` is the subclass's."""

    def __init__(self, number: int, seed: int, folder: str, broker: str, **more: Any) -> None:
        self.number = number
        self.folder = Path(folder)
        self.broker = broker
        self.seed = seed
        self.veteran = bool(more.get("veteran"))
        self.random = random.Random(f"{seed} {number}")
        self.ending = self.draining = False
        self._episodes = 0
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGUSR1, self._drain)

    def _end(self, *_: object) -> None:
        self.ending = True

    def _drain(self, *_: object) -> None:
        self.draining = True

    def episode(self, topic: SoakTopic) -> None:
        raise NotImplementedError

    def next_who(self) -> int:
        """A number that no other opening of a topic has."""
        self._episodes += 1
        return self.number << 14 | self._episodes

    def choose(self) -> SoakTopic:
        return self.random.choices(TOPICS, [topic.weight for topic in TOPICS])[0]

    def ledger(self, record: Any, role: str, mode: str, who: int, **more: Any) -> Ledger:
        where = (record.name, record.generation, record.segment)
        return Ledger(self.folder, Meta(*where, role, mode, who, os.getpid(), **more))

    def run(self) -> None:
        """Do episodes until told to end, and say what is still open then."""
        self._touch_everything()
        before = _open_files()
        while not (self.ending or self.draining):
            try:
                self.episode(self.choose())
            except NOT_NOW:
                time.sleep(self.random.uniform(0.05, 0.4))
        after = _open_files()
        deadline = time.monotonic() + GONE_S
        while len(after) > len(before) and time.monotonic() < deadline:
            gc.collect()  # a subscriber and whoever hears of its losses may hold each other
            time.sleep(0.05)  # and asyncio's waiting thread lets go when it has its turn
            after = _open_files()
        report = {"before": before, "after": after}
        (self.folder / f"exit-{os.getpid()}.json").write_text(json.dumps(report))

    def _touch_everything(self) -> None:
        """What opens descriptors once for all, before they are counted."""


def _open_files() -> list[str]:
    """What this process has open, and what of podring it has mapped."""
    names = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            names.append(os.readlink(f"/proc/self/fd/{fd}"))
        except FileNotFoundError:
            continue  # listdir's own
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    return sorted(names) + sorted({line.split()[-1] for line in maps if "/podring." in line})


def main(kind: type[Worker]) -> None:
    """Run a worker from the JSON in the first argument."""
    options = json.loads(sys.argv[1])
    try:
        kind(**options).run()
    except BaseException:  # noqa: BLE001 - it is told, and ends the run
        text = f"worker {options['number']} (process {os.getpid()})\n{traceback.format_exc()}"
        (Path(options["folder"]) / f"broken-{os.getpid()}.txt").write_text(text)
        print(text, file=sys.stderr)
        os._exit(BROKEN)
