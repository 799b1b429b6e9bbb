"""The oracle: all ledgers of one generation of a topic, held against each other.

From publishers it knows which message was published, as which number or as one of a few; from
subscribers what came at each sequence, and what was called lost. Together that is one list of
messages, and every account must be a part of it:

- each subscriber's account has neither gap nor overlap nor step back: what did not come was lost,
  by its own word, and `block` topics lose nothing but by eviction, or for those who asked for it
- at one sequence there is one message, whoever looks, and a message has one sequence
- each publisher's messages stand in its own order, and none of those that were out is missing
- there are as many sequences as messages: what nobody accounts for was under way when its
  publisher was killed, or its topic deleted

Run as a program on a folder, a topic and a generation it prints what it found, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.soak.accounts import RECORD, Account, read
from tests.soak.ledger import Kind, State, Word
from tests.soak.topics import BY_NAME

SHOWN = 20
AT_ONCE, LONGEST_BATCH = 4, 200
"""How many publishers there are at a time, and how many messages a call of theirs has at most."""
Records = NDArray[np.void]


@dataclass
class Verdict:
    """What is wrong, and what there was."""

    topic: str
    generation: int
    wrong: list[str] = field(default_factory=list)
    published: int = 0
    delivered: int = 0
    lost: int = 0
    invalid: int = 0
    evicted: int = 0
    unseen: int = 0  # published, and received by nobody
    orphans: int = 0  # under way when their publisher was killed, and out all the same
    resumed: int = 0
    accounts: int = 0
    nbytes: int = 0

    def say(self, account: Account | None, what: str) -> None:
        where = f"{account.path.name} ({account.meta.mode}): " if account else ""
        if len(self.wrong) < SHOWN:
            self.wrong.append(f"{self.topic}.{self.generation}: {where}{what}")


def judge(
    accounts: Sequence[Account], *, topic: str, generation: int, latest: int | None, deleted: bool
) -> Verdict:
    """Hold the accounts of one generation against each other.

    latest   the sequence that the next message would have had in the end, where it is known
    deleted  whether it ended by deletion, which may cut calls short
    """
    verdict = Verdict(topic, generation, accounts=len(accounts))
    publishers = [one for one in accounts if one.meta.role == "publisher"]
    subscribers = [one for one in accounts if one.meta.role == "subscriber"]
    for one in subscribers:
        check_account(verdict, one)
    runs = merge(verdict, [_mapping(one.records) for one in accounts])
    check_order(verdict, runs)
    out = _out(publishers)
    check_published(verdict, runs, publishers, out)
    check_total(verdict, runs, publishers, out, latest)
    check_ends(verdict, publishers, subscribers, latest, deleted=deleted)
    check_resumed(verdict, subscribers)
    verdict.published = sum(out.values())
    verdict.nbytes = sum(one[Word.BYTES] for one in subscribers)
    return verdict


def check_account(verdict: Verdict, one: Account) -> None:
    """Neither gap nor overlap, and only losses that may be."""
    records = one.records
    for kind, word in (
        (Kind.RECEIVED, "delivered"),
        (Kind.LOST, "lost"),
        (Kind.INVALID, "invalid"),
        (Kind.EVICTED, "evicted"),
    ):
        count = int(records["count"][records["kind"] == kind].sum())
        setattr(verdict, word, getattr(verdict, word) + count)
    if not len(records):
        return
    ends = records["seq"] + records["count"]
    for at in np.flatnonzero(records["seq"][1:] != ends[:-1]):
        verdict.say(
            one, f"after {_text(records[at])} comes {_text(records[at + 1])}: a gap or a step back"
        )
    start, first = one[Word.START], int(records["seq"][0])
    if first != start and not (records["kind"][0] == Kind.LOST and first < start <= int(ends[0])):
        verdict.say(one, f"starts at {start}, and its account with {_text(records[0])}")
    _check_losses(verdict, one)


def _check_losses(verdict: Verdict, one: Account) -> None:
    spec = BY_NAME[one.meta.topic].spec
    if spec.overflow != "block":
        return
    kinds = one.records["kind"]
    # Where it starts it may be late already: what it waits for counts from then on.
    lost = np.flatnonzero(kinds[1:] == Kind.LOST) + 1
    if len(lost) and not one.meta.lossy:
        verdict.say(one, f"lost in a block topic: {_text(one.records[lost[0]])}")
    for at in np.flatnonzero(kinds == Kind.INVALID):
        if not one.meta.lossy and not spec.lease:
            verdict.say(one, f"a view was overwritten in a block topic: {_text(one.records[at])}")
    if not spec.lease and (kinds == Kind.EVICTED).any():
        verdict.say(one, "was evicted from a topic without a lease")


def _mapping(records: Records) -> Records:
    """The records that say which message has which sequence."""
    told = np.isin(records["kind"], (Kind.RECEIVED, Kind.PUBLISHED))
    chosen: Records = records[told]
    return chosen


def merge(verdict: Verdict, parts: Sequence[Records]) -> Records:
    """All accounts as one list of runs that do not overlap; where two tell, they must agree."""
    known = np.concatenate(parts) if parts else np.empty(0, RECORD)
    known = known[np.argsort(known["seq"], kind="stable")]
    merged: list[tuple[int, int, int, int, int]] = []
    for kind, who, seq, counter, count in known.tolist():
        if merged:
            _, last_who, first, first_counter, there = merged[-1]
            end = first + there
            if seq < end and (who != last_who or counter - seq != first_counter - first):
                verdict.say(
                    None,
                    f"at sequence {seq} one account has message {counter} of {who}, another "
                    f"message {first_counter + seq - first} of {last_who}",
                )
                continue
            if who == last_who and counter - seq == first_counter - first and seq <= end:
                there = max(there, seq + count - first)
                merged[-1] = (kind, who, first, first_counter, there)
                continue
        merged.append((kind, who, seq, counter, count))
    return np.array(merged, RECORD)


def check_order(verdict: Verdict, runs: Records) -> None:
    """Each publisher's counters grow with the sequence; so none comes twice either."""
    for who in np.unique(runs["who"]):
        mine = runs[runs["who"] == who]
        ends = mine["counter"] + mine["count"]
        for at in np.flatnonzero(mine["counter"][1:] < ends[:-1]):
            verdict.say(
                None,
                f"publisher {who}: after {_text(mine[at])} comes {_text(mine[at + 1])}: "
                "twice, or out of order",
            )


