"""Whatever bytes lie in a topic's memory, Python programs get messages or one of podring's errors.

The C core is fuzzed for a short while, from the inputs in corpus; `scripts/fuzz SECONDS JOBS` does
it for longer. On top of it hypothesis damages the files of a real topic under a real Subscriber.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podring import PodringError, Publisher, Subscriber, TopicSpec, create_topic, delete_topic
from podring.client import broker_at
from podring.topic import Overflow
from tests.support.components import require

ROOT = Path(__file__).parents[2]
SECONDS = 40

# Words that decide where memory is touched: in the ring's header, its commit records, its roster.
HEADER = [
    0,
    8,
    12,
    16,
    24,
    32,
    40,
    64,
    72,
    76,
    80,
    512,
    516,
    640,
    648,
    656,
    768,
    776,
    784,
    792,
    896,
]
ROSTER = [0, 8, 12, 16, 128, 256, 264, 384, 388, *(4096 + at for at in (0, 4, 8, 56, 64, 72, 112))]
EDGES = [0, 1, 31, 32, 4096, 8192, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 32, 2**64 - 1]

PLACES = [("earliest", 0), ("last", 5), ("sequence", 3), ("since", 1), ("latest", 0)]

words = st.one_of(st.sampled_from(EDGES), st.integers(0, 2**64 - 1), st.integers(0, 40000))
changes = st.lists(
    st.one_of(
        st.tuples(st.just("ring"), st.sampled_from(HEADER), words),
        st.tuples(st.just("ring"), st.integers(0, 8000).map(lambda n: n * 4), words),
        st.tuples(st.just("roster"), st.sampled_from(ROSTER), words),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_core_withstands_a_fuzzer() -> None:
    require("clang")
    done = subprocess.run(
        [ROOT / "scripts" / "fuzz", str(SECONDS), "1"], check=False, capture_output=True, text=True
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def damage(segment: str, what: list[tuple[str, int, int]]) -> None:
    for half, at, word in what:
        path = Path(f"/dev/shm/{segment}.{half}")
        with path.open("r+b", buffering=0) as file:
            file.seek(min(at, path.stat().st_size - 8))
            file.write(word.to_bytes(8, "little"))


def use(subscriber: Subscriber) -> Iterator[object]:
    """Everything that a subscriber can be asked, one after the other."""
    yield subscriber.receive_nowait
    yield lambda: subscriber.receive_many(50, timeout=0)
    yield lambda: subscriber.receive(timeout=0.001)
    yield lambda: bytes(subscriber.view(timeout=0))
    yield lambda: subscriber.lag
    for where, number in [
        ("earliest", 0),
        ("last", 5),
        ("sequence", 3),
        ("since", 1),
        ("latest", 0),
    ]:
        yield lambda where=where, number=number: subscriber.seek(where, number)
        yield lambda: subscriber.receive_many(50, timeout=0)


def read_all(subscriber: Subscriber, most: int) -> None:
    for ask in use(subscriber):
        with contextlib.suppress(PodringError, TimeoutError):
            found = ask()  # type: ignore[operator]
            for message in found if isinstance(found, list) else [found]:
                assert not isinstance(message, bytes) or len(message) <= most


@pytest.mark.timeout(600)
@pytest.mark.parametrize("overflow", ["overwrite", "block"])
@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=changes, after=changes)
def test_a_subscriber_over_damaged_files_reads_or_raises(
    overflow: Overflow, before: list[tuple[str, int, int]], after: list[tuple[str, int, int]]
) -> None:
    name = f"hostile-{secrets.token_hex(6)}"
    record = create_topic(name, TopicSpec("24Ki", "4Ki", overflow), broker="local")
    started = time.process_time()
    try:
        with Publisher(name, broker="local") as publisher:
            publisher.publish_many([bytes(n % 3000) for n in range(0, 9000, 700)])
            with Subscriber(name, broker="local", start="earliest", spin=0) as early:
                damage(record.segment, before)
                read_all(early, 4096)
                with (
                    contextlib.suppress(PodringError),
                    Subscriber(name, broker="local", start="last:3", spin=0) as late,
                ):
                    read_all(late, 2**32)
                damage(record.segment, after)
                read_all(early, 4096)
    finally:
        with contextlib.suppress(PodringError):
            delete_topic(name, broker="local")
        for half in ("ring", "roster"):  # what calls itself nobody's is nobody's to delete
            Path(f"/dev/shm/{record.segment}.{half}").unlink(missing_ok=True)
    assert time.process_time() - started < 20, "that was nearly an endless loop"


def test_a_broker_lists_what_it_can_read() -> None:
    """One damaged topic hides no other."""
    names = [f"hostile-{secrets.token_hex(6)}" for _ in range(2)]
    records = [create_topic(name, TopicSpec("24Ki", "4Ki"), broker="local") for name in names]
    try:
        damage(records[0].segment, [("ring", 16, 2**64 - 1), ("ring", 128, 2**64 - 1)])
        assert broker_at("local").get(names[1]) == records[1]
    finally:
        for record in records:
            for half in ("ring", "roster"):
                Path(f"/dev/shm/{record.segment}.{half}").unlink(missing_ok=True)
