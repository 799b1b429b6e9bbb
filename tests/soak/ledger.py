"""What one participant did on one generation of a topic, in a file that survives its death.

The file is mapped, so what was written stays written when the process is killed in the next
instant. A record is a run of messages, and grows while the next one fits on: a publisher alone on
a topic fills one record with millions of messages.

       0  1024  who and where, as JSON
    1024    80  ten words, see Word
    4096     …  records of 32 bytes: kind, who, first sequence, first counter, how many
"""

from __future__ import annotations

import enum
import json
import mmap
import os
import struct
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_RECORD = struct.Struct("<IIQQQ")
_WORD = struct.Struct("<Q")
WORDS_AT, RECORDS_AT, _GROWTH = 1024, 4096, 1 << 18


class Kind(enum.IntEnum):
    """What a record says about its messages."""

    PUBLISHED = 1  # publish returned: sequences from `seq`, counters from `counter`
    OUT = 2  # published as well, but not said at which sequences
    RECEIVED = 3  # whole, from `who`
    LOST = 4  # said by on_loss
    INVALID = 5  # a view that said it was not valid any more
    EVICTED = 6  # said by Evicted


class Word(enum.IntEnum):
    """The words that change all the time."""

    RECORDS = 0
    INTENT = 1  # publishers: counter behind the call that is under way
    STATE = 2
    MESSAGES = 3
    BYTES = 4
    START = 5  # subscribers: offset when it was opened
    END = 6  # publishers: counter behind the last call that returned; subscribers: offset
    BUSY = 7  # 1 inside a call of podring
    HOLDING = 8  # subscribers: sequence from which the call under way, or its user, was given


class State(enum.IntEnum):
    """How it ended."""

    OPEN = 0
    CLOSED = 1
    TOPIC_CLOSED = 2


@dataclass(frozen=True)
class Meta:
    """Who and where."""

    topic: str
    generation: int
    segment: str
    role: str  # publisher or subscriber
    mode: str
    who: int
    process: int
    name: str = ""
    lossy: bool = False
    opened: int = 0  # time.monotonic_ns


class Ledger:
    """The writing side. One process, one thread."""

    def __init__(self, folder: Path, meta: Meta) -> None:
        self.path = folder / f"{meta.topic}.{meta.generation}.{meta.role}-{meta.who}.ledger"
        text = json.dumps(asdict(meta) | {"opened": time.monotonic_ns()}).encode()
        unready = self.path.with_suffix(".new")
        self._fd = os.open(unready, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        os.ftruncate(self._fd, _GROWTH)
        self._map = mmap.mmap(self._fd, _GROWTH)
        self._map[: len(text)] = text
        self._last: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
        self._records = 0
        self._messages = self._bytes = 0
        unready.rename(self.path)

    def set(self, word: Word, value: int) -> None:
        _WORD.pack_into(self._map, WORDS_AT + 8 * word, value)

    def add(self, kind: Kind, who: int, seq: int, counter: int, count: int = 1) -> None:
        """Record a run of messages."""
        last_kind, last_who, first, first_counter, there = self._last
        if (
            kind == last_kind
            and who == last_who
            and (seq == first + there or kind == Kind.OUT)
            and (counter == first_counter + there or kind not in _COUNTED)
        ):
            self._last = (kind, who, first, first_counter, there + count)
            _WORD.pack_into(self._map, RECORDS_AT + 32 * self._records - 8, there + count)
            return
        self._last = (kind, who, seq, counter, count)
        at = RECORDS_AT + 32 * self._records
        if at + 32 > len(self._map):
            os.ftruncate(self._fd, 2 * len(self._map))
            self._map.resize(2 * len(self._map))
        _RECORD.pack_into(self._map, at, *self._last)
        self._records += 1
        self.set(Word.RECORDS, self._records)

    def moved(self, messages: int, nbytes: int) -> None:
        """Count messages and bytes, for the table."""
        self._messages += messages
        self._bytes += nbytes
        self.set(Word.MESSAGES, self._messages)
        self.set(Word.BYTES, self._bytes)

    def close(self, state: State) -> None:
        self.set(Word.STATE, state)
        self._map.close()
        os.close(self._fd)


_COUNTED = (Kind.PUBLISHED, Kind.OUT, Kind.RECEIVED)


def words_of(fd: int) -> tuple[int, ...]:
    """The words of an open ledger."""
    return struct.unpack("<10Q", os.pread(fd, 80, WORDS_AT))


def meta_of(path: Path) -> Meta:
    """Whose ledger it is."""
    with path.open("rb") as file:
        return Meta(**json.loads(file.read(WORDS_AT).rstrip(b"\0")))
