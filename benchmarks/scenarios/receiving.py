"""The loops of a receiver, one for each way of calling. Each compares every message.

A loop is made before the clock starts, and tells the board after each cycle how far it has come.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from benchmarks.scenarios.account import Account, Meter
from benchmarks.scenarios.payloads import LONG, WHOLE, Wrong, payloads, source, stamps, unstamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.peers.protocol import Link, Receiver
    from benchmarks.scenarios.board import Board
    from benchmarks.scenarios.course import Course

    Loop = Callable[[], None]


def receive(gate: Callable[[], None], link: Link, index: int, course: Course) -> Account:
    """A receiver's half of a stream: all messages of all senders."""
    with link.receiver(index) as end, course.board() as board:
        loop = receiving(end, course, board, index)
        gate()
        meter = Meter()
        loop()
        account = meter.stop()
        gate()
    return account


def receiving(end: Receiver, course: Course, board: Board, index: int) -> Loop:
    """A function that receives and compares everything, as its user would."""
    if course.senders > 1:
        return _from_many(end, course, board, index)
    if course.way == "loan":
        return _views(end, course, board, index)
    if course.way == "batched" and end.receive_many:
        return _batches(end.receive_many, course, board, index)
    make = _long if course.size >= LONG else _short
    return make(end, course, board, index)


def _short(end: Receiver, course: Course, board: Board, index: int) -> Loop:
    messages, arriving = payloads(course.size, course.cycle, 0), source(end)
    words, place = board.words, board.place(0, index)

    def loop() -> None:
        for done in range(0, course.count, course.cycle):
            for expected, message in zip(messages, arriving, strict=False):
                if message != expected:
                    raise Wrong(done + messages.index(expected), message, expected)
            words[place] = done + course.cycle

    return loop


def _long(end: Receiver, course: Course, board: Board, index: int) -> Loop:
    messages, arriving = payloads(course.size, course.cycle, 0), source(end)
    words, place, unpack = board.words, board.place(0, index), unstamp(course.size)
    marks = [(mark, mark) for mark in stamps(course.cycle, 0)]

    def loop() -> None:
        for done in range(0, course.count, course.cycle):
            compare = marks
            if done // course.cycle % WHOLE == 0:
                message = next(arriving)
                if bytes(message) != messages[0]:
                    raise Wrong(done, message, messages[0])
                compare = marks[1:]
            for expected, message in zip(compare, arriving, strict=False):
                if unpack(message) != expected:
                    raise Wrong(done + marks.index(expected), message, expected[0])
            words[place] = done + course.cycle

    return loop


def _views(end: Receiver, course: Course, board: Board, index: int) -> Loop:
    if end.view is None:
        raise NotImplementedError("it does not show a message where it lies")
    view, marks = end.view, [(mark, mark) for mark in stamps(course.cycle, 0)]
    words, place, unpack = board.words, board.place(0, index), unstamp(course.size)

    def loop() -> None:
        for done in range(0, course.count, course.cycle):
            for expected in marks:
                with view() as message:
                    if unpack(message) != expected:
                        raise Wrong(done + marks.index(expected), message, expected[0])
            words[place] = done + course.cycle

    return loop


def _batches(take: Callable[[int], object], course: Course, board: Board, index: int) -> Loop:
    words, place, cycle = board.words, board.place(0, index), course.cycle
    messages = payloads(course.size, cycle, 0)
    twice = messages * 2  # a batch may begin anywhere in the cycle

    def loop() -> None:
        done = 0
        while done < course.count:
            batch = list(take(min(cycle, course.count - done)))  # type: ignore[call-overload]
            first = done % cycle
            if batch != twice[first : first + len(batch)]:
                _complain(done, batch, messages)
            done += len(batch)
            words[place] = done

    return loop


def _complain(done: int, batch: list[object], messages: list[bytes]) -> None:
    for place, message in enumerate(batch, done):
        expected = messages[place % len(messages)]
        if message != expected:
            raise Wrong(place, message, expected)


def _from_many(end: Receiver, course: Course, board: Board, index: int) -> Loop:
    """Messages of several senders, in any order between them, in order of each."""
    senders = range(course.senders)
    following = [_follow(course, board, sender, index).__next__ for sender in senders]

    def loop() -> None:
        for place, message in enumerate(islice(source(end), course.senders * course.count)):
            expected = following[message[0]]()
            if message != expected:
                raise Wrong(place, message, expected)

    return loop


def _follow(course: Course, board: Board, sender: int, index: int) -> Iterator[bytes]:
    messages = payloads(course.size, course.cycle, sender)
    words, place = board.words, board.place(sender, index)
    for done in range(course.cycle, course.count + 1, course.cycle):
        yield from messages
        words[place] = done
    raise Wrong(course.count, b"", b"nothing: all of its sender have come")
