"""The subscriber pod's program: a topic to standard output or a file, or only counted.

`podring-subscriber TOPIC` receives messages in batches (`receive`), tells of those that it lost
(`losses`), and writes the rest (`sink`) in the form that `podring.cli.framing` gives them.
`command` holds its options and puts these together. It knows `podring`, and not the publisher.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `podring-subscriber` command; the return value is its exit code."""
    # Importing takes a moment: nothing is begun yet, so Ctrl-C simply ends it, without a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from podring_subscriber.command import run_command

    return run_command(arguments)
