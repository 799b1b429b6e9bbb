"""What the demo's processes tell each other: lines of JSON on standard input and output.

The director tells a part which slice comes (`Slice`); a part answers with reports. Figures are of
the current phase, all its slices so far together, so the newest report always says everything.

    {"kind": "listening", "address": …}  where others may come; for the broker also its
                                         `pid`, and `owner` of its shared memory
    {"kind": "ready"}                    may be given slices
    {"kind": "started"}                  a subscriber waits for the slice's first message
    {"kind": "figures", …}               while a slice runs, twice a second
    {"kind": "done", …}                  the same, at its end
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

Phase = Literal["whole", "paced", "flood"]
"""The input once from beginning to end; at a steady pace; as fast as it goes."""

Report = dict[str, Any]

SUBSCRIBERS = 3
"""On each side."""

Received = bytes | bytearray

REPORT_NS = 500_000_000
"""How often a part reports while a slice runs. Seldom, because it delays what comes meanwhile."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a part must know from the start.

    transport    "podring" or "tcp"
    name         what the part is called
    address      of the broker or of the TCP publisher; empty for that publisher itself
    topic, ring_bytes, max_message   the topic, for podring
    input        path of a file, or None for telemetry; `frame` its blocks' size, or None for lines
    tape         path of what is repeated in the `flood` phase
    """

    transport: str
    name: str
    address: str
    topic: str
    ring_bytes: int
    max_message: int
    input: str | None
    frame: int | None
    tape: str

    @classmethod
    def from_argument(cls, text: str) -> Setup:
        """What `to_argument` gave, from a part's command line."""
        return cls(**json.loads(text))

    def to_argument(self) -> str:
        """All of it as one argument."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Slice:
    """One turn of one transport. `seconds` does not limit `whole`."""

    phase: Phase
    seconds: float


@dataclass(slots=True)
class Figures:
    """What a part has done in a phase.

    seconds    in which messages went out or came in, waiting before and after not counted
    lost       messages that a subscriber was told it lost
    lag        messages still to be received, or None where nobody can know
    cpu_s      CPU seconds of the process; source_s is what of it went into making the messages
    compared   messages that were compared with the tape byte by byte; `wrong` of them differed
    sha256     of all payloads one after the other, or empty in `flood`
    latency    a Histogram's buckets
    """

    messages: int = 0
    bytes: int = 0
    seconds: float = 0.0
    lost: int = 0
    lag: int | None = None
    cpu_s: float = 0.0
    source_s: float = 0.0
    compared: int = 0
    wrong: int = 0
    sha256: str = ""
    latency: dict[str, int] = field(default_factory=dict)


def say(kind: str, **facts: object) -> None:
    """Report to the director."""
    sys.stdout.write(json.dumps({"kind": kind, **facts}) + "\n")
    sys.stdout.flush()


def say_figures(figures: Figures, *, done: bool) -> None:
    """Report what was done so far."""
    # Not asdict: copying the buckets took longer than all the rest, and delayed the next message.
    facts = {each.name: getattr(figures, each.name) for each in fields(Figures)}
    say("done" if done else "figures", **facts)


def figures_of(report: Report) -> Figures:
    """The figures in a report."""
    return Figures(**{name: value for name, value in report.items() if name != "kind"})


def next_slice() -> Slice | None:
    """Wait for the next slice; None when the director has no more, or is gone."""
    line = sys.stdin.readline()
    return Slice(**json.loads(line)) if line else None
