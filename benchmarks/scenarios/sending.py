"""The loops of a sender, one for each way of calling. Each sends one cycle when it is called."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from benchmarks.scenarios.account import Account, Meter
from benchmarks.scenarios.board import Credit
from benchmarks.scenarios.payloads import STAMP, payloads, stamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.protocol import Link, Sender
    from benchmarks.scenarios.course import Course


def send(gate: Callable[[], None], link: Link, index: int, course: Course) -> Account:
    """A sender's half of a stream."""
    with link.sender(index) as end, course.board() as board:
        send_cycle = sending(end, course, index)
        credit = Credit(board, index, course.window)
        gate()
        meter = Meter()
        for _ in range(course.count // course.cycle):
            credit.take(course.cycle)
            send_cycle()
        end.flush()
        account = meter.stop()
        account.waited_s = credit.waited_s
        gate()
    return account


def sending(end: Sender, course: Course, index: int) -> Callable[[], object]:
    """A function that sends one cycle, as its user would."""
    if course.way == "loan":
        return _lending(end, course, index)
    messages = payloads(course.size, course.cycle, index)
    if course.way == "batched" and end.send_many:
        send_many = end.send_many
        return lambda: send_many(messages)
    send_one = end.send

    def cycle() -> None:
        for message in messages:
            send_one(message)

    return cycle


def _lending(end: Sender, course: Course, index: int) -> Callable[[], object]:
    if end.lend is None:
        raise NotImplementedError("it lends no memory to write a message into")
    lend, size, last = end.lend, course.size, course.size - STAMP
    pack = struct.Struct(f"{STAMP}s").pack_into
    marks = stamps(course.cycle, index)

    def cycle() -> None:
        for mark in marks:
            with lend(size) as memory:
                pack(memory, 0, mark)  # type: ignore[arg-type]
                pack(memory, last, mark)  # type: ignore[arg-type]

    return cycle
