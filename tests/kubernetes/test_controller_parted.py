"""The controller is SIGKILLed at each of its writes to the API server in turn, before and after it.

What it does for a resource from creation to deletion is a row of writes: finalizer in, status,
event, status, finalizer out; with calls of brokers between them. At each the controller dies once
before the API server hears of it, and once when it is done and nobody was told. The next one has
to find everything out by itself. What it only reads changes nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.kubernetes.declaring import Declaring, controlling, prepared, topics
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.parting import Parting
from tests.kubernetes.support.waiting import wait_until

NODES = ("parted-1", "parted-2")
SETTINGS = {"PODRING_HEALTH": "none", "PODRING_RESYNC": "1"}
LEAST = 4
"""Writes that there must be: finalizer in, status, event, finalizer out."""


@pytest.fixture(scope="module")
def two(own_cluster: Callable[..., Cluster]) -> Iterator[Cluster]:
    with prepared(own_cluster, *NODES) as cluster:
        cluster.create_namespace("parted")
        yield cluster


@pytest.mark.timeout(420)
def test_a_controller_that_dies_at_any_of_its_writes_leaves_nothing_undone(two: Cluster) -> None:
    for number in itertools.count(1):
        died = [dies_at(two, number, after=after) for after in (False, True)]
        if not any(died):
            break
    print(f"killed before and after each of {number - 1} writes")
    assert number > LEAST


def dies_at(cluster: Cluster, number: int, *, after: bool) -> bool:
    """One resource's life with a death in it; whether there were that many writes at all."""
    declaring, name = Declaring(cluster.api, "parted"), f"{'after' if after else 'before'}-{number}"
    uid = declaring.create(name, name)["metadata"]["uid"]
    died = live_and_die(cluster, declaring, name, number, after=after)
    with controlling(cluster):
        if declaring.exists(name) and "deletionTimestamp" not in declaring.get(name)["metadata"]:
            declaring.wait(name, "TopicReady")
            made_for = {topics(cluster, node)[name]["origin"] for node in NODES}
            assert made_for == {f"sharedmemory/parted/{name}/{uid}"}
            declaring.delete(name)
        declaring.wait_gone(name)
    assert not [node for node in NODES if name in topics(cluster, node)]
    return died


def live_and_die(
    cluster: Cluster, declaring: Declaring, name: str, number: int, *, after: bool
) -> bool:
    """Have the resource made and deleted, for as long as the controller lives; whether it died."""

    with Parting(cluster, number, after=after) as parting:
        controller = parting.controller(**SETTINGS)

        def lives_until(claim: Callable[[], bool]) -> bool:
            wait_until(f"{name} to go on", lambda: not controller.program.running or claim())
            return controller.program.running

        controller.start()
        try:
            if lives_until(lambda: declaring.condition(name).get("reason") == "TopicReady"):
                declaring.delete(name)
                lives_until(lambda: not declaring.exists(name))
            return not controller.program.running
        finally:
            controller.kill()
