"""A publisher of the soak: single messages, batches and loans, at any pace, sometimes exclusive.

Before each call the ledger says how far the call will get, and after it how far it got. Between
the two the process may be killed, and then nobody but the ring knows.
"""

from __future__ import annotations

import os
import signal
import time

from podring import Full, Publisher, PublisherBusy, TopicClosed
from tests.soak.ledger import Kind, Ledger, State, Word
from tests.soak.messages import HEAD_BYTES, NEVER, Maker
from tests.soak.topics import SoakTopic
from tests.soak.worker import Worker, main

WAIT_S = 0.5
"""How long a call waits for room in a `block` topic before it says who is slow."""


class DroppedError(Exception):
    """Leaves a loan's block without publishing it."""


class PublishingWorker(Worker):
    """Episodes of publishing."""

    def run(self) -> None:
        self.maker = Maker(self.seed)
        super().run()

    def episode(self, topic: SoakTopic) -> None:
        exclusive = self.random.random() < 0.15
        timeout = WAIT_S if topic.spec.overflow == "block" else None
        with Publisher(
            topic.name,
            broker=self.broker,
            create=topic.spec,
            exclusive=exclusive,
            timeout=timeout,
            name=f"publisher {self.number}",
        ) as publisher:
            who = self.next_who()
            mode = "exclusive" if exclusive else "shared"
            ledger = self.ledger(publisher.record, "publisher", mode, who)
            sender = Sender(self, publisher, ledger, who, topic)
            state = State.CLOSED
            try:
                self._send(sender, 3.0 if exclusive else 15.0)
            except TopicClosed:
                state = State.TOPIC_CLOSED
            finally:
                publisher.close()
                ledger.close(state)

    def _send(self, sender: Sender, longest_s: float) -> None:
        until = time.monotonic() + self.random.uniform(0.2, longest_s)
        pause_s = self.random.choice([0.0, 0.0005, 0.005, 0.05])
        while not self.ending and time.monotonic() < until:
            try:
                self.random.choice([sender.singles, sender.batch, sender.loan])()
            except PublisherBusy:
                time.sleep(0.02)  # somebody has it for himself
            if pause_s:
                time.sleep(self.random.uniform(0, 2 * pause_s))


class Sender:
    """One open publisher, and its account."""

    def __init__(
        self, worker: Worker, publisher: Publisher, ledger: Ledger, who: int, topic: SoakTopic
    ) -> None:
        self.random, self._worker = worker.random, worker
        assert isinstance(worker, PublishingWorker)
        self._maker = worker.maker
        self._publisher, self._ledger, self._who, self._topic = publisher, ledger, who, topic
        self._counter = 0
        self._waits = topic.spec.overflow == "block"

    def _length(self) -> int:
        longest = self._topic.spec.max_message_bytes - HEAD_BYTES
        if self.random.random() < 0.01:
            return self.random.randint(0, longest)
        return int(min(longest, self._topic.longest) * self.random.random() ** 2)

    def _make(self, ahead: int = 0) -> bytes:
        return self._maker.make(self._who, self._counter + ahead, self._length())

    def _begin(self, count: int) -> None:
        self._ledger.set(Word.INTENT, self._counter + count)
        self._ledger.set(Word.BUSY, 1)

    def _end(self, last: int, count: int, nbytes: int) -> None:
        """`count` messages are out, the last one at sequence `last`; 0 when it is not known."""
        first = self._counter
        # Where publishers wait in the middle of a batch, others may come in between.
        known = count if not self._waits else min(count, 1)
        known = known if last else 0
        if count > known:
            self._ledger.add(Kind.OUT, self._who, 0, first, count - known)
        if known:
            at = (last - known + 1, first + count - known, known)
            self._ledger.add(Kind.PUBLISHED, self._who, *at)
        self._counter += count
        self._ledger.set(Word.END, self._counter)
        self._ledger.moved(count, nbytes)

    def _done(self) -> None:
        self._ledger.set(Word.INTENT, self._counter)
        self._ledger.set(Word.BUSY, 0)

    def singles(self) -> None:
        for _ in range(self.random.randint(1, 50)):
            message = self._make()
            self._begin(1)
            try:
                self._end(self._publisher.publish(message), 1, len(message))
            except Full:
                pass  # it is made again, with the same counter
            except PublisherBusy:
                self._done()
                raise
            self._done()
            if self._worker.ending:
                return

    def batch(self) -> None:
        messages = [self._make(ahead) for ahead in range(self.random.randint(1, 200))]
        while messages and not self._worker.ending:
            self._begin(len(messages))
            nbytes = sum(map(len, messages))
            try:
                self._end(self._publisher.publish_many(messages), len(messages), nbytes)
                messages = []
            except (Full, PublisherBusy) as error:
                published = getattr(error, "published", 0)
                self._end(0, published, sum(map(len, messages[:published])))
                messages = messages[published:]
                if isinstance(error, PublisherBusy):
                    self._done()
                    raise
            # Left as it is, busy, while it waits for room: the watch is to see that.
        self._done()

    def loan(self) -> None:
        for _ in range(self.random.randint(1, 10)):
            message = self._make()
            more = self._topic.spec.max_message_bytes - len(message)
            length = len(message) + self.random.randint(0, min(more, 500))
            self._begin(1)
            try:
                self._lend(message, length)
            except (Full, DroppedError):
                pass
            except PublisherBusy:
                self._done()
                raise
            self._done()

    def _lend(self, message: bytes, length: int) -> None:
        luck = self.random.random()
        with self._publisher.loan(length) as loan:
            if luck < 0.1:
                never = self._maker.make(NEVER, self._counter, 0)
                loan[: len(never)] = never
                raise DroppedError
            half = len(message) // 2
            loan[:half] = message[:half]
            if luck > 0.9995 and not self._worker.veteran:
                os.kill(os.getpid(), signal.SIGKILL)
            loan[half : len(message)] = message[half:]
            loan.truncate(len(message))
        assert loan.sequence is not None
        self._end(loan.sequence, 1, len(message))


if __name__ == "__main__":
    main(PublishingWorker)
