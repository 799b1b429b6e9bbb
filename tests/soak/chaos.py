"""What happens to the others: kills, stops, restarts and deletions, each in a thread of its own."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from podring import BrokerRefused, BrokerUnreachable, TopicNotFound
from podring.client import broker_at
from tests.broker import harness
from tests.broker.harness import Broker, Redis
from tests.soak.crew import Crew
from tests.soak.topics import TOPICS

# A run has all processors busy, and may itself have the lowest priority.
harness.START_S = 120.0


@dataclass
class Chaos:
    """Threads that do harm until `end`. What fails in them is told in `wrong`."""

    crew: Crew
    broker: Broker
    redis: Redis
    address: str
    seed: int
    every_s: float
    counts: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    slowest_start: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for name, act, pause_s in (
            ("kills", self.hurt_somebody, self.every_s),
            ("stops", self.stop_somebody, self.every_s * 3),
            ("broker", self.restart_broker, self.every_s * 12),
            ("redis", self.restart_redis, self.every_s * 15),
            ("deletions", self.delete_a_topic, self.every_s * 4),
        ):
            dice = random.Random(f"{self.seed} {name}")
            thread = threading.Thread(target=self._repeat, args=(act, pause_s, dice), name=name)
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _repeat(
        self, act: Callable[[random.Random], None], pause_s: float, dice: random.Random
    ) -> None:
        while not self._over.wait(dice.uniform(0, 2 * pause_s)):
            try:
                act(dice)
            except Exception as error:  # noqa: BLE001 - whatever it is, the run is told
                self.wrong.append(f"{threading.current_thread().name}: {error!r}")
                return

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def hurt_somebody(self, dice: random.Random) -> None:
        """SIGKILL; now and then several at once."""
        for _ in range(dice.choice([1, 1, 1, 1, 3])):
            victim = self.crew.pick()
            if victim is not None:
                self.crew.kill(victim)

    def stop_somebody(self, dice: random.Random) -> None:
        """SIGSTOP for a while; now and then it is killed as it lies there."""
        victim = self.crew.pick(veterans=True)
        if victim is None:
            return
        self.crew.stop(victim, dice.choice([0.01, 0.1, 0.5, 1.5, dice.uniform(2, 5)]))
        if dice.random() < 0.2 and not victim.veteran:
            self.crew.kill(victim)

    def restart_broker(self, dice: random.Random) -> None:
        if dice.random() < 0.5:
            self.broker.kill()
            self._count("broker killed (SIGKILL)")
        else:
            code, _ = self.broker.end(signal.SIGTERM)
            self._count("broker ended (SIGTERM)")
            if code:
                self.wrong.append(f"the broker ended with {code} after SIGTERM")
        time.sleep(dice.choice([0, 0, 0.5, 3]))
        started = time.monotonic()
        self.broker.start()
        self.slowest_start = max(self.slowest_start, time.monotonic() - started)

    def restart_redis(self, dice: random.Random) -> None:
        self.redis.kill()
        self._count("Redis killed (SIGKILL)")
        time.sleep(dice.choice([0, 0.5, 3]))
        self.redis.start()

    def delete_a_topic(self, dice: random.Random) -> None:
        topic = dice.choices(TOPICS, [topic.deleted for topic in TOPICS])[0]
        try:
            broker_at(self.address).delete(topic.name)
            self._count("topics deleted under load")
        except BrokerRefused:
            self._count("deletions answered with 503 while Redis was away")
        except (BrokerUnreachable, TopicNotFound):
            self._count("deletions in vain, no broker or no topic")
