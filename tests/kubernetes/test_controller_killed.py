"""The controller is SIGKILLed at random during 200 creations and deletions: in the end all agrees.

Nothing protects any two calls from being parted: the finalizer from the topic, one broker's topic
from the next one's, the freed memory from the resource's end. The seed is printed, so that a run
that failed can be had again with PODRING_TEST_SEED.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from podring_controller.desired import claims
from tests.kubernetes.declaring import (
    ALL,
    Declaring,
    call,
    controlling,
    prepared,
    remove_all,
    topics,
)
from tests.kubernetes.support.api import ApiError
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.controller import Controller
from tests.kubernetes.support.waiting import wait_until

NODES = ("killed-1", "killed-2", "killed-3")
STEPS = 200
FOREIGN = "killed.foreign"


@pytest.fixture(scope="module")
def three(own_cluster: Callable[..., Cluster]) -> Iterator[Cluster]:
    with prepared(own_cluster, *NODES) as cluster:
        cluster.create_namespace("killed")
        yield cluster


class Killer(threading.Thread):
    """Kills a controller again and again, after anything from a tenth of a second to two."""

    def __init__(self, controller: Controller, chance: random.Random) -> None:
        super().__init__(name="killer", daemon=True)
        self.deaths = 0
        self._controller, self._chance = controller, chance
        self._enough = threading.Event()

    def run(self) -> None:
        self._controller.start()
        # Until it watches takes about a second: some of its lives end before, most after.
        while not self._enough.wait(self._chance.uniform(0.3, 2.5)):
            self._controller.kill()
            self.deaths += 1
            self._controller.start()

    def end(self) -> None:
        """Stop killing, and take the controller away as well."""
        self._enough.set()
        self.join()
        self._controller.kill()


@pytest.mark.timeout(420)
def test_cluster_and_brokers_agree_exactly_after_200_changes_and_many_kills(three: Cluster) -> None:
    seed = int(os.environ.get("PODRING_TEST_SEED") or time.time())
    print(f"PODRING_TEST_SEED={seed}")
    chance = random.Random(seed)
    declaring = Declaring(three.api, "killed")
    foreign = three.brokers.on("killed-2")
    assert foreign is not None
    made = {"topicname": FOREIGN, "shmsize": 8192, "msgsize": 64}
    assert call(f"{foreign.url}/createTopic", "POST", made)[0] == 201
    # The killer's controller is started by its thread, and ends with that: see support/processes.
    killer = Killer(three.controller(PODRING_HEALTH="none", PODRING_RESYNC="5"), chance)
    killer.start()
    change(declaring, chance, killer)
    killer.end()
    print(f"the controller was killed {killer.deaths} times")
    assert killer.deaths >= 10
    with controlling(three, PODRING_RESYNC="5"):
        wait_until("cluster and brokers to agree", lambda: agree(three), timeout_s=90)
        for each in three.api.items(ALL):
            declaring.delete(each["metadata"]["name"])
        wait_until("everything to be gone", lambda: three.api.items(ALL) == [], timeout_s=90)
        wait_until("the memory to be free", lambda: agree(three), timeout_s=30)
    assert set(topics(three, "killed-2")) == {FOREIGN}
    remove_all(three)


def change(declaring: Declaring, chance: random.Random, killer: Killer) -> None:
    """Creations and deletions, a few of them for names that are taken already."""
    alive: list[str] = []
    for number in range(STEPS):
        if alive and chance.random() < 0.45:
            declaring.delete(alive.pop(chance.randrange(len(alive))))
        else:
            name = f"r{number}"
            # 30 names for about 100 resources: many wait for each other.
            declaring.create(name, f"killed.{chance.randrange(30)}", shmsize=8192, msgsize=64)
            alive.append(name)
        time.sleep(chance.uniform(0.0, 0.25))
    wait_until("a few kills more", lambda: killer.deaths >= 10)


def agree(cluster: Cluster) -> bool:
    """Whether every broker has exactly what the resources say, each made for the right one."""
    from podring_controller.cluster import Declared

    resources = [Declared.of(each) for each in cluster.api.items(ALL)]
    if any(each.deleted_at is not None for each in resources):
        return False
    expected = {
        topic: f"sharedmemory/killed/{each.name}/{each.uid}"
        for topic, each in claims(resources).items()
    }
    for node in NODES:
        found = {name: each["origin"] for name, each in topics(cluster, node).items()}
        if node == "killed-2" and found.pop(FOREIGN, None) != "":
            raise AssertionError("somebody else's topic was touched")
        if found != expected:
            return False
    holders = {each.uid for each in claims(resources).values()}
    return all(ready(each) == (each.uid in holders) for each in resources)


def ready(resource: object) -> bool:
    conditions = resource.status.get("conditions") or ()  # type: ignore[attr-defined]
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def test_two_controllers_in_a_row_take_the_same_decisions(three: Cluster) -> None:
    """What one leaves behind, the next has nothing to do with."""
    declaring = Declaring(three.api, "killed")
    declaring.create("two", "killed.two")
    with controlling(three):
        declaring.wait("two", "TopicReady")
    before = declaring.get("two")
    generations = {node: topics(three, node)["killed.two"]["generation"] for node in NODES}
    with controlling(three):
        time.sleep(3)
        assert declaring.get("two") == before
        found = {node: topics(three, node)["killed.two"]["generation"] for node in NODES}
        assert found == generations
        declaring.delete("two")
        declaring.wait_gone("two")


def test_a_finalizer_without_a_controller_holds_the_resource_until_there_is_one(
    three: Cluster,
) -> None:
    declaring = Declaring(three.api, "killed")
    declaring.create("one", "killed.one")
    with controlling(three) as controller:
        declaring.wait("one", "TopicReady")
        controller.kill()
    declaring.delete("one")
    time.sleep(1)
    assert declaring.exists("one")
    with pytest.raises(ApiError):
        declaring.create("one", "killed.one")
    with controlling(three):
        declaring.wait_gone("one")
    assert all("killed.one" not in topics(three, node) for node in NODES)
