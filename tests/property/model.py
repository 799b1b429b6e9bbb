"""The ring in plain Python, as exact as the real one: positions, padding, checkpoints, losses.

It says what the bytes mean without having any: a frame is an object, the log a dictionary from
position to frame, and nothing is ever overwritten. What counts as overwritten is arithmetic on
`intent`. One thread only: the model knows nothing of atomics.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FRAME_HEADER = 32
FRAME_ALIGN = 32
RUN_BYTES = 16384
LARGE_FRAME = 4096
BLOCK_MIN = 4096
BLOCKS_MAX = 4096
AHEAD = 4096
AHEAD_FRAMES = 8


def frame_bytes(length: int) -> int:
    return FRAME_HEADER + -(-length // FRAME_ALIGN) * FRAME_ALIGN


@dataclass(frozen=True)
class Frame:
    position: int
    size: int
    sequence: int
    payload: bytes | None
    """None for padding."""


@dataclass
class Ring:
    size: int
    max_message: int
    tail: int = 0
    intent: int = 0
    sequence: int = 1
    frames: dict[int, Frame] = field(default_factory=dict)
    checkpoints: dict[int, Frame] = field(default_factory=dict)
    stamps: dict[int, int] = field(default_factory=dict)
    """Timestamp of each message, learnt from the real ring."""

    def __post_init__(self) -> None:
        wanted = max(self.size, frame_bytes(self.max_message))
        self.block = BLOCK_MIN
        while self.block * BLOCKS_MAX < wanted:
            self.block *= 2
        self.capacity = -(-wanted // self.block) * self.block
        self.blocks = self.capacity // self.block

    def reserve(self, length: int) -> int:
        """Announce a message, and say where its frame would start."""
        frame, room = frame_bytes(length), self.capacity - self.tail % self.capacity
        given_up = self.intent - self.tail > self.capacity
        start = self.tail + (room if given_up or frame > room else 0)
        if start + frame > self.intent:
            ahead = min(AHEAD, self.capacity // 16)
            self.intent = start + frame + (ahead if frame <= ahead // AHEAD_FRAMES else 0)
        return start

    def publish(self, payload: bytes, reserved: int | None = None) -> int:
        start = self.reserve(len(payload) if reserved is None else reserved)
        if start > self.tail and self.intent - self.tail <= self.capacity:
            self._put(Frame(self.tail, start - self.tail, self.sequence, None))
        self._put(Frame(start, frame_bytes(len(payload)), self.sequence, payload))
        self.tail = start + frame_bytes(len(payload))
        self.sequence += 1
        return self.sequence - 1

    def _put(self, frame: Frame) -> None:
        self.frames[frame.position] = frame
        block = frame.position // self.block
        there = self.checkpoints.get(block % self.blocks)
        if there is None or there.position // self.block != block:
            self.checkpoints[block % self.blocks] = frame

    def first_whole(self) -> int:
        return max(0, max(self.intent, self.tail) - self.capacity)

    def is_whole(self, position: int) -> bool:
        return self.intent - position <= self.capacity

    def known_places(self, oldest: int) -> list[Frame]:
        """The checkpoints that are whole, in order."""
        first = oldest // self.block
        found = []
        for block in range(first, first + self.blocks + 1):
            frame = self.checkpoints.get(block % self.blocks)
            if (
                frame is not None
                and frame.position // self.block == block
                and oldest <= frame.position < self.tail
            ):
                found.append(frame)
        return found

    def find_place(self, start: int = 0) -> tuple[int, int]:
        known = self.known_places(max(start, self.first_whole()))
        return (known[0].position, known[0].sequence) if known else (self.tail, self.sequence)

    def find_target(self, key: str, target: int) -> tuple[int, int]:
        """Where the first message lies whose sequence or time is at least `target`."""
        place: Frame | None = None
        for known in self.known_places(self.first_whole()):
            late = (
                self.stamps[known.sequence] >= target if key == "time" else known.sequence > target
            )
            if place is not None and late:
                break
            place = known
        if place is None:
            return self.tail, self.sequence
        position = place.position
        while position < self.tail:
            frame = self.frames[position]
            if (self.stamps[frame.sequence] if key == "time" else frame.sequence) >= target:
                return position, frame.sequence
            position += frame.size
        return self.tail, self.sequence


class Lapped(Exception):
    """The reader was overtaken, and went on behind the gap."""


class Reader:
    """A subscriber: what `Subscriber` gives back, this one gives back too."""

    def __init__(self, ring: Ring, where: str, value: int = 0) -> None:
        self.ring = ring
        self.cursor, self.sequence = ring.tail, ring.sequence
        self.run: list[Frame] = []
        self.run_end = 0
        self.laps = 0
        self.pending: range | None = None
        self.losses: list[range] = []
        self.seek(where, value)

    def seek(self, where: str, value: int) -> None:
        self._tell()
        ring = self.ring
        if where == "latest":
            self._go_to((ring.tail, ring.sequence))
        elif where == "earliest":
            self._go_to(ring.find_place())
        elif where == "last":
            target = ring.sequence - min(value, ring.sequence - 1)
            self._go_to(ring.find_target("sequence", target))
        elif where == "since":
            self._go_to(ring.find_target("time", value))
        else:
            place = ring.find_target("sequence", value)
            self.sequence = value
            self._skip_to(place)

    @property
    def lag(self) -> int:
        return self.ring.sequence - self.sequence

    def receive(self) -> bytes | None:
        """The next message, or None when there is nothing new."""
        while True:
            self._tell()
            try:
                return self._next()
            except Lapped:
                continue

    def receive_many(self, limit: int) -> list[bytes]:
        self._tell()
        found: list[bytes] = []
        while len(found) < limit:
            try:
                payload = self._next()
            except Lapped:
                if found:
                    break
                payload = self.receive()
            if payload is None:
                break
            found.append(payload)
        return found

    def view(self) -> tuple[bytes, int, bool] | None:
        """Payload, position, and whether it is a copy of what was read ahead."""
        while True:
            self._tell()
            try:
                if self.run:
                    position = self.cursor
                    payload = self._from_run()
                    if payload is None:
                        payload = self._news(large="leave")
                        copied = payload is not None
                    else:
                        copied = True
                    if payload is None and self.cursor != self.ring.tail:
                        continue  # a large one is next: it is looked at where it lies
                    if payload is None:
                        return None
                    return payload, position, copied
                frame = self._find_news()
            except Lapped:
                continue
            if frame is None:
                return None
            self._pass(frame)
            assert frame.payload is not None
            return frame.payload, frame.position, False

    def _tell(self) -> None:
        if self.pending is not None:
            self.losses.append(self.pending)
            self.pending = None

    def _go_to(self, place: tuple[int, int]) -> None:
        self.cursor, self.sequence = place
        self.run = []

    def _skip_to(self, place: tuple[int, int]) -> None:
        assert place[1] >= self.sequence
        if place[1] > self.sequence:
            first = self.sequence if self.pending is None else self.pending.start
            self.pending = range(first, place[1])
        self._go_to(place)

    def _resume(self) -> None:
        ring, start = self.ring, 0
        if self.laps:
            start = ring.tail - min(ring.tail, ring.capacity >> min(self.laps, 63))
        self.laps += 1
        self._skip_to(ring.find_place(start))
        raise Lapped

    def _next(self) -> bytes | None:
        payload = self._from_run()
        return payload if payload is not None else self._news(large="take")

    def _news(self, large: str) -> bytes | None:
        frame = self._find_news()
        if frame is None:
            return None
        if frame.size > LARGE_FRAME:
            if large == "leave":
                return None
            self._pass(frame)
            return frame.payload
        self._fill_run()
        return self._from_run()

    def _from_run(self) -> bytes | None:
        while self.run:
            frame = self.run[0]
            if frame.payload is None:
                self.cursor += frame.size
                break
            if frame.position + frame.size > self.run_end:
                break
            self.run.pop(0)
            self._pass(frame)
            if self.cursor == self.run_end:
                self.run = []
            return frame.payload
        self.run = []
        return None

    def _pass(self, frame: Frame) -> None:
        assert frame.sequence == self.sequence
        self.cursor = frame.position + frame.size
        self.sequence += 1
        self.laps = 0

    def _find_news(self) -> Frame | None:
        ring = self.ring
        for _ in range(2):
            if ring.tail == self.cursor:
                return None
            if ring.tail - self.cursor > ring.capacity or not ring.is_whole(self.cursor):
                self._resume()
            frame = ring.frames[self.cursor]
            if frame.payload is not None:
                return frame
            self.cursor += frame.size
        raise AssertionError("two padding frames in a row")

    def _fill_run(self) -> None:
        ring = self.ring
        room = ring.capacity - self.cursor % ring.capacity
        self.run_end = self.cursor + min(ring.tail - self.cursor, room, RUN_BYTES)
        position = self.cursor
        while position < self.run_end:
            frame = ring.frames[position]
            self.run.append(frame)
            position += frame.size
