"""How long a message takes from one process to another that has nothing else to do.

The sender sleeps before each message, so none waits behind another. Both ends look at the clock
that all processors of a machine share, and the run compares their lists.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.processes import Half
from benchmarks.scenarios.account import Account, Meter
from benchmarks.scenarios.payloads import Wrong, payloads
from benchmarks.scenarios.percentiles import percentiles
from benchmarks.scenarios.stage import stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.protocol import Link, Peer, Topology

PAUSE_S = 100e-6
WARM_UP = 100
CYCLE = 100


def run(peer: Peer, topology: Topology, seconds: float, *, pinned: bool = True) -> dict[str, float]:
    """Send now and then for about so long, and give the figures."""
    pause_s = max(PAUSE_S, 5 / peer.traits.rate)
    count = max(1, round(seconds / (pause_s + PAUSE_S) / CYCLE)) * CYCLE + WARM_UP
    with stage(peer, topology) as ready:
        arguments = (ready.served.link, topology.size, count, pause_s)
        halves = [
            Half(half.__name__, half, arguments, role if pinned else None)
            for role, half in enumerate((send, receive))
        ]
        sender, receiver = ready.play(halves).results
    pairs = zip(sender.samples["at"], receiver.samples["at"], strict=True)
    return percentiles([came - went for went, came in pairs][WARM_UP:])


def send(gate: Callable[[], None], link: Link, size: int, count: int, pause_s: float) -> Account:
    """Send one message after each pause, and note when."""
    messages, clock, times = payloads(size, CYCLE, 0), time.perf_counter_ns, []
    with link.sender(0) as end:
        send_one = end.send
        gate()
        meter = Meter()
        for number in range(count):
            time.sleep(pause_s)
            times.append(clock())
            send_one(messages[number % CYCLE])
        end.flush()
        account = meter.stop()
        gate()
    account.samples = {"at": times}
    return account


def receive(gate: Callable[[], None], link: Link, size: int, count: int, _: float) -> Account:
    """Wait for each message, and note when it came."""
    messages, clock, times = payloads(size, CYCLE, 0), time.perf_counter_ns, []
    with link.receiver(0) as end:
        receive_one = end.receive
        gate()
        meter = Meter()
        for number in range(count):
            got = receive_one()
            times.append(clock())
            if got != messages[number % CYCLE]:
                raise Wrong(number, got, messages[number % CYCLE])
        account = meter.stop()
        gate()
    account.samples = {"at": times}
    return account
