"""The oracle finds each thing that must not happen, when it is put into ledgers that are right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.soak.accounts import read
from tests.soak.judge import Verdict, judge
from tests.soak.ledger import Kind, Ledger, Meta, State, Word
from tests.soak.messages import HEAD_BYTES, NEVER, Maker, Torn, check

PUBLISHED, OUT, RECEIVED, LOST = Kind.PUBLISHED, Kind.OUT, Kind.RECEIVED, Kind.LOST
Entry = tuple[Kind, int, int, int, int]


class Court:
    """Ledgers of one generation, written by hand."""

    def __init__(self, folder: Path, topic: str) -> None:
        self._folder, self.topic, self._numbers = folder, topic, 0

    def account(
        self,
        role: str,
        entries: tuple[Entry, ...],
        state: State,
        name: str = "",
        who: int = 0,
        **more: int,
    ) -> None:
        self._numbers += 1
        who = who or 100 + self._numbers
        meta = Meta(self.topic, 7, "segment", role, "by hand", who, 1, name)
        ledger = Ledger(self._folder, meta)
        for entry in entries:
            ledger.add(*entry)
        last = entries[-1]
        behind = last[3] + last[4] if role == "publisher" else last[2] + last[4]
        words = {"END": behind, "INTENT": behind, "START": entries[0][2]} | more
        for name, value in words.items():
            ledger.set(Word[name], value)
        ledger.close(state)

    def publisher(self, who: int, *entries: Entry, **more: int) -> None:
        self.account("publisher", entries, State.CLOSED, "", who, **more)

    def subscriber(
        self, *entries: Entry, state: State = State.CLOSED, name: str = "", **more: int
    ) -> None:
        self.account("subscriber", entries, state, name, **more)

    def verdict(self, latest: int | None = 101, *, deleted: bool = False) -> Verdict:
        accounts = [read(path) for path in sorted(self._folder.glob("*.ledger"))]
        return judge(accounts, topic=self.topic, generation=7, latest=latest, deleted=deleted)


@pytest.fixture
def court(tmp_path: Path) -> Court:
    """Publisher 1 has 60 messages and publisher 2 forty, in turns; one subscriber has them all."""
    court = Court(tmp_path, "middle")
    court.publisher(1, (PUBLISHED, 1, 1, 0, 50), (PUBLISHED, 1, 91, 50, 10))
    court.publisher(2, (PUBLISHED, 2, 51, 0, 40))
    court.subscriber((RECEIVED, 1, 1, 0, 50), (RECEIVED, 2, 51, 0, 40), (RECEIVED, 1, 91, 50, 10))
    return court


@pytest.fixture
def blocking(tmp_path: Path) -> Court:
    """A `block` topic, where a batch does not say where each of its messages is."""
    court = Court(tmp_path, "block")
    court.publisher(1, (OUT, 1, 0, 0, 99), (PUBLISHED, 1, 100, 99, 1))
    court.subscriber((RECEIVED, 1, 1, 0, 100))
    return court


def test_what_is_right_is_right(court: Court) -> None:
    court.subscriber((RECEIVED, 1, 11, 10, 30), (LOST, 0, 41, 0, 20), (RECEIVED, 2, 61, 10, 5))
    verdict = court.verdict()
    assert verdict.wrong == []
    assert (verdict.published, verdict.delivered, verdict.lost) == (100, 135, 20)


def test_what_is_right_is_right_in_a_block_topic(blocking: Court) -> None:
    blocking.subscriber((RECEIVED, 1, 51, 50, 50))
    assert blocking.verdict().wrong == []


WRONG: dict[str, Callable[[Court], object]] = {
    "a gap or a step back": lambda court: court.subscriber(
        (RECEIVED, 1, 1, 0, 10), (RECEIVED, 1, 12, 11, 5)
    ),
    "a gap or a step back ": lambda court: court.subscriber(
        (RECEIVED, 1, 1, 0, 10), (RECEIVED, 1, 10, 9, 5)
    ),
    "at sequence 55 one account has message 3 of 2, another message 4 of 2": (
        lambda court: court.subscriber((RECEIVED, 2, 55, 3, 1))
    ),
    "one account has message 0 of 1": lambda court: court.subscriber((RECEIVED, 1, 60, 0, 1)),
    "twice, or out of order": lambda court: court.subscriber((RECEIVED, 1, 101, 0, 1)),
    "who never opened this topic": lambda court: court.subscriber((RECEIVED, 9, 101, 0, 1)),
    "message 60 of 1, who meant to publish 60": (
        lambda court: court.subscriber((RECEIVED, 1, 101, 60, 1))
    ),
    "its own account jumps from 5 to": (
        lambda court: court.publisher(3, (PUBLISHED, 3, 101, 0, 5), (PUBLISHED, 3, 106, 6, 1))
    ),
    "starts at 3, and its account with": (
        lambda court: court.subscriber((RECEIVED, 1, 5, 4, 1), START=3)
    ),
    "100 sequences for 105 messages": lambda court: court.publisher(4, (OUT, 4, 0, 0, 5)),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found(court: Court, what: str) -> None:
    WRONG[what](court)
    assert what.strip() in "\n".join(court.verdict().wrong)


def test_a_message_that_was_out_and_is_not_there(court: Court) -> None:
    assert "99 sequences for 100 messages" in "\n".join(court.verdict(latest=100).wrong)


def test_a_message_that_nobody_published(court: Court) -> None:
    assert "101 sequences for 100 messages" in "\n".join(court.verdict(latest=102).wrong)


def test_what_was_under_way_at_a_kill_may_be_there_or_not(court: Court) -> None:
    court.publisher(5, (PUBLISHED, 5, 101, 0, 2), INTENT=3)
    assert court.verdict(latest=103).wrong == court.verdict(latest=104).wrong == []
    assert court.verdict(latest=105).wrong != []


def test_a_loss_in_a_block_topic(blocking: Court) -> None:
    blocking.subscriber((RECEIVED, 1, 1, 0, 10), (LOST, 0, 11, 0, 5))
    assert "lost in a block topic: lost 11 to 15" in "\n".join(blocking.verdict().wrong)


def test_an_eviction_without_a_lease_and_a_view_that_was_overwritten(blocking: Court) -> None:
    blocking.subscriber((RECEIVED, 1, 1, 0, 10), (Kind.EVICTED, 0, 11, 0, 5))
    blocking.subscriber((Kind.INVALID, 0, 1, 0, 1))
    wrong = "\n".join(blocking.verdict().wrong)
    assert "was evicted from a topic without a lease" in wrong
    assert "a view was overwritten in a block topic" in wrong


def test_a_deleted_topic_that_was_not_read_to_its_end(court: Court) -> None:
    court.publisher(6, (PUBLISHED, 6, 101, 0, 5000))
    court.subscriber((RECEIVED, 1, 1, 0, 50), state=State.TOPIC_CLOSED)
    assert "closed at 51, and it has 5101" in "\n".join(court.verdict(5101, deleted=True).wrong)


@pytest.mark.parametrize(("first", "right"), [(49, False), (50, True), (51, True), (52, False)])
def test_who_resumes_goes_on_where_the_killed_one_was(
    blocking: Court, first: int, right: bool
) -> None:
    blocking.subscriber((RECEIVED, 1, 1, 0, 50), state=State.OPEN, name="n", HOLDING=50)
    blocking.subscriber((RECEIVED, 1, first, first - 1, 10), name="n")
    assert (blocking.verdict().wrong == []) is right


def test_a_message_is_whole_or_torn() -> None:
    maker = Maker(1)
    message = maker.make(3, 4, 100)
    assert check(message) == (3, 4)
    assert len(message) == HEAD_BYTES + 100
    for at in range(len(message)):
        with pytest.raises(Torn):
            check(message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :])
    for other in (message[:-1], message + b"x", b"", maker.make(NEVER, 0, 0)):
        with pytest.raises(Torn):
            check(other)
