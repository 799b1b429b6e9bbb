"""Who does what, and when: the broker, both sides, and their slices in turn.

The order is podring, TCP, TCP, podring, podring, TCP: whatever else the machine does during a run
meets both alike. The side whose turn it is not sleeps and uses no processor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import psutil

from demo import source, tape
from demo.files import Facts
from demo.interrupts import Interrupts
from demo.messages import SUBSCRIBERS, Phase, Report, Setup, Slice, figures_of
from demo.neighbours import Neighbours
from demo.results import LABELS, SIDES, Result, Results, Side
from demo.stage import Stage
from podring import delete_topic

ROUNDS = 3
"""Slices of each side in a phase."""
PACED_SHARE = 0.6
"""Of the seconds that are to be spent on each side."""
RING_BYTES = 8 << 20
"""Small enough for a container's 64 MiB of shared memory, and to stay in the processor's cache."""
TOPIC = "demo"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent, and for how long on each side."""

    input: str | None
    frame: int | None
    facts: Facts | None
    seconds: float

    @property
    def max_message(self) -> int:
        """Bytes of the longest message; a reading has never been near this."""
        return self.facts.longest if self.facts is not None else 64 << 10

    @property
    def ring_bytes(self) -> int:
        """The topic's size."""
        return max(RING_BYTES, 8 * self.max_message)

    def slices(self) -> list[tuple[Side, Slice]]:
        """All turns, in order."""
        found: list[tuple[Side, Slice]] = []
        if self.facts is not None:
            found += [(side, Slice("whole", 0.0)) for side in SIDES]
        phases: list[tuple[Phase, float]] = [("paced", PACED_SHARE), ("flood", 1 - PACED_SHARE)]
        for phase, share in phases:
            wanted = Slice(phase, self.seconds * share / ROUNDS)
            for number in range(ROUNDS):
                found += [(side, wanted) for side in (SIDES if number % 2 == 0 else SIDES[::-1])]
        return found


@dataclass(slots=True)
class Board:
    """How far it has come: what the screen shows. `others` is of the end: see Neighbours."""

    broker: str = ""
    turn: int = 0
    turns: int = 0
    phase: Phase = "paced"
    side: Side = "podring"
    results: Results = field(default_factory=dict)
    others: float = 0.0


class Play:
    """One run from the broker's start to the topic's deletion."""

    def __init__(self, plan: Plan, stage: Stage, interrupts: Interrupts, folder: str) -> None:
        self.board = Board()
        self._plan, self._stage, self._interrupts, self._folder = plan, stage, interrupts, folder
        self._setup = Setup(
            transport="podring",
            name="",
            address="",
            topic=TOPIC,
            ring_bytes=plan.ring_bytes,
            max_message=plan.max_message,
            input=plan.input,
            frame=plan.frame,
            tape=f"{folder}/tape",
        )

    def run(self) -> Iterator[Board]:
        """Play it to its end; gives the board whenever there is something new on it.

        raises  Interrupted, PartFailed, PodringError, OSError
        """
        yield from self._open()
        slices = self._plan.slices()
        neighbours = Neighbours()
        self.board.turns = len(slices)
        for turn, (side, wanted) in enumerate(slices, start=1):
            self.board.turn, self.board.side, self.board.phase = turn, side, wanted.phase
            yield from self._turn(side, wanted)
        self.board.others = neighbours.percent(self.board.results)
        self._stage.stop_parts()
        delete_topic(TOPIC, broker=self.board.broker)

    def _open(self) -> Iterator[Board]:
        """Start everybody, each when those are there whom it needs."""
        self._stage.start_keeper(self._folder)
        tape.record(
            self._setup.tape,
            source.endless(self._plan.input, self._plan.frame),
            self._interrupts.check,
        )
        yield self.board
        broker = self._wait_for({"broker": "listening"})["broker"]
        self.board.broker, self._stage.owner = broker["address"], broker["owner"]
        self._broker = psutil.Process(broker["pid"])
        self._start("podring", "publisher", broker["address"])
        self._start("tcp", "publisher", "")
        yield self.board
        there = self._wait_for({"podring publisher": "ready", "TCP publisher": "listening"})
        self._start_subscribers("podring", broker["address"])
        self._start_subscribers("tcp", there["TCP publisher"]["address"])
        self._wait_for({name: "ready" for side in SIDES for name in self._subscribers(side)})
        yield self.board

    def _start_subscribers(self, side: Side, address: str) -> None:
        for number in range(1, SUBSCRIBERS + 1):
            self._start(side, f"subscriber {number}", address)

    def _start(self, side: Side, role: str, address: str) -> None:
        name = f"{LABELS[side]} {role}"
        setup = replace(self._setup, transport=side, name=role, address=address)
        module = "demo.publish" if role == "publisher" else "demo.subscribe"
        self._stage.start(name, module, setup.to_argument())

    def _subscribers(self, side: Side) -> set[str]:
        return {f"{LABELS[side]} subscriber {number}" for number in range(1, SUBSCRIBERS + 1)}

    def _wait_for(self, wanted: dict[str, str]) -> dict[str, Report]:
        """Wait until each of these has given its report of this kind."""
        reports = self._stage.hear_until(wanted)
        return {name: report for name, report in reports if wanted.get(name) == report["kind"]}

    def _turn(self, side: Side, wanted: Slice) -> Iterator[Board]:
        """One slice of one side."""
        result = self.board.results.setdefault((wanted.phase, side), Result())
        used = self._broker_cpu_s()
        subscribers, publisher = self._subscribers(side), f"{LABELS[side]} publisher"
        for name in sorted(subscribers):
            self._stage.tell(name, wanted)
        self._wait_for(dict.fromkeys(subscribers, "started"))
        self._stage.tell(publisher, wanted)
        for name, report in self._stage.hear_until(
            dict.fromkeys({publisher, *subscribers}, "done")
        ):
            if report["kind"] not in ("figures", "done"):
                continue
            if name == publisher:
                result.publisher = figures_of(report)
            else:
                result.subscribers[int(name[-1]) - 1] = figures_of(report)
            yield self.board
        if side == "podring":
            result.broker_cpu_s = (result.broker_cpu_s or 0.0) + self._broker_cpu_s() - used

    def _broker_cpu_s(self) -> float:
        times = self._broker.cpu_times()
        return times.user + times.system
