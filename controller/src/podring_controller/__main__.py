"""The controller's process: how it begins and ends.

    0  ended by SIGTERM or SIGINT
    1  no API server is configured, or the probes' address cannot be listened on
    2  a setting cannot work

Importing kopf and the client takes a second, in which the first process of a container would not
hear a signal at all. So this module imports neither, and heeds signals before it imports the rest.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the controller until a signal ends it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        from podring_controller.process import run

        code = run()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit, which would wait for threads that wait for brokers.
    os._exit(code)


def _leave(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
