"""A broker below a memory limit: its default budget keeps to it, and nobody is killed.

A limit does not refuse, it kills; the first test shows that it is real here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from podring import NoRoom, Publisher, Subscriber, TopicSpec
from podring.client import broker_at
from podring.segment import footprint
from tests.broker.harness import Broker
from tests.limits.cgroups import MemoryCgroup, memory_cgroup
from tests.limits.confined import need_root

LIMIT = 256 << 20
SPEC = TopicSpec("8Mi", "64Ki")
KEEP_ON = """
import itertools, sys
from podring import TopicSpec, create_topic
sys.stdin.readline()
for number in itertools.count():
    print(create_topic(f"limits.oom.{number}", TopicSpec("8Mi", "64Ki"), broker="local").name)
"""


class Confined(Broker):
    """A broker that is in a cgroup before it does anything."""

    def __init__(self, folder: Path, cgroup: MemoryCgroup, *arguments: str) -> None:
        super().__init__(folder, "limits-memory", "memory:", *arguments)
        self._cgroup = cgroup

    def launch(self) -> Broker:
        here = Path("/proc/self/cgroup").read_text()
        back = self._cgroup.path.parent / _own(here).lstrip("/")
        self._cgroup.enter(os.getpid())
        try:
            return super().launch()
        finally:
            (back / "cgroup.procs").write_text(str(os.getpid()))


def _own(table: str) -> str:
    """This process's own memory cgroup."""
    for line in table.splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return path
    return next(line.split(":", 2)[2] for line in table.splitlines() if line.startswith("0:"))


def test_the_limit_is_real_and_kills_who_creates_beyond_it_without_a_budget() -> None:
    need_root()
    with memory_cgroup(96 << 20) as cgroup:
        child = subprocess.Popen(
            [sys.executable, "-u", "-c", KEEP_ON],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        cgroup.enter(child.pid)
        made, _ = child.communicate("go\n", timeout=60)
        try:
            assert child.returncode == -signal.SIGKILL
            assert cgroup.oom_kills() >= 1
        finally:
            for name in made.split():
                broker_at("local").delete(name)


@pytest.mark.parametrize("budget", ["default", "60%"])
def test_topics_within_the_budget_fill_up_and_nobody_is_killed(tmp_path: Path, budget: str) -> None:
    need_root()
    settings = [] if budget == "default" else ["--budget", budget]
    share = 50 if budget == "default" else 60
    with memory_cgroup(LIMIT) as cgroup:
        broker = Confined(tmp_path / "broker", cgroup, *settings).start()
        try:
            [started] = broker.events("broker.start")
            assert started["budget"] == LIMIT * share // 100
            keeper = broker_at(broker.address)
            fit = started["budget"] // footprint(SPEC)
            made = [keeper.create(f"t{number}", SPEC) for number in range(fit)]
            with pytest.raises(NoRoom, match=f"{started['budget']}.*delete"):
                keeper.create("one.more", SPEC)
            assert cgroup.used() > len(made) * footprint(SPEC)
            for record in made:  # every page is there already: using them costs nothing more
                with (
                    Publisher(record.name, broker=broker.address) as publisher,
                    Subscriber(record.name, broker=broker.address, start=1) as subscriber,
                ):
                    publisher.publish_many([bytes(60_000)] * 150)
                    assert len(subscriber.receive_many(1000)) + subscriber.lost == 150
            for _ in range(20):  # and again: what is deleted is given back
                keeper.delete("t0")
                keeper.create("t0", SPEC)
            assert cgroup.oom_kills() == 0
            assert broker.ready()
        finally:
            broker.close()
