"""Who has a topic's name, on which nodes it shall be, and what must come first."""

from hypothesis import given
from hypothesis import strategies as st

from podring_controller.desired import claims, desired, needs_guard, selected
from podring_controller.plan import Delete, plan
from podring_controller.resource import Sharedmemory
from tests.controller.making import declared, made_for, nodes

SPEC = {"topicname": "t", "shmsize": 1, "msgsize": 1}
THREE = nodes("n1", "n2", "n3")


def test_the_oldest_resource_has_the_name() -> None:
    old = declared("z", created="2026-11-21T00:00:00Z")
    new = declared("a", created="2026-11-21T00:00:01Z")
    assert claims([new, old]) == {"t": old}


def test_of_two_that_are_equally_old_the_lesser_uid_decides() -> None:
    assert claims([declared("b"), declared("a")])["t"].uid == "a"


def test_one_made_in_the_same_second_does_not_take_the_name_from_who_has_it() -> None:
    assert claims([declared("b"), declared("a", guarded=False)])["t"].uid == "b"


@given(st.permutations([("a", 3), ("b", 1), ("c", 2), ("d", 1)]))
def test_the_order_of_the_list_does_not_matter(order: list[tuple[str, int]]) -> None:
    resources = [declared(uid, created=f"2026-11-21T00:00:0{age}Z") for uid, age in order]
    assert claims(resources)["t"].uid == "b"


def test_a_resource_that_is_being_deleted_keeps_the_name_until_it_is_gone() -> None:
    going = declared("a", deleted_at=1.0)
    waiting = declared("b", created="2026-11-21T00:00:09Z")
    assert claims([going, waiting])["t"] is going
    assert desired([going, waiting], THREE, {"n1"}).on("n1") == {}


def test_a_resource_that_podring_refuses_claims_nothing() -> None:
    broken = declared("a", shmsize="64Qi")
    assert claims([broken, declared("b")])["t"].uid == "b"


def test_without_a_selector_the_nodes_that_run_a_broker_are_meant() -> None:
    assert selected(Sharedmemory.of_spec(SPEC), THREE, {"n3", "n1", "not-a-node"}) == ["n1", "n3"]


def test_with_a_selector_nodes_without_a_broker_count_too() -> None:
    wish = Sharedmemory.of_spec({**SPEC, "nodeSelector": {"zone": "a"}})
    some = nodes("n1", zone="a") | nodes("n2", zone="b") | nodes("n3", zone="a", disk="ssd")
    assert selected(wish, some, {"n1"}) == ["n1", "n3"]


def test_all_labels_must_match() -> None:
    wish = Sharedmemory.of_spec({**SPEC, "nodeSelector": {"zone": "a", "disk": "ssd"}})
    assert selected(wish, nodes("n1", zone="a") | nodes("n2", zone="a", disk="ssd"), ()) == ["n2"]


def test_a_topic_is_made_only_for_a_resource_that_cannot_vanish() -> None:
    bare = declared(guarded=False)
    assert needs_guard(bare, claims([bare]))
    assert desired([bare], THREE, {"n1"}).on("n1") == {}
    assert list(desired([declared()], THREE, {"n1"}).on("n1")) == ["t"]


def test_who_loses_the_guard_keeps_the_topics_that_are_there_until_it_is_back() -> None:
    replaced = declared(guarded=False)  # kubectl replace with a file that names no finalizer
    found = desired([replaced], THREE, {"n1"})
    assert plan(found, "n1", [made_for()]) == []
    assert plan(found, "n1", [made_for("gone", "other")]) == [
        Delete("other", made_for("gone").origin)
    ]


def test_a_retained_topic_needs_no_guard() -> None:
    kept = declared(guarded=False, retain=True)
    assert not needs_guard(kept, claims([kept]))
    wanted = desired([kept], THREE, {"n1"}).on("n1")["t"]
    assert wanted.origin == "sharedmemory-retained/shop/name-u1/u1"


def test_neither_the_one_without_the_name_nor_one_that_leaves_is_guarded() -> None:
    old, new = declared("a", guarded=False), declared("b", guarded=False)
    assert not needs_guard(new, claims([old, new]))
    leaving = declared("c", guarded=False, deleted_at=1.0)
    assert not needs_guard(leaving, claims([leaving]))


def test_topics_of_a_resource_that_cannot_be_read_are_spared_until_it_is_deleted() -> None:
    broken = declared("a", overflow="of-tomorrow")
    found = desired([broken, declared("b")], THREE, {"n1"})
    assert (set(found.living), set(found.spared)) == ({"b"}, {"a"})
    going = declared("a", overflow="of-tomorrow", deleted_at=1.0)
    assert "a" not in {*(found := desired([going], THREE, {"n1"})).living, *found.spared}
