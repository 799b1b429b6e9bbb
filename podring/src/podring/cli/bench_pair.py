"""Two processes that stay while `podring bench` runs, each on a processor of its own.

They are spawned, so that nothing of this process is theirs, and end with it, whatever ends it: a
signal, an error in either of them, or a pipe that is closed because this process was killed. Ctrl-C
is for this process alone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from podring.cli.exits import Exit, Failure, code_of
from podring.cli.signals import undisturbed
from podring.errors import PodringError

_NAMES = ("the publisher", "the subscriber")


class Pair:
    """The two, from `with` to its end."""

    def __init__(self, *, pinned: bool) -> None:
        context = multiprocessing.get_context("spawn")
        usable = sorted(os.sched_getaffinity(0))
        pipes = [context.Pipe() for _ in _NAMES]
        self._pipes = [mine for mine, _ in pipes]
        self._theirs = [theirs for _, theirs in pipes]
        self._processes = [
            context.Process(
                target=work, args=(theirs, usable[role % len(usable)] if pinned else None)
            )
            for role, theirs in enumerate(self._theirs)
        ]

    def __enter__(self) -> Self:
        resource_tracker.ensure_running()  # its start would let signals in again
        with undisturbed():  # the children inherit that
            try:
                for process, theirs in zip(self._processes, self._theirs, strict=True):
                    process.start()
                    theirs.close()
            except BaseException:
                self._end()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        with undisturbed():
            self._end()

    def _end(self) -> None:
        started = [process for process in self._processes if process.pid is not None]
        for process in started:
            process.kill()
        for process in started:
            process.join()

    def run(
        self,
        first: Callable[..., Any],
        first_arguments: Sequence[object],
        second: Callable[..., Any],
        second_arguments: Sequence[object],
        patience_s: float,
    ) -> tuple[Any, Any]:
        """Run a half in each, and give what they returned.

        raises  Failure when one failed, ended, or took longer than `patience_s`
        """
        for pipe, task in zip(
            self._pipes, ((first, first_arguments), (second, second_arguments)), strict=True
        ):
            pipe.send(task)
        self._gather(patience_s)
        for pipe in self._pipes:
            pipe.send("go")
        one, other = self._gather(patience_s)
        return one, other

    def _gather(self, patience_s: float) -> list[Any]:
        """An answer of each."""
        answers: dict[int, Any] = {}
        deadline = time.monotonic() + patience_s
        while len(answers) < len(self._pipes):
            silent = {role: pipe for role, pipe in enumerate(self._pipes) if role not in answers}
            ready = wait(silent.values(), max(0.0, deadline - time.monotonic()))
            answers |= {role: self._answer(role) for role, pipe in silent.items() if pipe in ready}
            if time.monotonic() >= deadline and len(answers) < len(self._pipes):
                late = next(name for n, name in enumerate(_NAMES) if n not in answers)
                raise Failure(Exit.FAILED, f"{late} did not come to an end in {patience_s:g} s")
        return [answers[role] for role in sorted(answers)]

    def _answer(self, role: int) -> Any:
        try:
            code, value = self._pipes[role].recv()
        except (EOFError, ConnectionResetError):
            self._processes[role].join()
            code = self._processes[role].exitcode
            raise Failure(
                Exit.FAILED, f"{_NAMES[role]}'s process ended with code {code} before its time"
            ) from None
        if code is not Exit.OK:
            raise Failure(code, value)
        return value


def work(pipe: Connection, processor: int | None) -> None:
    """What each process does: halves, one after the other, until the pipe is closed."""
    if processor is not None:
        os.sched_setaffinity(0, {processor})

    def gate() -> None:
        pipe.send((Exit.OK, None))
        pipe.recv()

    with contextlib.suppress(EOFError, ConnectionResetError, BrokenPipeError):
        while True:
            half, arguments = pipe.recv()
            try:
                answer = (Exit.OK, half(gate, *arguments))
            except Failure as failure:
                answer = (failure.code, str(failure))
            except (PodringError, OSError) as error:
                answer = (code_of(error), str(error))
            pipe.send(answer)
