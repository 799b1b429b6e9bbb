"""Results as a run leaves them behind, invented: the same numbers every time."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmarks import floors
from benchmarks.results import Failure, Floor, Results, Run

KIB, MIB = 1 << 10, 1 << 20
SIZES = (64, KIB, 16 * KIB, 256 * KIB, 4 * MIB, 16 * MIB)
REPETITIONS = 3

# name: family, nanoseconds a small message, bytes a nanosecond, round trip in nanoseconds
PEERS: dict[str, tuple[str, float, float, float]] = {
    "podring": ("podring", 120, 9, 600),
    "podring (exclusive)": ("podring", 100, 9, 590),
    "podring (block)": ("podring", 130, 9, 610),
    "os.pipe": ("os.pipe", 700, 2.5, 9_000),
    "Unix socket": ("sockets", 900, 2.4, 9_600),
    "TCP": ("sockets", 1_100, 2.0, 16_900),
    "UDP": ("sockets", 2_100, 1.0, 15_500),
    "multiprocessing.Queue": ("multiprocessing", 4_200, 0.9, 35_000),
    "ZeroMQ (ipc)": ("ZeroMQ", 1_200, 2.2, 41_000),
    "Redis Pub/Sub": ("Redis", 42_000, 0.5, 88_000),
    "Redis Streams": ("Redis", 51_000, 0.4, 95_000),
    "Redis Streams, pipelined": ("Redis", 6_200, 0.45, 97_000),
    "NATS": ("NATS", 5_100, 0.3, 130_000),
    "RabbitMQ": ("RabbitMQ", 62_000, 0.2, 310_000),
    "Zenoh": ("Zenoh", 7_800, 1.1, 61_000),
    "iceoryx2 (copied)": ("iceoryx2", 2_500, 2.0, 5_200),
    "iceoryx2 (loaned)": ("iceoryx2", 2_700, 2_000.0, 5_400),
}
BATCHING = ("podring", "os.pipe", "Redis Streams, pipelined")


def results() -> Results:
    """Everything that a full run measures."""
    made = Results(
        about={
            "date": "2026-11-21",
            "processor": "An Invented Processor, 2 usable",
            "kernel": "6.18.5",
            "python": "3.11.7",
            "commit": "0123456789ab",
        }
    )
    for name, (family, *_) in PEERS.items():
        settings = f"What {name}'s documentation recommends."
        made.peers[name] = {"family": family, "version": f"{family} 1.2.3", "settings": settings}
    for repetition in range(REPETITIONS):
        made.runs += _runs(repetition)
        made.floors += _floors(repetition)
    made.failures.append(Failure("one to one", "UDP", "single", 16 * MIB, "3 of 200 were lost"))
    return made


def run(
    scenario: str, peer: str, way: str, size: int, repetition: int = 0, **figures: float
) -> Run:
    """One run with the figures that a test is about."""
    return Run(scenario, peer, way, size, repetition, figures)


def _runs(repetition: int) -> Iterator[Run]:
    wobble = 1 + 0.04 * (repetition - 1)
    for number, name in enumerate(PEERS):
        shaken = wobble * (1 + 0.01 * ((number + repetition) % 3))
        yield from _streams(name, repetition, shaken)
        yield from _trips(name, repetition, shaken)


def _streams(name: str, repetition: int, wobble: float) -> Iterator[Run]:
    for size in SIZES:
        if (name, size) == ("UDP", 16 * MIB):
            continue
        yield _stream("one to one", name, "single", size, repetition, wobble)
        if name.startswith(BATCHING):
            yield _stream("one to one", name, "batched", size, repetition, wobble * 0.45)
        if name.startswith("podring") or "loaned" in name:
            yield _stream("one to one", name, "loan", size, repetition, wobble * 2, free=True)
    if name in ("podring", "ZeroMQ (ipc)", "Redis Pub/Sub", "NATS", "Zenoh", "iceoryx2 (copied)"):
        yield _stream("one to four", name, "single", KIB, repetition, wobble, 4)
    if name in ("podring", "podring (block)"):
        for receivers in (1, 2, 4, 9, 10):
            sent = {"publisher_ns": PEERS[name][1] * wobble * (1 + receivers / 100)}
            yield Run("subscribers", name, "single", KIB, repetition, sent, receivers=receivers)
    if name not in ("os.pipe", "podring (exclusive)"):
        yield _stream("four to one", name, "single", 64, repetition, wobble * 1.7)
        yield _stream("one to one", name, "single", 64, repetition, wobble * 2.5, pinned=False)


def _stream(
    scenario: str,
    name: str,
    way: str,
    size: int,
    repetition: int,
    wobble: float,
    receivers: int = 1,
    *,
    pinned: bool = True,
    free: bool = False,
) -> Run:
    _, call, speed, _ = PEERS[name]
    copied = 0 if free else size / speed
    ns = (call + copied) * wobble
    ours = name.startswith("podring")
    publisher = ns * (1 if ours else 0.8 + 0.2 * receivers)
    served = 0.0 if ours or "Q" in name or "pipe" in name else 0.3
    figures = {
        "rate": receivers * 1e9 / publisher,
        "publisher_ns": publisher,
        "publisher_cpu": publisher / 1e3,
        "subscriber_cpu": ns / 1e3 * 0.9,
        "server_cpu": served * ns / 1e3,
        "publisher_memory": (9 + len(name) / 4) * MIB,
        "subscriber_memory": (8 + len(name) / 3) * MIB,
        "server_memory": MIB if ours else served * 30 * MIB,
    }
    return Run(scenario, name, way, size, repetition, figures, pinned, receivers)


def _trips(name: str, repetition: int, wobble: float) -> Iterator[Run]:
    trip = PEERS[name][3] * wobble
    ours = name.startswith("podring")
    for size in (64, KIB):
        longer = math.log2(size) / 6
        ways = {"default": 1.0}
        if ours:
            ways |= {"spin": 0.9, "sleep": 18.0, "asyncio": 60.0}
        if "iceoryx2" in name:
            ways["spin"] = 0.9
        if name in ("Unix socket", "TCP", "ZeroMQ (ipc)"):
            ways["asyncio"] = 6.0
        for way, times in ways.items():
            p50 = trip * longer * times
            tail = {"p50": p50, "p99": p50 * 1.6, "p99_9": p50 * 4.5}
            yield Run("round trip", name, way, size, repetition, tail)
    if name in ("podring", "Unix socket", "ZeroMQ (ipc)", "NATS"):
        tail = {"p50": trip * 30, "p99": trip * 55, "p99_9": trip * 80}
        yield Run("burst", name, "default", 64, repetition, tail)
        yield Run("one way", name, "default", 64, repetition, {k: v / 55 for k, v in tail.items()})
        woken = 0.0 if ours else 2.0
        figures = {"wakeups": woken, "idle_cpu": woken / 1e4}
        yield Run("idle", name, "default", 64, repetition, figures)


def _floors(repetition: int) -> Iterator[Floor]:
    values = {
        "cache line, round trip": 210.0,
        "message of 64 B, round trip": 420.0,
        "futex, round trip": 8_700.0,
    }
    for number, (name, unit) in enumerate(floors.UNITS.items()):
        usual = {"ns": 25.0, "bytes/s": 9e9, "messages/s": 4e7}[unit] * (1 + number / 20)
        wobble = 1 + 0.03 * repetition
        yield Floor(name, unit, repetition, values.get(name, usual) * wobble)
