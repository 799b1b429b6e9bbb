"""What a program has moved so far, and how `--stats` shows it on stderr.

On a terminal there is one line that is rewritten every second, unless the messages themselves go
to a terminal and would be mixed with it; elsewhere there is a line every ten seconds. At the end,
always one more. With `--json` each is a JSON object on a line of its own and
nothing is rewritten:

    {"program": "podring-subscriber", "topic": "prices", "messages": 1000, "bytes": 64000,
     "seconds": 1.002, "messages_per_s": 998.0, "bytes_per_s": 63872.0, "lost": 0, "lag": 0,
     "final": true}

`seconds` lasts from the first message to the last, so waiting before and after does not count;
rates are over that time at the end, and over the time since the last line before. `lost` and `lag`
are a subscriber's. Without `--stats` nothing is shown and nothing wakes up.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping

from podring.cli.program import mutter, say
from podring.cli.tables import size

LIVE_S = 1.0
LINE_S = 10.0

Figures = Mapping[str, int]


class Meter:
    """Counts, and shows when it is time. `extra` gives figures that only the caller knows."""

    def __init__(
        self, program: str, topic: str, *, shown: bool, as_json: bool, live: bool = True
    ) -> None:
        self.messages = 0
        self.bytes = 0
        self.extra: Callable[[], Figures] = dict
        self._program, self._topic = program, topic
        self._shown, self._json = shown or as_json, as_json
        self._live = live and self._shown and not as_json and _rewrites()
        self._period_s = LIVE_S if self._live else LINE_S
        self._drawn = False
        self._first = self._last = 0.0
        self._shown_at = time.monotonic()
        self._shown_counts = (0, 0)

    def add(self, messages: int, count: int) -> None:
        """Note messages that were moved just now, and their bytes; show when it is time."""
        now = time.monotonic()
        if not self.messages:
            self._first = now
        self._last = now
        self.messages += messages
        self.bytes += count
        if self._shown:
            self.tick(now)

    def due_s(self) -> float | None:
        """Seconds until something is to be shown even if nothing moves; None: never."""
        if not self._shown:
            return None
        return max(0.0, self._shown_at + self._period_s - time.monotonic())

    def tick(self, now: float | None = None) -> None:
        """Show the figures if it is time."""
        now = time.monotonic() if now is None else now
        if not self._shown or now < self._shown_at + self._period_s:
            return
        elapsed_s = now - self._shown_at
        messages, count = self._shown_counts
        self._show(elapsed_s, self.messages - messages, self.bytes - count, final=False)
        self._shown_at, self._shown_counts = now, (self.messages, self.bytes)

    def finish(self) -> None:
        """Show the last line."""
        if self._shown:
            self._show(self._last - self._first, self.messages, self.bytes, final=True)

    def notice(self, sentence: str) -> None:
        """Say something on stderr without leaving half a live line before it."""
        self.clear()
        say(self._program, sentence)

    def _show(self, elapsed_s: float, messages: int, count: int, *, final: bool) -> None:
        figures = {
            "program": self._program,
            "topic": self._topic,
            "messages": self.messages,
            "bytes": self.bytes,
            "seconds": round(self._last - self._first, 6),
            "messages_per_s": round(messages / elapsed_s, 3) if elapsed_s > 0 else 0.0,
            "bytes_per_s": round(count / elapsed_s, 3) if elapsed_s > 0 else 0.0,
            **self.extra(),
            "final": final,
        }
        if self._json:
            mutter(json.dumps(figures) + "\n")
        elif self._live and not final:
            # Cut, because a line that wraps cannot be rewritten.
            mutter(f"\r\x1b[K{_sentence(figures)[: _width() - 1]}")
            self._drawn = True
        else:
            self.notice(_sentence(figures))

    def clear(self) -> None:
        """Wipe the live line, so that something else can be written to the terminal."""
        if self._drawn:
            mutter("\r\x1b[K")
            self._drawn = False


def _sentence(figures: Mapping[str, object]) -> str:
    extra = "".join(f", {name} {figures[name]}" for name in ("lost", "lag") if name in figures)
    return (
        f"{figures['topic']}: {figures['messages']} messages, {size(_number(figures['bytes']))}B "
        f"in {_number(figures['seconds']):.3f} s, {_number(figures['messages_per_s']):.0f}/s, "
        f"{size(_number(figures['bytes_per_s']))}B/s{extra}"
    )


def _rewrites() -> bool:
    """Whether stderr is a terminal on which a line can be written anew."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal and os.environ.get("TERM", "dumb") != "dumb"


def _width() -> int:
    """Columns of the terminal; 80 where it does not tell."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return value