def _out(publishers: Sequence[Account]) -> dict[int, int]:
    """How many messages each publisher got out, by its own account."""
    return {one.meta.who: one[Word.END] for one in publishers}


def check_published(
    verdict: Verdict, runs: Records, publishers: Sequence[Account], out: dict[int, int]
) -> None:
    """What came was published, and a publisher's own account has no gap."""
    intent = {one.meta.who: one[Word.INTENT] for one in publishers}
    for who in np.unique(runs["who"]).tolist():
        end = int((runs["counter"] + runs["count"])[runs["who"] == who].max())
        if who not in intent:
            verdict.say(None, f"{end} messages of publisher {who}, who never opened this topic")
        elif end > max(intent[who], out[who]):
            verdict.say(None, f"message {end - 1} of {who}, who meant to publish {intent[who]}")
        else:
            verdict.orphans += max(0, end - out[who])
    for one in publishers:
        expected = 0
        for record in one.records:
            if record["counter"] != expected:
                verdict.say(one, f"its own account jumps from {expected} to {_text(record)}")
            expected = int(record["counter"]) + int(record["count"])


def check_total(
    verdict: Verdict,
    runs: Records,
    publishers: Sequence[Account],
    out: dict[int, int],
    latest: int | None,
) -> None:
    """As many sequences as messages: what nobody knows was under way at a kill, or only counted."""
    known = int(runs["count"].sum())
    top = int((runs["seq"] + runs["count"]).max()) if len(runs) else 1
    if latest is not None and top > latest:
        verdict.say(None, f"message {top - 1} came, and the topic ended before {latest}")
    total = (latest or top) - 1
    under_way = sum(max(0, one[Word.INTENT] - out[one.meta.who]) for one in publishers)
    published = sum(out.values())
    if latest is not None and not published <= total <= published + under_way:
        verdict.say(
            None,
            f"{total} sequences for {published} messages that were out and {under_way} that were "
            "under way when their publisher was killed",
        )
    verdict.unseen = total - known
    kinds = [(one.records["kind"], one.records["count"]) for one in publishers]
    located = sum(int(counts[kind == Kind.OUT].sum()) for kind, counts in kinds)
    if total - known > located + under_way:
        verdict.say(
            None,
            f"{total - known} sequences that nobody accounts for, and {located} messages without a "
            f"sequence, {under_way} under way",
        )


def check_ends(
    verdict: Verdict,
    publishers: Sequence[Account],
    subscribers: Sequence[Account],
    latest: int | None,
    *,
    deleted: bool,
) -> None:
    """Who read to the end of a deleted topic missed nothing that was out before."""
    if latest is None or not deleted:
        return
    # A call that had begun when the topic was deleted may end after a subscriber has gone.
    slack = min(len(publishers), AT_ONCE) * LONGEST_BATCH
    for one in subscribers:
        if one[Word.STATE] == State.TOPIC_CLOSED and one[Word.END] + slack < latest:
            verdict.say(
                one, f"was told that the topic is closed at {one[Word.END]}, and it has {latest}"
            )


def check_resumed(verdict: Verdict, subscribers: Sequence[Account]) -> None:
    """Who comes back under a name goes on where its predecessor was, and skips nothing."""
    for before, after in _successions(subscribers):
        verdict.resumed += 1
        held, end, start = before[Word.HOLDING], before[Word.END], before[Word.START]
        if not len(after.records):
            continue
        # Killed, it may have been done with all that it was given, or with nothing of it yet.
        least = end if before[Word.STATE] != State.OPEN else (held or start)
        first = int(after.records["seq"][0])
        if not least <= first <= end:
            verdict.say(after, f"resumes at {first}, and {before.path.name} was at {held} to {end}")


def _successions(subscribers: Sequence[Account]) -> Iterator[tuple[Account, Account]]:
    named = sorted((s for s in subscribers if s.meta.name), key=lambda one: one.meta.opened)
    for name in {one.meta.name for one in named}:
        mine = [one for one in named if one.meta.name == name]
        yield from pairwise(mine)


def _text(record: np.void) -> str:
    kind, who, seq, counter, count = record.tolist()
    return f"{Kind(kind).name.lower()} {seq} to {seq + count - 1} (of {who}, from {counter})"


def main() -> None:
    """`judge.py FOLDER TOPIC GENERATION LATEST DELETED`: the verdict as JSON."""
    folder, topic, generation, latest, deleted = sys.argv[1:6]
    paths = sorted(Path(folder).glob(f"{topic}.{generation}.*.ledger"))
    verdict = judge(
        [read(path) for path in paths],
        topic=topic,
        generation=int(generation),
        latest=int(latest) if latest != "none" else None,
        deleted=deleted == "yes",
    )
    print(json.dumps(asdict(verdict)))


if __name__ == "__main__":
    main()
