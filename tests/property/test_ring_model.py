"""The real ring and its model, driven with the same random commands and compared after each."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from podring import Publisher, Subscriber, TopicSpec, create_topic, delete_topic
from tests.property.model import Reader, Ring, frame_bytes

# Small, so that laps are frequent: one block and several, messages of all proportions to the ring.
SPECS = [
    (1, 1),
    (4064, 4064),
    (4096, 300),
    (8160, 8160),
    (12288, 5000),
    (20000, 700),
    (40960, 40000),
    (70000, 6000),
]
PUBLISHERS = 3


class Pair:
    """A real subscriber and its model."""

    def __init__(self, real: Subscriber, model: Reader) -> None:
        self.real = real
        self.model = model


class RingMachine(RuleBasedStateMachine):
    pairs = Bundle("pairs")

    @initialize(spec=st.sampled_from(SPECS))
    def open_topic(self, spec: tuple[int, int]) -> None:
        self.name = f"model-{secrets.token_hex(6)}"
        record = create_topic(self.name, TopicSpec(*spec), broker="local")
        self.ring = Ring(*spec)
        assert record.capacity == self.ring.capacity
        self.publishers = [Publisher(self.name, broker="local") for _ in range(PUBLISHERS)]
        self.witness = Subscriber(self.name, broker="local")
        self.open: list[Pair] = []

    def teardown(self) -> None:
        if hasattr(self, "name"):
            for publisher in self.publishers:
                publisher.close()
            for subscriber in [self.witness, *(pair.real for pair in self.open)]:
                subscriber.close()
            delete_topic(self.name, broker="local")

    def payload(self, share: float) -> bytes:
        length = int(share * self.ring.max_message)
        return bytes((self.ring.sequence * 31 + at * 7) % 256 for at in range(8))[:length] + bytes(
            max(0, length - 8)
        )

    def learn_stamps(self) -> None:
        """The witness reads each message at once: the model cannot know the clock."""
        before = self.witness.lost
        self.learn_stamps_of(self.witness)
        if self.witness.lost == before:
            return
        # Overtaken twice without a message in between, it goes on at the tail: others may still get
        # what lies before that. What is overwritten is never asked for.
        with Subscriber(self.name, start="earliest", broker="local") as other:
            self.learn_stamps_of(other)
        for lost in self.witness.losses:
            for sequence in lost:
                self.ring.stamps.setdefault(sequence, 0)

    def learn_stamps_of(self, subscriber: Subscriber) -> None:
        while subscriber.receive_nowait() is not None:
            last = subscriber.last
            assert last is not None
            self.ring.stamps[last.sequence] = last.timestamp

    shares = st.one_of(st.floats(0, 1), st.floats(0, 0.05), st.sampled_from([0.0, 0.5, 1.0]))
    who = st.integers(0, PUBLISHERS - 1)

    @rule(who=who, share=shares)
    def publish(self, who: int, share: float) -> None:
        payload = self.payload(share)
        assert self.publishers[who].publish(payload) == self.ring.publish(payload)
        self.learn_stamps()

    @rule(who=who, shares=st.lists(shares, max_size=12), times=st.integers(1, 6))
    def publish_many(self, who: int, shares: list[float], times: int) -> None:
        payloads = [self.payload(share) for share in shares] * times
        last = 0
        for payload in payloads:
            last = self.ring.publish(payload)
        assert self.publishers[who].publish_many(payloads) == last
        self.learn_stamps()

    @rule(who=who, length=st.integers(0, 100), laps=st.sampled_from([0.3, 0.9, 1.5]))
    def lap(self, who: int, length: int, laps: float) -> None:
        """Enough small messages to overtake somebody, and to fill private buffers."""
        payload = bytes(min(length, self.ring.max_message))
        count = int(self.ring.capacity * laps) // frame_bytes(len(payload)) + 1
        for _ in range(count):
            last = self.ring.publish(payload)
        assert self.publishers[who].publish_many([payload] * count) == last
        self.learn_stamps()

    @rule(who=who, share=shares, kept=st.floats(0, 1))
    def lend(self, who: int, share: float, kept: float) -> None:
        payload = self.payload(share)
        published = payload[: int(len(payload) * kept)]
        with self.publishers[who].loan(len(payload)) as loan:
            loan[:] = payload
            loan.truncate(len(published))
        assert loan.sequence == self.ring.publish(published, reserved=len(payload))
        self.learn_stamps()

    @rule(who=who, share=shares)
    def drop_a_loan(self, who: int, share: float) -> None:
        payload = self.payload(share)
        with pytest.raises(RuntimeError), self.publishers[who].loan(len(payload)) as loan:  # noqa: PT012
            loan[:] = b"\xdd" * len(payload)
            raise RuntimeError
        self.ring.reserve(len(payload))

    def join(self, where: str, value: int = 0) -> Pair:
        real = Subscriber(self.name, broker="local")
        real.seek(where, value)
        pair = Pair(real, Reader(self.ring, where, value))
        self.open.append(pair)
        return pair

    @rule(target=pairs, where=st.sampled_from(["latest", "earliest"]))
    def join_at_an_end(self, where: str) -> Pair:
        return self.join(where)

    @rule(target=pairs, count=st.integers(0, 80))
    def join_at_the_last(self, count: int) -> Pair:
        return self.join("last", count)

    @rule(target=pairs, back=st.integers(0, 200))
    def join_at_a_sequence(self, back: int) -> Pair:
        return self.join("sequence", max(1, self.ring.sequence - back))

    @rule(target=pairs, back=st.integers(1, 100), later=st.integers(-1, 1))
    def join_since_a_time(self, back: int, later: int) -> Pair:
        stamp = self.ring.stamps.get(max(1, self.ring.sequence - back), 1)
        return self.join("since", max(0, stamp + later))

    @rule(target=pairs, pair=consumes(pairs), where=st.sampled_from(["latest", "earliest"]))
    def seek_again(self, pair: Pair, where: str) -> Pair:
        pair.real.seek(where)
        pair.model.seek(where, 0)
        return pair

    @rule(pair=consumes(pairs))
    def leave(self, pair: Pair) -> None:
        pair.real.close()
        self.open.remove(pair)

    @rule(pair=pairs, count=st.integers(1, 20))
    def receive(self, pair: Pair, count: int) -> None:
        for _ in range(count):
            expected = pair.model.receive()
            assert pair.real.receive_nowait() == expected
            if expected is None:
                break

    @rule(pair=pairs, limit=st.integers(1, 200))
    def receive_many(self, pair: Pair, limit: int) -> None:
        assert pair.real.receive_many(limit, timeout=0) == pair.model.receive_many(limit)

    @rule(pair=pairs)
    def view(self, pair: Pair) -> None:
        expected = pair.model.view()
        if expected is None:
            with pytest.raises(TimeoutError):
                pair.real.view(timeout=0)
            return
        payload, position, copied = expected
        with pair.real.view(timeout=0) as message:
            assert bytes(message) == payload
            assert message.sequence == pair.model.sequence - 1
            assert message.valid == (copied or self.ring.is_whole(position))

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "name"):
            return
        mapping = self.witness.mapping
        assert mapping.bounds() == (self.ring.find_place()[1], self.ring.sequence)
        for pair in self.open:
            assert pair.real.offset == pair.model.sequence
            assert pair.real.lag == pair.model.lag
            assert pair.real.losses == pair.model.losses
            assert pair.real.lost == sum(map(len, pair.model.losses))


RingMachine.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestRingModel = pytest.mark.slow(RingMachine.TestCase)
