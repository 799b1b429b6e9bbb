"""Run a scenario's halves, each in a process of its own, and bring back what each of them measured.

Halves meet at gates: each calls `gate()` when it has come so far, and goes on when all have. The
first gate is passed when every end is open, the second when nobody needs another's end any more. A
half that fails, dies or takes too long ends them all: the run has failed, with a reason.
"""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from benchmarks import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

LIMIT_S = 30.0
_AT_GATE, _DONE, _FAILED = "at gate", "done", "failed"


@dataclass(frozen=True)
class Half:
    """One process of a run."""

    name: str
    """As an error says it: "receiver 2"."""
    call: Callable[..., Any]
    """Called with the gate and the arguments; a function of a module, as it is found by name."""
    arguments: tuple[object, ...]
    role: int | None = None
    """Which processor it runs on; None: any."""


class RunFailed(Exception):
    """A run that did not end well; its text is the reason that the report gives."""


def run(
    halves: Sequence[Half],
    *,
    limit_s: float | None = None,
    at_gate: Callable[[int], object] = lambda _: None,
) -> list[Any]:
    """Start all halves and wait for them.

    limit_s  seconds for everything, the start of the processes too; None: LIMIT_S
    at_gate  called here while all halves wait at a gate, with the number of gates passed before
    returns  what each half returned
    raises   RunFailed when a half raised, died or took too long
    """
    limit_s = LIMIT_S if limit_s is None else limit_s
    context = multiprocessing.get_context("spawn")
    crew: list[tuple[Half, SpawnProcess, Connection]] = []
    patience_s = 0.0
    try:
        for half in halves:
            mine, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, half), daemon=True)
            process.start()
            theirs.close()
            crew.append((half, process, mine))
        results = _attend(crew, time.monotonic() + limit_s, limit_s, at_gate)
        patience_s = 2.0
        return results
    finally:
        for _, process, mine in crew:
            _end(process, patience_s)
            mine.close()


def _attend(
    crew: list[tuple[Half, SpawnProcess, Connection]],
    deadline: float,
    limit_s: float,
    at_gate: Callable[[int], object],
) -> list[Any]:
    results: dict[int, Any] = {}
    waiting: set[int] = set()
    passed = 0
    while len(results) < len(crew):
        pipes = [pipe for number, (_, _, pipe) in enumerate(crew) if number not in results]
        ready = wait(pipes, timeout=max(0.0, deadline - time.monotonic()))
        if not ready:
            late = [
                crew[n][0].name
                for n in range(len(crew))
                if n not in results | dict.fromkeys(waiting)
            ]
            raise RunFailed(f"{' and '.join(late)} not done within {limit_s:g} s")
        for number, (half, process, pipe) in enumerate(crew):
            if pipe not in ready:
                continue
            kind, value = _hear(half, process, pipe)
            if kind == _DONE:
                results[number] = value
            else:
                waiting.add(number)
        if len(waiting) == len(crew):
            at_gate(passed)
            passed += 1
            waiting.clear()
            for _, _, pipe in crew:
                pipe.send(None)
    return [results[number] for number in range(len(crew))]


def _hear(half: Half, process: SpawnProcess, pipe: Connection) -> tuple[str, Any]:
    try:
        kind, value = pipe.recv()
    except EOFError:
        process.join(5)
        raise RunFailed(f"{half.name} died without a word, exit code {process.exitcode}") from None
    if kind == _FAILED:
        raise RunFailed(f"{half.name}: {value}")
    return kind, value


def _work(pipe: Connection, half: Half) -> None:
    def gate() -> None:
        pipe.send((_AT_GATE, None))
        pipe.recv()

    if half.role is not None:
        machine.pin(half.role)
    try:
        pipe.send((_DONE, half.call(gate, *half.arguments)))
    except Exception as error:  # noqa: BLE001 - a peer may raise anything, and all of it is a reason
        pipe.send((_FAILED, f"{type(error).__name__}: {error}"))


def _end(process: SpawnProcess, patience_s: float) -> None:
    process.join(patience_s)
    if process.is_alive():
        process.kill()
        process.join()
