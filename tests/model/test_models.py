"""Every interleaving of the protocols in tests/model/*.pml is sound, and each broken rule is found.

A model that cannot fail proves nothing, so each has mutants: the same file with one rule broken,
where spin must find the error. `pytest tests/model -s` prints the number of states.
"""

from pathlib import Path

import pytest

from tests.model.checker import check

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SOUND = {
    "a reader is lapped, loans are given up": ("log", "PUBLISHERS=1", "KILLS=0"),
    "a subscriber joins at any moment": ("log", "PUBLISHERS=1", "KILLS=0", "JOINS", "DROPS=0"),
    "a publisher dies at any step": ("log", "KILLS=1", "DROPS=0", "MESSAGES=2"),
    "a loan of two is given up while one joins": (
        "log", "PUBLISHERS=1", "KILLS=0", "JOINS", "BATCH=2", "MESSAGES=2",
    ),
    "somebody dies while others sleep": ("sleep", "SUBSCRIBERS=1", "MESSAGES=2"),
    "two sleep and nobody dies": ("sleep", "KILLS=0", "MESSAGES=2"),
    "a topic is deleted under those who sleep": (
        "sleep", "SUBSCRIBERS=1", "KILLS=0", "DELETES", "MESSAGES=2",
    ),
    "publishers take turns": ("lock", "KILLS=0"),
    "the lock is inherited, and the slot used again": ("lock", "KILLS=1", "TURNS=1"),
    "subscribers join while publishers go on": ("block",),
    "a subscriber dies while a publisher waits": (
        "block", "ALL_THERE", "KILLS=1", "MESSAGES=2", "CAP=1",
    ),
    "a sandbox without FUTEX_WAKE_OP": (
        "sleep", "SUBSCRIBERS=1", "KILLS=0", "SANDBOX", "MESSAGES=2",
    ),
}  # fmt: skip

BROKEN = {
    "intent moves after the bytes": ("log", "MUTANT_ANNOUNCES_LATE", "PUBLISHERS=1", "KILLS=0"),
    "a reader never asks intent": ("log", "MUTANT_NEVER_ASKS", "PUBLISHERS=1", "KILLS=0"),
    "tail moves before the record": ("log", "MUTANT_SHOWS_EARLY", "DROPS=0", "MESSAGES=2"),
    "one commit record": ("log", "MUTANT_ONE_RECORD", "DROPS=0", "MESSAGES=2"),
    "the heir moves intent back": ("log", "MUTANT_INTENT_MOVES_BACK", "DROPS=0", "MESSAGES=2"),
    "checkpoints of what never was stay": (
        "log", "MUTANT_WITHDRAWS_NOTHING", "PUBLISHERS=1", "KILLS=0", "JOINS", "BATCH=2",
        "MESSAGES=2",
    ),
    "a lock that does not tell lives apart": ("lock", "MUTANT_NO_LIFE", "TURNS=1"),
    "unlocked without a wake-up": ("lock", "MUTANT_WAKES_NOBODY", "KILLS=0"),
    "the lock is taken without the mark": ("lock", "MUTANT_FORGETS_THE_OTHERS", "KILLS=0"),
    "who has slept takes the fast path": ("lock", "MUTANT_BARGES", "KILLS=0"),
    "no barrier between claim and members": ("block", "MUTANT_NO_BARRIER"),
    "a claim becomes intent unseen": ("block", "MUTANT_NEVER_LOOKS_AGAIN"),
    "a cursor moves before the copy": ("block", "MUTANT_MOVES_BEFORE_IT_COPIES"),
    "no barrier between cursor and drain": ("block", "MUTANT_TELLS_WITHOUT_BARRIER"),
    "no barrier between tail and sleepers": ("sleep", "MUTANT_NO_BARRIER", "KILLS=0"),
    "a subscriber looks before it says": ("sleep", "MUTANT_LOOKS_TOO_EARLY", "KILLS=0"),
    "killed between moving wake and waking": ("sleep", "SANDBOX", "SUBSCRIBERS=1"),
    "woken before the topic is marked": (
        "sleep", "DELETES", "MUTANT_WAKES_BEFORE_DELETING", "KILLS=0", "SUBSCRIBERS=1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_no_interleaving_breaks_it(name: str, tmp_path: Path) -> None:
    verdict = check(*SOUND[name], folder=tmp_path)
    print(f"\n{name}: {verdict.states} states")
    assert verdict.error == ""
    assert verdict.states > 1000


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found(name: str, tmp_path: Path) -> None:
    verdict = check(*BROKEN[name], folder=tmp_path)
    assert verdict.error.startswith("assertion violated")
