"""The models do what the C does, step by step: same functions, same words, same order.

A step that the C takes and no model has must be named below, with the reason for leaving it out.
So whoever changes the protocol in the C is told here that the model is out of date.
"""

import itertools
from pathlib import Path

import pytest

from tests.model.steps import steps_of_the_code, steps_of_the_model

MODELS = sorted(Path(__file__).parent.glob("*.pml"))

STATISTICS = "read by people only"
LEFT_OUT_WORDS = {
    "timestamp": "no step depends on it",
    "messages": STATISTICS,
    "bytes": STATISTICS,
    "active": STATISTICS,
    "lost": STATISTICS,
    "process": STATISTICS,
    "user": STATISTICS,
    "name": STATISTICS,
    "kept": "topics that keep what nobody subscribed to: tests/ring/test_block.py",
    "flags": "set before the entry shows, and never changed",
    "joined": "a number that tells subscribers in one slot apart",
    "evicted": "leases: tests/ring/test_block.py",
    "hold": "a place, as the cursor is",
    "reach": "grows before the entry shows",
    "role": "a free entry has no place: the model's NOWHERE",
    "state": "checked on every way into a function, and followed by nothing",
}
LEFT_OUT_FUNCTIONS = {
    "copy_shared": "a step of its callers",
    "full_barrier": "a step of its callers",
    "ring_format": "nobody else is there",
    "ring_join": "nobody looks before the role is there",
    "ring_save": "one's own offset, read by nobody while one lives",
    "store_hold": "a place, as the cursor is",
    "hold_undone": "as make_room, and a report follows: tests/ring/test_block.py",
    "ring_map": "what it reads never changes",
    "ring_lock_word": "a look that decides nothing",
    "ring_wake_waiters": "wakes in vain",
    "ring_sleep_any": "ring_sleep on several words",
    "ring_ring_bell": "a process talks to itself",
    "ring_spin": "sleeps never",
    "ring_report_wait": STATISTICS,
    "make_room": "a report without the question; asked again at the end of the run",
}
LEFT_OUT_STEPS = {
    ("ring_report", "store sequence"): STATISTICS,
    ("unlock", "fence seq_cst"): "the exchange is one already",
    ("ring_end", "load tail"): "read_commit",
    ("ring_end", "fence full"): "an exclusive publisher's unlock",
    ("first_whole", "load claim"): "0 in `overwrite` topics; block.pml joins in one step",
    ("has_room_for", "load tail"): "how long a publisher spins",
    ("ring_gather", "load tail"): "how long a subscriber waits for more",
    ("ring_mark_deleted", "wake lock"): "nobody publishes there any more",
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.stem)
def test_every_step_of_a_model_is_in_the_code_in_that_order(model: Path) -> None:
    code = steps_of_the_code()
    named = steps_of_the_model(model)
    assert named
    for function, steps in named.items():
        rest = iter(code[function])
        for step in steps:
            assert step in rest, f"{model.name}: {function}: {step}, but the C has {code[function]}"


def test_every_step_of_the_code_is_in_a_model_or_left_out_for_a_reason() -> None:
    modelled = {
        (function, step)
        for model in MODELS
        for function, steps in steps_of_the_model(model).items()
        for step in steps
    }
    code = steps_of_the_code()
    taken = {(name, step) for name, steps in code.items() for step in steps}
    missing = {
        (function, step)
        for function, step in taken - modelled - LEFT_OUT_STEPS.keys()
        if function not in LEFT_OUT_FUNCTIONS and step.split()[1] not in LEFT_OUT_WORDS
    }
    assert not missing


def test_what_is_left_out_exists() -> None:
    code = steps_of_the_code()
    words = {step.split()[1] for step in itertools.chain(*code.values())}
    assert LEFT_OUT_WORDS.keys() <= words
    assert LEFT_OUT_FUNCTIONS.keys() <= code.keys()
    assert all(step in code[function] for function, step in LEFT_OUT_STEPS)


def test_the_functions_that_matter_are_found() -> None:
    code = steps_of_the_code()
    assert code["ring_flush"][:3] == ["store sequence", "store end", "store tail"]
    assert code["ring_arm"] == ["load wake", "load sleepers", "cas sleepers", "fence seq_cst"]
