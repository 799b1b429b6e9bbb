"""Starts the demo's processes, hears what they report, and stops them all.

Each part is a Python process of its own that reads slices on standard input and reports on standard
output. They are out of the terminal's reach, so Ctrl-C comes to the director alone; should the
director be killed, their standard input ends, and then so do they. A part that ends before it is
told to is an error with its name and its last words.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Self, cast

from demo.interrupts import Interrupts
from demo.messages import Report, Slice
from podring import segment

_ROOT = Path(__file__).resolve().parent.parent
_LAST_WORDS = 30
SILENCE_S = 30.0
"""Parts report several times a second, but a machine may be busy, and a topic large."""
_PATIENCE_S = 3.0
_KEEPER_PATIENCE_S = 15.0


class PartFailed(Exception):
    """A part ended by itself, or says nothing any more."""


class Part:
    """One process, and what it has said that is not a whole line yet."""

    def __init__(self, name: str, module: str, argument: str) -> None:
        self.name = name
        self.last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self.rest = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=_ROOT,
            env={key: value for key, value in os.environ.items() if not key.startswith("PODRING_")},
            start_new_session=True,
        )

    @property
    def streams(self) -> tuple[IO[bytes], IO[bytes]]:
        """Its standard output and its standard error."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        return self.process.stdout, self.process.stderr

    def close_stdin(self) -> None:
        """Tell it that there is nothing more to do."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def end(self, patience_s: float) -> None:
        """Wait for its end; after `patience_s` bring it about."""
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in self.streams:
            stream.close()


class Stage:
    """All parts; a context manager that leaves none behind."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._parts: dict[str, Part] = {}
        self._keeper: Part | None = None
        self.owner: str | None = None
        """Of the broker's shared memory, once it is known."""
        self._selector = selectors.DefaultSelector()
        self._selector.register(interrupts, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._stop(at_once=kind is not None)
        self._selector.close()
        if self._keeper is not None:
            self._keeper.close_stdin()
            self._keeper.end(_KEEPER_PATIENCE_S)
        if self.owner is not None:
            segment.remove_owner(self.owner)  # none are there, unless the keeper was killed

    def start_keeper(self, folder: str) -> None:
        """Start the broker with its keeper, which ends last."""
        self._keeper = self._start("broker", "demo.keeper", folder)

    def start(self, name: str, module: str, argument: str) -> None:
        """Start a part."""
        self._parts[name] = self._start(name, module, argument)

    def _start(self, name: str, module: str, argument: str) -> Part:
        self._interrupts.check()
        part = Part(name, module, argument)
        for stream in part.streams:
            self._selector.register(stream, selectors.EVENT_READ, part)
        return part

    def tell(self, name: str, wanted: Slice) -> None:
        """Ask a part for a slice."""
        stdin = self._parts[name].process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its end is heard of soon enough
            stdin.write(json.dumps(asdict(wanted)).encode() + b"\n")
            stdin.flush()

    def hear_until(self, wanted: Mapping[str, str]) -> Iterator[tuple[str, Report]]:
        """Give every report until each of these parts has given one of the kind that is wanted.

        raises  Interrupted; PartFailed when a part has ended, or those that are waited for say
                nothing for long
        """
        left = dict(wanted)
        heard_at = time.monotonic()
        while left:
            for name, report in self._hear():
                if name in left:
                    heard_at = time.monotonic()
                if left.get(name) == report["kind"]:
                    del left[name]
                yield name, report
            if time.monotonic() > heard_at + SILENCE_S:
                names = " and the ".join(sorted(left))
                raise PartFailed(f"no word from the {names} for {SILENCE_S:.0f} s")

    def _hear(self) -> list[tuple[str, Report]]:
        """Wait for reports, for a second at most."""
        found: list[tuple[str, Report]] = []
        for key, _ in self._selector.select(1.0):
            if isinstance(key.data, Part):
                found += self._read(key.data, cast(IO[bytes], key.fileobj))
        self._interrupts.check()
        return found

    def _read(self, part: Part, stream: IO[bytes]) -> Iterator[tuple[str, Report]]:
        data = os.read(stream.fileno(), 1 << 16)
        if stream is part.streams[1]:
            if data:
                part.last_words.extend(data.decode(errors="replace").splitlines())
            else:
                self._selector.unregister(stream)
            return
        if not data:
            raise self._obituary(part)
        *lines, part.rest = (part.rest + data).split(b"\n")
        for line in lines:
            yield part.name, json.loads(line)

    def _obituary(self, part: Part) -> PartFailed:
        """What to say about a part that ended: its name, how, and its last words."""
        try:
            code = part.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:  # it closed its standard output, and hangs
            part.process.kill()
            code = part.process.wait()
        part.last_words.extend(part.streams[1].read().decode(errors="replace").splitlines())
        words = _quoted(part)
        if self._keeper is not None and part is not self._keeper:
            words += f"\nthe broker's last words:\n{_quoted(self._keeper)}"
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return PartFailed(f"the {part.name} {how}; its last words:\n{words}")

    def stop_parts(self) -> None:
        """End all parts but the broker, in good order."""
        self._stop(at_once=False)

    def _stop(self, *, at_once: bool) -> None:
        for part in self._parts.values():
            part.close_stdin()
            if at_once:
                part.process.terminate()
        for part in self._parts.values():
            for stream in part.streams:
                with contextlib.suppress(KeyError):  # read to its end before
                    self._selector.unregister(stream)
            part.end(_PATIENCE_S)
        self._parts.clear()


def _quoted(part: Part) -> str:
    return "\n".join(f"    {line}" for line in part.last_words) or "    (it said nothing)"
