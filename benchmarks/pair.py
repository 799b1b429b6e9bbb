"""Run two halves of a scenario in two processes and bring back what each of them measured."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks import machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

First = TypeVar("First")
Second = TypeVar("Second")

_PATIENCE_S = 120


def run(
    first: Callable[..., First], second: Callable[..., Second], *arguments: object
) -> tuple[First, Second]:
    """Call both halves with the same arguments, each in a process and on a processor of its own.

    returns  what each half returned
    raises   RuntimeError when a half failed or took longer than two minutes
    """
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for role, half in enumerate((first, second)):
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_report, args=(theirs, role, half, arguments))
        process.start()
        theirs.close()
        pipes.append(mine)
        processes.append(process)
    try:
        return _result(pipes[0]), _result(pipes[1])
    finally:
        for process in processes:
            process.join(1)
            if process.is_alive():
                process.kill()
                process.join()


def _report(
    pipe: Connection, role: int, half: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    machine.pin(role)
    try:
        pipe.send(half(*arguments))
    except BaseException as error:
        pipe.send(RuntimeError(f"{half.__module__}.{half.__qualname__}: {error!r}"))
        raise


def _result(pipe: Connection) -> Any:
    if not pipe.poll(_PATIENCE_S):
        raise RuntimeError(f"no result within {_PATIENCE_S} s")
    result = pipe.recv()
    if isinstance(result, Exception):
        raise result
    return result
