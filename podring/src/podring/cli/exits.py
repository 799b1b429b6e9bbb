"""How podring's programs end: one table of exit codes, and which error has which.

`podring`, `podring-publisher` and `podring-subscriber` share it, so that a script need not care
which of them it called. The table below is what `--help` prints and what the docs show.
"""

from __future__ import annotations

from enum import IntEnum

from podring import errors


class Exit(IntEnum):
    """Exit codes. 128 and above are what a shell reports for the signal of that name."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    UNREACHABLE = 4
    NO_ROOM = 5
    EXISTS = 6
    CLOSED = 7
    BAD_INPUT = 8
    LOSS = 9
    BUSY = 10
    INCOMPLETE = 11
    NOT_ALLOWED = 12
    HANGUP = 129
    INTERRUPTED = 130
    PIPE = 141
    TERMINATED = 143


MEANING = {
    Exit.OK: "done",
    Exit.FAILED: "anything that has no code of its own; the sentence on stderr says what",
    Exit.USAGE: "wrong arguments, or a name, size or start position that cannot be",
    Exit.NOT_FOUND: "no such topic",
    Exit.UNREACHABLE: "nobody answers at the broker's address",
    Exit.NO_ROOM: "too little memory for the topic",
    Exit.EXISTS: "the topic exists with other sizes",
    Exit.CLOSED: "the topic was deleted while in use",
    Exit.BAD_INPUT: "input that cannot be sent: a message too long, or a record cut short",
    Exit.LOSS: "messages were lost, and --fail-on-loss was given",
    Exit.BUSY: "another publisher has the topic or subscriber the name, or all places are taken",
    Exit.INCOMPLETE: "--idle-exit passed before --count messages had come",
    Exit.NOT_ALLOWED: "the broker wants a token, or this one's rights do not reach so far",
    Exit.HANGUP: "ended because its terminal was closed (SIGHUP)",
    Exit.INTERRUPTED: "ended by Ctrl-C (SIGINT)",
    Exit.PIPE: "whoever read the output went away",
    Exit.TERMINATED: "ended by SIGTERM",
}

_CODES: tuple[tuple[type[BaseException], Exit], ...] = (
    (errors.InvalidTopic, Exit.USAGE),
    (errors.OffsetOutOfRange, Exit.USAGE),
    (errors.TopicNotFound, Exit.NOT_FOUND),
    (errors.BrokerUnreachable, Exit.UNREACHABLE),
    (errors.NotAllowed, Exit.NOT_ALLOWED),
    (errors.NoRoom, Exit.NO_ROOM),
    (errors.TopicExists, Exit.EXISTS),
    (errors.TopicClosed, Exit.CLOSED),
    (errors.MessageTooLong, Exit.BAD_INPUT),
    (errors.PublisherBusy, Exit.BUSY),
    (errors.TooManyParticipants, Exit.BUSY),
    (errors.NameTaken, Exit.BUSY),
)


class Failure(Exception):
    """An end that is no error of the library: the sentence to say, and the code to end with."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


def code_of(error: BaseException) -> Exit:
    """The exit code for an error that ends a program."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.FAILED)


def table() -> str:
    """The exit codes for `--help`, one a line."""
    return "\n".join(f"  {int(code):>3}  {meaning}" for code, meaning in MEANING.items())
