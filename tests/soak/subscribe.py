"""A subscriber of the soak: message by message, in batches, by views, in asyncio, lossy or named.

Each message is checked when it comes, and written down with the sequence that the subscriber says
it has. Whatever does not come must have been called lost.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from podring import Evicted, NameTaken, Subscriber, TopicClosed
from tests.soak.ledger import Kind, Ledger, State, Word
from tests.soak.messages import Torn, check
from tests.soak.topics import SoakTopic
from tests.soak.worker import Worker, main

MODES = ("single", "many", "view", "iterate", "async")
STARTS = ("latest", "earliest", "last:100", "since:1s", 1)
TURN_S = 0.2


class Receiver:
    """One open subscriber, and its account."""

    def __init__(self, worker: Worker, topic: SoakTopic, mode: str, name: str | None) -> None:
        self.random, self._worker = worker.random, worker
        self._evicted: range | None = None
        self._early: list[range] | None = []  # losses told before there is a ledger
        lossy = topic.spec.overflow == "block" and self.random.random() < 0.3
        self.subscriber = Subscriber(
            topic.name,
            broker=worker.broker,
            create=topic.spec,
            start=self.random.choice(STARTS),
            name=name,
            lossy=lossy,
            spin=self.random.choice([None, 0, 0.001]),
            on_loss=self._on_loss,
        )
        more: dict[str, Any] = {"name": name or "", "lossy": lossy}
        record = self.subscriber.record
        self.ledger: Ledger = worker.ledger(record, "subscriber", mode, worker.next_who(), **more)
        self.ledger.set(Word.START, self.subscriber.offset)
        self.ledger.set(Word.END, self.subscriber.offset)
        self.state = State.OPEN
        early, self._early = self._early, None
        for lost in early or []:
            self._on_loss(lost)

    def _on_loss(self, lost: range) -> None:
        if self._early is not None:
            self._early.append(lost)
            return
        kind = Kind.EVICTED if lost == self._evicted else Kind.LOST
        self._evicted = None
        self.ledger.set(Word.HOLDING, lost.start)
        self.ledger.add(kind, 0, lost.start, 0, len(lost))
        self.ledger.set(Word.END, lost.stop)

    def take(self, message: Any, sequence: int, given_from: int = 0) -> None:
        """Check a message and write it down; `given_from` is where its batch begins."""
        who, counter = check(message)
        self.ledger.set(Word.HOLDING, given_from or sequence)
        self.ledger.add(Kind.RECEIVED, who, sequence, counter)
        self.ledger.set(Word.END, sequence + 1)
        self.ledger.moved(1, len(message))

    def single(self) -> None:
        for _ in range(100):
            message = self.subscriber.receive(TURN_S)
            assert self.subscriber.last is not None
            self.take(message, self.subscriber.last.sequence)

    def many(self) -> None:
        batch = self.subscriber.receive_many(self.random.randint(1, 2000), TURN_S)
        # Not by `offset`, which may be behind a loss that is told with the next call.
        first = self.subscriber.last.sequence - len(batch) + 1 if self.subscriber.last else 0
        for ahead, message in enumerate(batch):
            self.take(message, first + ahead, first)
        if not batch:
            raise TimeoutError

    def view(self) -> None:
        for _ in range(100):
            with self.subscriber.view(TURN_S) as message:
                self._look(message)

    def _look(self, message: Any) -> None:
        if self.random.random() < 0.002:
            time.sleep(0.05)  # long enough to be overwritten
        torn = None
        who = counter = -1
        try:
            who, counter = check(message)
        except Torn as error:
            torn = error
        self.ledger.set(Word.HOLDING, message.sequence)
        if message.valid:
            if torn is not None:
                raise torn
            self.ledger.add(Kind.RECEIVED, who, message.sequence, counter)
        else:
            self.ledger.add(Kind.INVALID, 0, message.sequence, 0)
        self.ledger.set(Word.END, message.sequence + 1)
        self.ledger.moved(1, len(message))

    def iterate(self) -> None:
        while (message := self.subscriber.receive_nowait()) is not None:
            assert self.subscriber.last is not None
            self.take(message, self.subscriber.last.sequence)
            if self._worker.ending:
                return
        time.sleep(0.001)
        if self._worker.draining:
            raise TimeoutError

    async def asynchronously(self) -> None:
        for _ in range(100):
            async with asyncio.timeout(TURN_S):
                message = await self.subscriber.receive_async()
            assert self.subscriber.last is not None
            self.take(message, self.subscriber.last.sequence)

    def ended(self, error: Exception) -> bool:
        """Write down what a call met: whether that is the end."""
        if isinstance(error, Evicted):
            # on_loss is told of it as well, with the next call.
            self._evicted = range(error.first, error.first + error.lost)
            return False
        if isinstance(error, TopicClosed):
            self.state = State.TOPIC_CLOSED
            return True
        return self._worker.draining and self.subscriber.lag == 0

    def close(self) -> None:
        self.subscriber.close()
        self.ledger.close(self.state or State.CLOSED)


class SubscribingWorker(Worker):
    """Episodes of subscribing."""

    def __init__(self, mode: str = "", name: str = "", **more: Any) -> None:
        super().__init__(**more)
        self._mode, self._name = mode, name or None
        self._loop: asyncio.Runner | None = None

    def _touch_everything(self) -> None:
        self._loop = asyncio.Runner()
        self._loop.get_loop()

    def episode(self, topic: SoakTopic) -> None:
        mode = self._mode or self.random.choice(MODES)
        if mode == "async":
            assert self._loop is not None
            self._loop.run(self._episode_async([topic, self.choose(), self.choose()]))
            return
        try:
            receiver = Receiver(self, topic, mode, self._name)
        except NameTaken:
            return  # a killed one of that name may take its time to die
        try:
            self._receive(receiver, getattr(receiver, mode))
        finally:
            receiver.close()

    def _until(self) -> float:
        return time.monotonic() + self.random.uniform(0.2, 20)

    def _receive(self, receiver: Receiver, turn: Any) -> None:
        until, pause_s = self._until(), self.random.choice([0, 0, 0, 0.01, 0.3])
        while not self.ending and (self.draining or time.monotonic() < until):
            try:
                turn()
            except (TimeoutError, Evicted, TopicClosed) as error:
                if receiver.ended(error):
                    return
            if pause_s and self.random.random() < 0.1:
                time.sleep(self.random.uniform(0, 2 * pause_s))

    async def _episode_async(self, topics: list[SoakTopic]) -> None:
        receivers: list[Receiver] = []
        try:
            for topic in topics:
                receivers += [Receiver(self, topic, "async", None)]
            until = self._until()
            await asyncio.gather(*(self._receive_async(each, until) for each in receivers))
        finally:
            for receiver in receivers:
                receiver.close()

    async def _receive_async(self, receiver: Receiver, until: float) -> None:
        while not self.ending and (self.draining or time.monotonic() < until):
            try:
                await receiver.asynchronously()
            except (TimeoutError, Evicted, TopicClosed) as error:
                if receiver.ended(error):
                    return


if __name__ == "__main__":
    main(SubscribingWorker)
