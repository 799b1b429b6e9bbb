"""What the tests of the benchmarks' peers share: a run between real processes, and its remains.

Messages differ from each other and know their sender and their number. A receiver that finds
another one than it must be ends the test with an error, and so does one that waits in vain.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import os
import tempfile
import time
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.peers.protocol import AsyncEnd, Link, Peer, Receiver, Sender, Topology

PATIENCE_S = 60


def carry(peer: Peer, topology: Topology, count: int) -> None:
    """Send `count` messages from each sender, and see each of them arrive where it must, in order.

    Afterwards no server runs, the folder is empty, and nothing new is in /dev/shm.
    """
    before = _shared_memory()
    with tempfile.TemporaryDirectory(prefix="pr-") as name:
        folder = Path(name, "peer")
        folder.mkdir()
        with peer.serve(folder, topology) as served:
            halves = _halves(topology)
            run_halves([functools.partial(h, served.link, topology, count) for h in halves])
    left = _shared_memory() - before
    assert not left


def run_halves(halves: list[Callable[..., None]]) -> None:
    """Run each in a process of its own, with a barrier at which all have opened their ends."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(halves))
    processes = [context.Process(target=half, args=(barrier.wait,)) for half in halves]
    for process in processes:
        process.start()
    running = {process.sentinel: process for process in processes}
    until = time.monotonic() + PATIENCE_S
    try:
        while running:
            ended = wait(list(running), until - time.monotonic())
            assert ended, f"{len(running)} of {len(halves)} halves wait for something in vain"
            for process in [running.pop(sentinel) for sentinel in set(running) & set(ended)]:
                process.join()
                assert process.exitcode == 0
    finally:
        for process in processes:
            process.kill()
            process.join()


@contextlib.contextmanager
def no_process_left() -> Iterator[None]:
    """No process that this one started in the block, or that such a one started, outlives it."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    left = [c for c in psutil.Process().children(recursive=True) if c.pid not in before]
    # Python's own helper for multiprocessing stays until the interpreter ends.
    left = [child for child in left if "resource_tracker" not in " ".join(child.cmdline())]
    assert not left


def _shared_memory() -> set[str]:
    """Files in /dev/shm that a peer of this process may have left.

    Others may be at work there: iceoryx2's names begin with our process id, and of Zenoh's, which
    are numbers, those count that no process uses.
    """
    files = Path("/dev/shm")
    ours = {file.name for file in files.glob(f"*{os.getpid()}_*")}
    return ours | {file.name for file in files.glob("*.zenoh") if not _is_mapped(file)}


def _is_mapped(file: Path) -> bool:
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            if str(file) in maps.read_text(errors="replace"):
                return True
    return False


def _halves(topology: Topology) -> list[Callable[..., None]]:
    if topology.way == "asyncio":
        calls = [(_call_async, 0), (_answer_async, 1)]
    elif topology.duplex:
        calls = [(_call, 0), (_answer, 1)]
    else:
        calls = [(_send, n) for n in range(topology.senders)]
        calls += [(_receive, n) for n in range(topology.receivers)]
    return [functools.partial(call, index) for call, index in calls]


def _message(size: int, sender: int, number: int) -> bytes:
    return (bytes([sender]) + number.to_bytes(7, "little")) * (size // 8)


def _send(index: int, link: Link, topology: Topology, count: int, gate: Callable[[], None]) -> None:
    messages = [_message(topology.size, index, number) for number in range(count)]
    with link.sender(index) as end:
        gate()
        _give(end, messages, topology.way)
        end.flush()
        gate()


def _give(end: Sender, messages: list[bytes], way: str) -> None:
    if way == "batched" and end.send_many:
        end.send_many(messages)
    elif way == "loan":
        assert end.lend
        for message in messages:
            with end.lend(len(message)) as memory:
                memoryview(memory).cast("B")[:] = message  # type: ignore[arg-type]
    else:
        for message in messages:
            end.send(message)


def _receive(
    index: int, link: Link, topology: Topology, count: int, gate: Callable[[], None]
) -> None:
    seen = [0] * topology.senders
    with link.receiver(index) as end:
        gate()
        take = _taker(end, topology.way)
        for _ in range(count * topology.senders):
            message = take()
            sender = message[0]
            assert message == _message(topology.size, sender, seen[sender]), seen
            seen[sender] += 1
        gate()


def _taker(end: Receiver, way: str) -> Callable[[], bytes]:
    if way == "batched" and end.receive_many:
        return functools.partial(next, _from_batches(end.receive_many))
    if way == "loan":
        assert end.view
        return functools.partial(_viewed, end.view)
    if end.iterate:
        return functools.partial(next, map(bytes, end.iterate))
    return lambda: bytes(end.receive())


def _from_batches(receive_many: Callable[[int], object]) -> Iterator[bytes]:
    while True:
        batch = list(receive_many(7))  # type: ignore[call-overload]
        assert 1 <= len(batch) <= 7
        yield from map(bytes, batch)


def _viewed(view: Callable[[], contextlib.AbstractContextManager[object]]) -> bytes:
    with view() as memory:
        return bytes(memory)  # type: ignore[call-overload, no-any-return]


def _call(index: int, link: Link, topology: Topology, count: int, gate: Callable[[], None]) -> None:
    with link.receiver(index) as answers, link.sender(index) as out:
        gate()
        for number in range(count):
            message = _message(topology.size, index, number)
            out.send(message)
            assert bytes(answers.receive()) == message
        gate()


def _answer(
    index: int, link: Link, topology: Topology, count: int, gate: Callable[[], None]
) -> None:
    with link.receiver(index) as calls, link.sender(index) as out:
        gate()
        for _ in range(count):
            out.send(bytes(calls.receive()))
        gate()


def _call_async(index: int, link: Any, topology: Topology, count: int, gate: Any) -> None:
    async def call() -> None:
        async with link.async_end(index) as end:
            gate()
            for number in range(count):
                message = _message(topology.size, index, number)
                await end.send(message)
                assert bytes(await end.receive()) == message
            gate()

    asyncio.run(call())


def _answer_async(index: int, link: Any, topology: Topology, count: int, gate: Any) -> None:
    async def answer() -> None:
        async with link.async_end(index) as end:
            gate()
            await _echo(end, count)
            await asyncio.to_thread(gate)

    asyncio.run(answer())


async def _echo(end: AsyncEnd, count: int) -> None:
    for _ in range(count):
        await end.send(bytes(await end.receive()))
