"""Waiting for what a cluster does in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def wait_until(
    what: str,
    condition: Callable[[], Answer],
    *,
    timeout_s: float = 60.0,
    every_s: float = 0.1,
    retry: tuple[type[Exception], ...] = (OSError,),
) -> Answer:
    """Call `condition` until it gives something true, and return that.

    what     finishes the sentence "waited for …" of the failure
    retry    exceptions that count as "not yet": an API server that restarts refuses connections
    raises   AssertionError after `timeout_s`, with the last answer or exception
    """
    deadline = time.monotonic() + timeout_s
    while True:
        last: object
        try:
            answer = condition()
            if answer:
                return answer
            last = answer
        except retry as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s for {what}; last: {last!r}")
        time.sleep(every_s)
