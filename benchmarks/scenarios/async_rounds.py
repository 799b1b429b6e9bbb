"""The round trip under asyncio: both ends await what comes, in an event loop each.

They wait at the gates in a thread, so that the loop can go on sending what it was given.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from benchmarks.scenarios.account import Account, Meter
from benchmarks.scenarios.payloads import Wrong, payloads
from benchmarks.scenarios.rounds import TEN, WARM_UP, stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.protocol import AsyncEnd, AsyncLink


def call(gate: Callable[[], None], link: AsyncLink, size: int, seconds: float) -> Account:
    """Send, await the answer, compare, again and again."""
    return asyncio.run(_call(gate, link, size, seconds))


async def _call(gate: Callable[[], None], link: AsyncLink, size: int, seconds: float) -> Account:
    messages = payloads(size, TEN, 0)
    async with link.async_end(0) as end:
        await asyncio.to_thread(gate)
        meter = Meter()
        warm = await _rounds(end, messages, seconds * WARM_UP)
        times = await _rounds(end, messages, seconds)
        account = meter.stop()
        await end.send(stop(size))
        await asyncio.to_thread(gate)
    tens = [sum(times[first : first + TEN]) for first in range(0, len(times), TEN)]
    account.samples = {"ten": tens, "singly": times, "rounds": [len(warm + times)]}
    return account


async def _rounds(end: AsyncEnd, messages: list[bytes], seconds: float) -> list[int]:
    send, receive = end.send, end.receive
    clock, times = time.perf_counter_ns, list[int]()
    last = clock()
    until = last + int(seconds * 1e9)
    while last < until:
        for message in messages:
            await send(message)
            if (got := await receive()) != message:
                raise Wrong(len(times), got, message)
            now = clock()
            times.append(now - last)
            last = now
    return times


def answer(gate: Callable[[], None], link: AsyncLink, size: int, _: float) -> Account:
    """Send back what comes, until told to stop."""
    return asyncio.run(_answer(gate, link, size))


async def _answer(gate: Callable[[], None], link: AsyncLink, size: int) -> Account:
    messages, last = payloads(size, TEN, 0), stop(size)
    async with link.async_end(1) as end:
        await asyncio.to_thread(gate)
        meter = Meter()
        going = True
        while going:
            for expected in messages:
                if (got := await end.receive()) != expected:
                    if got != last:
                        raise Wrong(0, got, expected)
                    going = False
                    break
                await end.send(expected)
        account = meter.stop()
        await asyncio.to_thread(gate)
    return account
