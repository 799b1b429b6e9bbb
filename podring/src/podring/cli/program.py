"""What every podring program does alike: say what it found or what failed, and end with a code.

An error is one sentence on stderr that begins with the program's name, and an exit code from the
one table in `exits`. A reader that goes away (`| head`) is no error worth a word. Nothing here
shows a traceback but for a bug of ours.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from podring.cli.exits import Exit, Failure, code_of
from podring.cli.signals import Signals, Stopped
from podring.cli.tables import clean
from podring.errors import PodringError

STDIN, STDOUT = "standard input", "standard output"


def say(program: str, words: str) -> None:
    """One line on stderr, which nothing in it can make drive a terminal."""
    mutter(f"{program}: {clean(' '.join(words.split()))}\n")


def mutter(text: str) -> None:
    """Text on stderr if there is one: whoever closed it shall not stop the messages."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


def descriptor(stream: TextIO | None, name: str) -> int:
    """The descriptor of stdin or stdout, which a shell may have closed (`>&-`).

    Its number alone would not do: by now it may belong to somebody's shared memory.
    raises  Failure
    """
    if stream is None:
        raise Failure(Exit.FAILED, f"{name} is closed: give it a file, a pipe or /dev/null")
    return stream.fileno()


@contextlib.contextmanager
def naming(what: str) -> Iterator[None]:
    """Let an OSError of a read or write within say what it is about, as one of `open` does."""
    try:
        yield
    except OSError as error:
        error.filename = what
        raise


def show(text: str) -> None:
    """A line on standard output.

    raises  Failure when it is closed; BrokenPipeError; OSError
    """
    descriptor(sys.stdout, STDOUT)
    with naming(STDOUT):
        print(text, flush=True)


def run(program: str, body: Callable[[Signals], int]) -> int:
    """Run a program's body, from its arguments to its exit code, whatever ends it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal knows µ
    try:
        with Signals() as signals:
            return body(signals)
    except Stopped as stopped:
        return 128 + stopped.number
    except BrokenPipeError:
        abandon_stdout()
        return Exit.PIPE
    except Failure as failure:
        say(program, str(failure))
        return failure.code
    except (PodringError, OSError) as error:
        abandon_stdout()
        say(program, in_words(error))
        return code_of(error)


def in_words(error: BaseException) -> str:
    """What to say about an error."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename or repr('')}: {error.strerror}"
    return str(error)


def abandon_stdout() -> None:
    """Let the interpreter's last flush go nowhere instead of into a closed pipe or a full disk."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
