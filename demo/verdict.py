"""What must be true at the end: each subscriber has got what was sent, all of it, in order.

Where a sha256 was kept, all payloads one after the other have the one that was sent, or that the
file has. As fast as it goes, hashing would take longer than sending: there every message and byte
is counted, and one batch in eight is compared with what must stand at that very place.
"""

from __future__ import annotations

from collections.abc import Iterator

from demo.files import Facts
from demo.messages import Figures, Phase
from demo.results import LABELS, Result, Results


def complaints(results: Results, facts: Facts | None) -> list[str]:
    """Everything that is not as it must be, in sentences.

    facts   of the file that was sent, None for telemetry
    """
    found: list[str] = []
    for (phase, side), result in results.items():
        for number, subscriber in enumerate(result.subscribers, start=1):
            who = f"{LABELS[side]} subscriber {number}, {phase}"
            sentences = _complaints(phase, result, subscriber, facts)
            found += [f"{who}: {sentence}" for sentence in sentences]
    return found


def _complaints(phase: Phase, result: Result, got: Figures, facts: Facts | None) -> Iterator[str]:
    sent = result.publisher
    if got.lost:
        yield f"was told that it lost {got.lost:,} messages"
    if (got.messages, got.bytes) != (sent.messages, sent.bytes):
        yield (
            f"received {got.messages:,} messages with {got.bytes:,} bytes, and "
            f"{sent.messages:,} with {sent.bytes:,} were sent"
        )
    if got.wrong:
        yield f"{got.wrong:,} of {got.compared:,} messages differ from what was sent in their place"
    wanted = facts.sha256 if phase == "whole" and facts is not None else sent.sha256
    if got.sha256 != wanted:
        yield f"what it received has the sha256 {got.sha256}, what was sent has {wanted}"


def praise(results: Results, facts: Facts | None) -> list[str]:
    """What was checked and found right, in sentences."""
    paced, flood = (_both(results, phase) for phase in ("paced", "flood"))
    found = []
    if facts is not None:
        found.append(
            f"the file's sha256 {facts.sha256} is that of what each of the "
            f"{2 * len(paced[0].subscribers)} subscribers received ({facts.messages:,} messages)"
        )
    else:
        found.append("each subscriber's sha256 of all readings is its publisher's")
    compared = sum(each.compared for result in flood for each in result.subscribers)
    received = sum(each.messages for result in (*paced, *flood) for each in result.subscribers)
    found.append(
        f"nothing lost, nothing out of order: {received:,} received were counted, "
        f"{compared:,} compared byte by byte with what belongs in their place"
    )
    return found


def _both(results: Results, phase: str) -> list[Result]:
    return [result for (name, _), result in results.items() if name == phase]
