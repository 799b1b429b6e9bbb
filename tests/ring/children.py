"""Processes that tests start in order to end them: each runs a few lines of Python."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from types import TracebackType
from typing import Self


class Child:
    """A Python process that runs `code`; killed on leaving. `line` waits for what it prints."""

    def __init__(self, code: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", textwrap.dedent(code), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait(30)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


LEND = """
    import sys, time
    from podring import Publisher
    publisher = Publisher(sys.argv[1], broker="local", exclusive=len(sys.argv) > 2)
    publisher.publish(b"committed")
    with publisher.loan(100) as loan:
        loan[:50] = b"n" * 50
        print("lent")
        time.sleep(1000)
"""


def killed_in_a_loan(topic: str, *, exclusive: bool = False) -> None:
    """Leave the writer lock in the hands of a dead publisher."""
    with Child(LEND, topic, *(["exclusive"] if exclusive else [])) as child:
        assert child.line() == "lent"
        child.kill()
