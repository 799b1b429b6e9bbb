"""The tables at the end: each phase with podring, TCP, and one against the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table

from demo.messages import SUBSCRIBERS, Phase
from demo.publish import BYTES_PER_S, MESSAGES_PER_S
from demo.results import Result, Results
from demo.words import UNKNOWN, count, megabytes, ratio, seconds, span

Row = tuple[str, str, str, str]

_TITLES: dict[Phase, str] = {
    "whole": "The whole file, once; each subscriber computes its sha256",
    "paced": (
        "At a steady pace, message by message: "
        f"{MESSAGES_PER_S:,} a second, at most {BYTES_PER_S / 1e6:.0f} MB/s"
    ),
    "flood": "As fast as the slowest subscriber goes, in batches: messages queue",
}
NOT_SHOWN = (
    "What this does not show: other machines, many publishers, pods with CPU limits; kernel work "
    "in interrupts is charged to whoever was running; {processes} processes shared {cpus} "
    "processors, of which others used {others:.0f} % meanwhile, so trust a ratio only if it stays."
)


def show(console: Console, results: Results, others: float) -> None:
    """Print every phase, and what the figures do not say.

    others   percent of all processors' time that went to other processes
    """
    for phase in (phase for phase in _TITLES if (phase, "podring") in results):
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("")
        for head in ("podring", "TCP", "podring has"):
            table.add_column(head, justify="right", no_wrap=True)
        for row in _rows(phase, results[phase, "podring"], results[phase, "tcp"]):
            table.add_row(*row)
        console.print(f"\n{_TITLES[phase]}", style="bold", soft_wrap=True)
        console.print(table)
    console.print()
    # The broker and the publishers and subscribers of both sides, and the one that tells this.
    processes = 2 + 2 * (1 + SUBSCRIBERS)
    cpus = len(os.sched_getaffinity(0))
    facts = {"processes": processes, "cpus": cpus, "others": others}
    console.print(NOT_SHOWN.format(**facts))


def _rows(phase: Phase, podring: Result, tcp: Result) -> Iterator[Row]:
    def row(what: str, show: Callable[[float], str], figure: Callable[[Result], float]) -> Row:
        ours, theirs = figure(podring), figure(tcp)
        return what, show(ours), show(theirs), ratio(ours, theirs)

    yield row("messages sent", count, lambda result: result.publisher.messages)
    yield row("messages received, of three", count, lambda result: result.messages)
    yield row("lost", count, lambda result: result.lost)
    yield row("messages a second, each", count, lambda result: result.messages_per_s)
    yield row("MB/s, each", megabytes, lambda result: result.bytes_per_s)
    if phase != "whole":
        for percent in (50, 99):
            yield _latency(phase, percent, podring, tcp)
    yield from _cpu(podring, tcp)
    yield row("CPU a message received", span, lambda result: result.cpu_us_per_message * 1e3)


def _latency(phase: Phase, percent: int, podring: Result, tcp: Result) -> Row:
    ours, theirs = podring.latency_ns(percent), tcp.latency_ns(percent)
    if phase == "flood":
        # How much a ring and a socket's buffers hold: a ratio of these would say nothing.
        return f"queueing p{percent}", span(ours), span(theirs), ""
    return f"latency p{percent}", span(ours), span(theirs), ratio(ours, theirs)


def _cpu(podring: Result, tcp: Result) -> Iterator[Row]:
    ours, theirs = podring.publisher, tcp.publisher
    if ours.source_s:
        making = "CPU to make the messages"
        yield making, seconds(ours.source_s), seconds(theirs.source_s), ""
    used = [each.cpu_s - each.source_s for each in (ours, theirs)]
    yield "CPU publisher", seconds(used[0]), seconds(used[1]), ratio(*used)
    for number in range(SUBSCRIBERS):
        used = [result.subscribers[number].cpu_s for result in (podring, tcp)]
        what = f"CPU subscriber {number + 1}"
        yield what, seconds(used[0]), seconds(used[1]), ratio(*used)
    yield "CPU broker", seconds(podring.broker_cpu_s), UNKNOWN, ""
