"""A topic whose publishers wait, driven with random commands: whoever is there gets everything,
what a view shows stays, and a publisher waits only for somebody who really needs the room."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from podring import Full, Publisher, Subscriber, TopicSpec, create_topic, delete_topic
from podring.ring._ring import Message

# Room for two of the longest and little more, and for some: else nobody would ever wait.
SPECS = [(4096, 4064), (8191, 8191), (20000, 20000), (60000, 60000), (12000, 3000), (70000, 16400)]


class Reader:
    """A subscriber, the message that it is to get next, and how many views of it are out."""

    def __init__(self, real: Subscriber, sequence: int) -> None:
        self.real = real
        self.sequence = sequence
        self.views = 0


Held = tuple[Reader, Message, bytes]


class BlockMachine(RuleBasedStateMachine):
    readers = Bundle("readers")
    views = Bundle("views")

    @initialize(target=readers, spec=st.sampled_from(SPECS), exclusive=st.booleans())
    def open_topic(self, spec: tuple[int, int], exclusive: bool) -> Reader:
        self.name = f"model-{secrets.token_hex(6)}"
        self.longest = spec[1]
        self.open: list[Reader] = []
        self.sent: list[bytes] = []
        create_topic(self.name, TopicSpec(*spec, overflow="block"), broker="local")
        self.publisher = Publisher(self.name, broker="local", exclusive=exclusive, timeout=0)
        return self.subscribe()

    def teardown(self) -> None:
        if hasattr(self, "publisher"):
            for one in (self.publisher, *(reader.real for reader in self.open)):
                one.close()
            delete_topic(self.name, broker="local")

    @rule(share=st.sampled_from([0.0, 0.3, 0.5, 0.97, 1.0]) | st.floats(0, 1), lent=st.booleans())
    def publish(self, share: float, lent: bool) -> None:
        payload = len(self.sent).to_bytes(8, "little") * (self.longest // 8 + 1)
        payload = payload[: int(share * self.longest)]
        try:
            if lent:
                with self.publisher.loan(len(payload)) as loan:
                    loan[:] = payload
            else:
                self.publisher.publish(payload)
            self.sent.append(payload)
        except Full:
            assert any(reader.real.lag or reader.views for reader in self.open)

    @rule(target=readers)
    def another(self) -> Reader:
        return self.subscribe()

    def subscribe(self) -> Reader:
        reader = Reader(Subscriber(self.name, broker="local"), len(self.sent))
        self.open.append(reader)
        return reader

    @rule(reader=consumes(readers))
    def close(self, reader: Reader) -> None:
        reader.real.close()
        self.open.remove(reader)

    @rule(reader=readers, limit=st.integers(1, 100))
    def receive(self, reader: Reader, limit: int) -> None:
        received = reader.real.receive_many(limit, timeout=0)
        end = reader.sequence + len(received)
        assert received == self.sent[reader.sequence : end]
        assert received or end == len(self.sent)
        reader.sequence = end
        assert reader.real.lost == 0

    def look(self, reader: Reader) -> Message | None:
        if reader.sequence == len(self.sent):
            assert reader.real.receive_nowait() is None
            return None
        message = reader.real.view(timeout=0)
        assert bytes(message) == self.sent[reader.sequence]
        reader.sequence += 1
        return message

    @rule(reader=readers)
    def view(self, reader: Reader) -> None:
        if message := self.look(reader):
            with message:
                assert message.valid

    @rule(target=views, reader=readers)
    def hold(self, reader: Reader) -> Held | None:
        message = self.look(reader)
        if message is None:
            return None
        reader.views += 1
        return reader, message, self.sent[reader.sequence - 1]

    @rule(held=consumes(views))
    def let_go(self, held: Held | None) -> None:
        if held is not None:
            reader, message, sent = held
            reader.views -= 1
            with message:
                if reader in self.open:
                    assert (bytes(message), message.valid) == (sent, True)


BlockMachine.TestCase.settings = settings(
    max_examples=300,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestBlockModel = pytest.mark.slow(BlockMachine.TestCase)
