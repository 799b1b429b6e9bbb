"""Ledgers as they are read, perhaps after their writers' death.

Apart from the writing side because workers start often, and NumPy takes its time.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.soak.ledger import RECORDS_AT, WORDS_AT, Meta, Word, meta_of

RECORD = np.dtype(
    [("kind", "<u4"), ("who", "<u4"), ("seq", "<u8"), ("counter", "<u8"), ("count", "<u8")]
)


@dataclass(frozen=True)
class Account:
    """One ledger."""

    path: Path
    meta: Meta
    words: tuple[int, ...]
    records: NDArray[np.void]

    def __getitem__(self, word: Word) -> int:
        return self.words[word]


def read(path: Path) -> Account:
    """All of a ledger."""
    raw = path.read_bytes()
    words = struct.unpack_from("<10Q", raw, WORDS_AT)
    records = np.frombuffer(raw, RECORD, words[Word.RECORDS], RECORDS_AT)
    return Account(path, meta_of(path), words, records)
