"""Runs the broker, and clears up behind it, whatever happens to the demo.

`python -m demo.keeper FOLDER`. A broker's topics are meant to outlive it, and a demo's are not. So
the broker is this process's child: when the demo closes our standard input, or dies, the broker is
ended, its shared memory is removed, and so is FOLDER, which holds its catalogue. The broker has a
node's name of its own and a free port, so it never meets another one that runs here.

Its log passes through to our standard error; what the demo must know goes to standard output.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys

from demo.messages import say
from demo.tether import die_with_parent
from podring import segment

_PATIENCE_S = 5.0


class Keeper:
    """One broker and what is its own."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._owner: str | None = None
        self._rest = b""
        self._broker = subprocess.Popen(
            [
                *(sys.executable, "-m", "podring_broker"),
                *("--host", "127.0.0.1", "--port", "0", "--socket", "none"),
                *("--catalogue", f"sqlite://{folder}/catalogue.sqlite"),
                *("--node", f"demo-{secrets.token_hex(6)}", "--log-level", "info"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=die_with_parent,  # noqa: PLW1509  there are no threads here
        )

    def run(self) -> int:
        """Wait until the demo or the broker ends; the broker's exit code, 0 if it was the demo."""
        assert self._broker.stderr is not None
        log = self._broker.stderr.fileno()
        while True:
            readable, _, _ = select.select([sys.stdin.fileno(), log], [], [])
            if log in readable and not self._pass_on(os.read(log, 65536)):
                code = self._broker.wait()
                return code if code >= 0 else 128 - code
            if sys.stdin.fileno() in readable and not os.read(sys.stdin.fileno(), 4096):
                return 0

    def _pass_on(self, data: bytes) -> bool:
        """Show a piece of the log, and read it; False at its end."""
        with contextlib.suppress(OSError):
            os.write(sys.stderr.fileno(), data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                self._heed(json.loads(line))
        return bool(data)

    def _heed(self, event: object) -> None:
        if not isinstance(event, dict):
            return
        if event.get("event") == "broker.start":
            self._owner = event["owner"]
        if event.get("event") == "broker.listening":
            say(
                "listening",
                address=event["addresses"][0],
                pid=self._broker.pid,
                owner=self._owner,
            )

    def clear_up(self) -> None:
        """End the broker, and remove what it would leave to the next one."""
        self._broker.terminate()
        try:
            self._broker.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._broker.kill()
            self._broker.wait()
        if self._owner is not None:
            segment.remove_owner(self._owner)
        shutil.rmtree(self._folder, ignore_errors=True)


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(0)


def main(folder: str) -> int:
    """Keep a broker until nobody needs it."""
    signal.signal(signal.SIGTERM, _leave)
    keeper = Keeper(folder)
    try:
        return keeper.run()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        keeper.clear_up()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
