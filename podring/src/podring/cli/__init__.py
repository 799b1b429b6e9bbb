"""The `podring` command: look at the topics of a node, create and delete them.

What its verbs do is in `verbs`, and how fast all of it is in `bench`, whose two processes are those
of `bench_pair` and do what `bench_halves` says. The modules beside them are shared with
`podring-publisher` and `podring-subscriber`, which are distributions of their own and do not know
each other: what it is told (`arguments`), how a program ends (`exits`, `signals`, `program`) and
tells its release (`version`), how a stream of bytes becomes messages and back (`framing`), at what
pace (`pace`), and what is shown meanwhile (`meter`, `tables`).
"""

from __future__ import annotations

import signal
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `podring` command; the return value is its exit code."""
    # Importing takes a moment: nothing is begun yet, so Ctrl-C simply ends it, without a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from podring.cli.verbs import run_verb

    return run_verb(arguments)
