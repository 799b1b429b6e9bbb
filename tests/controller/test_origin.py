"""An origin names the resource that a topic was made for, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podring.topic import ORIGIN_MAX, check_origin
from podring_controller.origin import Owner, origin_of, owner_in

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
names = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", fullmatch=True)


@given(labels, names, st.uuids().map(str), st.booleans())
def test_every_origin_is_one_to_a_broker_and_gives_back_its_owner(
    namespace: str, name: str, uid: str, retain: bool
) -> None:
    origin = origin_of(namespace, name, uid, retain=retain)
    assert check_origin(origin) == origin
    assert owner_in(origin) == Owner(uid, retain)


def test_an_origin_says_where_its_resource_is() -> None:
    assert origin_of("shop", "prices", "u-1", retain=False) == "sharedmemory/shop/prices/u-1"


def test_an_origin_that_would_be_too_long_keeps_the_uid_alone() -> None:
    origin = origin_of("n" * 63, "r" * 253, "u-1", retain=True)
    assert origin == "sharedmemory-retained/u-1"
    assert len(origin_of("n" * 63, "r" * 120, "u" * 36, retain=True)) <= ORIGIN_MAX


@pytest.mark.parametrize(
    "origin",
    ["", "me", "sharedmemory", "sharedmemory/", "sharedmemory/a/b/", "sharedmemory/a/b",
     "sharedmemory/a/b/c/d", "Sharedmemory/a/b/c", "sharedmemories/a/b/c", "x/sharedmemory/a/b"],
)  # fmt: skip
def test_anything_else_is_somebody_elses(origin: str) -> None:
    assert owner_in(origin) is None
