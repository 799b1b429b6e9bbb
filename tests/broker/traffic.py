"""A publisher and a subscriber that go on while brokers and catalogues die around them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from podring import Publisher, Subscriber
from tests.broker.harness import eventually

LAST = 0


class Traffic:
    """Publishes numbers in one thread and receives them in another, where none may be missing."""

    def __init__(self, topic: str, address: str) -> None:
        self.received = 0
        self._publisher = Publisher(topic, broker=address)
        self._subscriber = Subscriber(topic, broker=address)
        self._errors: list[BaseException] = []
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._guard, args=(work,))
            for work in (self._publish, self._receive)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.goes_on()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(20)
        self._publisher.close()
        self._subscriber.close()
        if error is None:
            assert self._errors == []

    def goes_on(self) -> None:
        """Wait until another hundred messages came through."""
        wanted = self.received + 100
        eventually(lambda: self._errors or self.received >= wanted)
        assert self._errors == []

    def _publish(self) -> None:
        number = 0
        while not self._ending.is_set():
            number += 1
            self._publisher.publish(number.to_bytes(8, "little"))
            time.sleep(0.0005)
        self._publisher.publish(LAST.to_bytes(8, "little"))

    def _receive(self) -> None:
        while number := int.from_bytes(self._subscriber.receive(timeout=5), "little"):
            assert number == self.received + 1, f"{number} came after {self.received}"
            self.received = number
        assert self._subscriber.lost == 0

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001
            self._errors.append(error)
