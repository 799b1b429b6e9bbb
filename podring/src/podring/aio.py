"""Wake asyncio when a topic has news: one waiting thread a process, for all its subscribers.

A task that finds nothing new looks again for as long as that has paid of late, with other tasks in
between; then it registers a future and awaits it. The thread sleeps in the kernel on
the futex words of all topics that somebody waits for, and on a bell of its own by which it is told
of new ones; when a topic moves, it sets the futures in their loops. The event loop itself never
waits for shared memory. A process that uses no asyncio never starts the thread.

The kernel waits for at most 128 words at once (futex_waitv, Linux 5.16). More topics than that are
waited for in turns of `_TURN_S` each, and an older kernel looks every 5 ms: both cost idle CPU.
"""

from __future__ import annotations

import os
from time import perf_counter
from typing import TYPE_CHECKING

from podring.ring import _ring

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_TURN_S = 0.005

SPINS = 4
"""How many times longer than a thread's spinning it pays to look again: a sleep ends in the waiting
thread, which has to wake the loop. Less than that, and two who answer each other would both sleep
because the other one does."""


async def pause() -> None:
    """Let other tasks run."""
    import asyncio

    await asyncio.sleep(0)


async def in_thread(work: Callable[[], None]) -> None:
    """Do what may block, beside the event loop."""
    import asyncio

    await asyncio.to_thread(work)


async def spin_for_news(reader: _ring.Reader, seconds: float) -> bool:
    """Let other tasks run until there may be something to receive: False after so many seconds.

    A message that comes meanwhile is spared the way through the kernel, the waiting thread and back
    into the loop, which takes eight times as long as all the rest.
    """
    from asyncio import sleep

    until = perf_counter() + seconds
    while perf_counter() < until:
        await sleep(0)
        if _ring.has_news(reader):
            return True
    return False


async def wait_for_news(reader: _ring.Reader) -> None:
    """Return when `reader` may have something to receive, was closed, or lost its topic."""
    import asyncio

    future = asyncio.get_running_loop().create_future()
    waiter = _made.get(0) or _made.setdefault(0, Waiter())
    waiter.add(reader, future)
    try:
        await future
    finally:
        waiter.remove(reader, future)


def ring_bell() -> None:
    """Make the waiting thread, if there is one, look at all its readers again."""
    if waiter := _made.get(0):
        waiter.bell.ring()


class Waiter:
    """The waiting thread, started when it is first needed, and what it waits for."""

    def __init__(self) -> None:
        import threading

        self.bell = _ring.Bell()
        self._lock = threading.Lock()
        self._waiting: dict[_ring.Reader, set[asyncio.Future[None]]] = {}
        self._thread = threading.Thread(target=self._run, name="podring-waiter", daemon=True)

    def add(self, reader: _ring.Reader, future: asyncio.Future[None]) -> None:
        """Set `future` once `reader` has news."""
        with self._lock:
            self._waiting.setdefault(reader, set()).add(future)
            if self._thread.ident is None:
                self._thread.start()
        self.bell.ring()

    def remove(self, reader: _ring.Reader, future: asyncio.Future[None]) -> None:
        """Forget a future that was cancelled, or was set."""
        with self._lock:
            futures = self._waiting.get(reader, set())
            futures.discard(future)
            if not futures:
                self._waiting.pop(reader, None)

    def _run(self) -> None:
        while True:
            self._wait_once()

    def _wait_once(self) -> None:
        """Sleep, and tell whoever has news. Afterwards nothing here holds a reader any more."""
        heard = self.bell.value()
        with self._lock:
            readers = list(self._waiting)
        self._sleep(readers, heard)
        for reader in filter(_ring.has_news, readers):
            self._notify(reader)

    def _sleep(self, readers: list[_ring.Reader], heard: int) -> None:
        """Sleep until one of the readers may have news, or the bell rings."""
        if len(readers) <= _ring.WAIT_ANY_MAX:
            _ring.wait_any(readers, self.bell, heard)
            return
        for at in range(0, len(readers), _ring.WAIT_ANY_MAX):
            if any(map(_ring.has_news, readers)):
                return
            _ring.wait_any(readers[at : at + _ring.WAIT_ANY_MAX], self.bell, heard, _TURN_S)

    def _notify(self, reader: _ring.Reader) -> None:
        with self._lock:
            futures = self._waiting.pop(reader, set())
        for future in futures:
            try:
                future.get_loop().call_soon_threadsafe(_wake, future)
            except RuntimeError:
                continue  # its loop was closed, and the future with it


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


# The process's waiter, once there is one. Two threads that need the first at once get the same one,
# because setdefault is atomic; in a forked child there is none, because its thread stayed behind.
_made: dict[int, Waiter] = {}
os.register_at_fork(after_in_child=_made.clear)
