"""iceoryx2's samples without a copy: lent to be written into, and seen where they lie."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Lending:
    """A loaned slice for each block, one after the other."""

    def __init__(
        self, loan: Callable[[int], Any], size: int, notify: Callable[[], object] | None
    ) -> None:
        self._loan, self._size, self._notify = loan, size, notify
        self._at = (ctypes.c_ubyte * size).from_address

    def __enter__(self) -> object:
        self._sample = self._loan(self._size)
        return self._at(self._sample.payload_ptr)

    def __exit__(self, *_: object) -> None:
        self._sample.assume_init().send()
        if self._notify:
            self._notify()


class Viewing:
    """A received sample for each block, one after the other; the view is not to outlive it."""

    def __init__(self, take: Callable[[], Any], size: int) -> None:
        self._take = take
        self._at = (ctypes.c_ubyte * size).from_address

    def __enter__(self) -> object:
        self._sample = self._take()
        return self._at(self._sample.payload_ptr)

    def __exit__(self, *_: object) -> None:
        del self._sample
