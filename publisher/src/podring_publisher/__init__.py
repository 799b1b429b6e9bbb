"""The publisher pod's program: standard input or files into a topic.

`podring-publisher TOPIC` reads bytes (`source`), cuts them into messages (`podring.cli.framing`),
and publishes them as they come or at a set rate (`podring.cli.pace`). `command` holds its options
and puts these together. It knows `podring`, and not the subscriber.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `podring-publisher` command; the return value is its exit code."""
    # Importing takes a moment: nothing is begun yet, so Ctrl-C simply ends it, without a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from podring_publisher.command import run_command

    return run_command(arguments)
