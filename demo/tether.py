"""Ends this process when its parent does, in whatever way that ends.

Standard input ends then, too, but whoever waits for a connection or a message does not notice.
"""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """From now on the kernel sends us SIGTERM when our parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
