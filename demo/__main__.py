"""`python -m demo`: see `demo.command`, which takes a moment to import.

Until then nothing has been started, so Ctrl-C simply ends the process, without a traceback.
"""

from __future__ import annotations

import signal
import sys


def _run() -> int:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from demo.command import main

    return main()


if __name__ == "__main__":
    sys.exit(_run())
