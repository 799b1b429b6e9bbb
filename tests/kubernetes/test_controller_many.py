"""500 topics on eleven nodes: made, and gone again, in a time that can be waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.kubernetes.declaring import ALL, Declaring, controlling, prepared, topics
from tests.kubernetes.support.cluster import WORKERS, Cluster
from tests.kubernetes.support.waiting import wait_until

MANY = 500
PATIENCE_S = 280
"""Each way. It took 153 s and 188 s on two cores that had 35 other things to do at the time."""
NODES = (*WORKERS, "worker-11")


@pytest.mark.timeout(700)
def test_500_topics_are_made_on_eleven_nodes_and_freed_again(
    own_cluster: Callable[..., Cluster],
) -> None:
    with prepared(own_cluster, *NODES) as cluster:
        cluster.create_namespace("many")
        with controlling(cluster):
            make_and_free(cluster, Declaring(cluster.api, "many"))
        for node in NODES:
            assert topics(cluster, node) == {}
            assert [name for name in cluster.brokers.segments(node) if "many" in name] == []


def make_and_free(cluster: Cluster, declaring: Declaring) -> None:
    began = time.monotonic()
    at_once(lambda number: declaring.create(f"r{number}", f"many.{number}", shmsize=4096))
    wait("all to be Ready", lambda: ready(cluster) == MANY)
    print(f"{MANY} topics on {len(NODES)} nodes: {time.monotonic() - began:.0f} s")
    for node in NODES:
        assert len(topics(cluster, node)) == MANY
    began = time.monotonic()
    at_once(lambda number: declaring.delete(f"r{number}"))
    wait("all to be gone", lambda: cluster.api.items(ALL) == [])
    print(f"gone again: {time.monotonic() - began:.0f} s")


def wait(what: str, condition: Callable[[], bool]) -> None:
    wait_until(what, condition, timeout_s=PATIENCE_S, every_s=2.0)


def at_once(act: Callable[[int], object]) -> None:
    with ThreadPoolExecutor(4) as pool:
        exhaust(pool.map(act, range(MANY)))


def exhaust(results: Iterable[object]) -> None:
    for _ in results:
        pass


def ready(cluster: Cluster) -> int:
    """Resources that are Ready on all nodes."""
    return sum(
        each.get("status", {}).get("nodesReady") == f"{len(NODES)}/{len(NODES)}"
        for each in cluster.api.items(ALL)
    )
