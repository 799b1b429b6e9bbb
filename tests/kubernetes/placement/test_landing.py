"""Annotated pods land on one node if they can, and on some node unless they required the one."""

import time

from podring_controller.placement.affinity import REQUIRED
from podring_controller.placement.annotations import PLACEMENT, PUBLISHES, SUBSCRIBES
from tests.controller.placement.examples import OTHER_TERM
from tests.kubernetes.placement.site import Site, pod
from tests.kubernetes.support.waiting import wait_until


def ten_pods(site: Site, namespace: str, **more: str) -> list[str | None]:
    """Five publishers and five subscribers of one topic; where they are, once they all are."""
    names = [f"p{number}" for number in range(10)]
    for number, name in enumerate(names):
        annotation = PUBLISHES if number % 2 else SUBSCRIBES
        site.create(namespace, name, {annotation: "camera.front", **more})
    return [site.scheduled(namespace, name) for name in names]


def test_ten_publisher_and_subscriber_pods_land_on_one_node(site: Site, placed: str) -> None:
    assert len(set(ten_pods(site, placed))) == 1


def test_where_it_is_required_the_first_pod_is_scheduled_too(site: Site, placed: str) -> None:
    assert len(set(ten_pods(site, placed, **{PLACEMENT: "required"}))) == 1


def test_with_admission_down_the_ten_are_scheduled_as_if_they_had_no_annotations(
    site: Site, placed: str
) -> None:
    site.turn_off()
    try:
        site.wait_for(on=False)
        begin = time.monotonic()
        nodes = ten_pods(site, placed, **{PLACEMENT: "required"})
        took_s = time.monotonic() - begin
    finally:
        site.turn_on()
        site.wait_for(on=True)
    assert len(set(nodes)) > 1
    assert took_s < 30
    assert not any(made["metadata"].get("labels") for made in site.cluster.pods(placed))


def test_pods_of_other_namespaces_are_untouched(site: Site, unplaced: str) -> None:
    made = site.made_of(unplaced, pod("p", {PUBLISHES: "t", PLACEMENT: "required"}))
    assert "labels" not in made["metadata"]
    assert "affinity" not in made["spec"]
    assert len(set(ten_pods(site, unplaced))) > 1


def test_a_preferred_node_that_is_full_is_done_without(site: Site, placed: str) -> None:
    site.create(placed, "first", {PUBLISHES: "t"})
    node = site.scheduled(placed, "first")
    with site.cordoned(node):
        site.create(placed, "second", {SUBSCRIBES: "t"})
        assert site.scheduled(placed, "second") != node


def test_a_required_node_that_is_full_is_waited_for(site: Site, placed: str) -> None:
    site.create(placed, "first", {PUBLISHES: "t"})
    node = site.scheduled(placed, "first")
    with site.cordoned(node):
        site.create(placed, "second", {SUBSCRIBES: "t", PLACEMENT: "required"})
        wait_until("the scheduler's refusal", lambda: refusal(site, placed, "second"))
        assert "didn't match pod affinity rules" in refusal(site, placed, "second")
    assert site.scheduled(placed, "second") == node


def test_a_required_node_that_is_lost_is_waited_for_until_its_pods_are_deleted(
    site: Site, placed: str
) -> None:
    site.create(placed, "first", {PUBLISHES: "t"})
    node = site.scheduled(placed, "first")
    site.cluster.nodes.lose(node)
    try:
        site.create(placed, "second", {SUBSCRIBES: "t", PLACEMENT: "required"})
        wait_until("the scheduler's refusal", lambda: refusal(site, placed, "second"))
        site.cluster.api.delete(f"/api/v1/namespaces/{placed}/pods/first", gracePeriodSeconds=0)
        assert site.scheduled(placed, "second") != node
    finally:
        site.cluster.nodes.recover(node)


def refusal(site: Site, namespace: str, name: str) -> str:
    status = site.cluster.api.get(f"/api/v1/namespaces/{namespace}/pods/{name}")["status"]
    said = [each.get("message", "") for each in status.get("conditions", ())]
    return " ".join(said)


def test_required_is_the_first_topic_and_the_other_is_preferred(site: Site, placed: str) -> None:
    for topic, node in (("t", "worker-1"), ("u", "worker-2")):
        where = {"kubernetes.io/hostname": node}
        site.create(placed, f"publishes-{topic}", {PUBLISHES: topic}, nodeSelector=where)
        site.scheduled(placed, f"publishes-{topic}")
    for first, second, node in (("t", "u", "worker-1"), ("u", "t", "worker-2")):
        name = f"subscribes-{first}-first"
        site.create(placed, name, {SUBSCRIBES: f"{first},{second}", PLACEMENT: "required"})
        assert site.scheduled(placed, name) == node
        site.cluster.api.delete(f"/api/v1/namespaces/{placed}/pods/{name}", gracePeriodSeconds=0)


def test_a_chain_of_pods_stays_on_the_node_where_it_begins(site: Site, placed: str) -> None:
    where = {"kubernetes.io/hostname": "worker-7"}
    site.create(placed, "camera", {PUBLISHES: "raw"}, nodeSelector=where)
    site.scheduled(placed, "camera")
    for name, subscribes, publishes in (
        ("detect", "raw", "objects"),
        ("track", "objects", "tracks"),
        ("show", "tracks", ""),
    ):
        annotations = {SUBSCRIBES: subscribes, PUBLISHES: publishes, PLACEMENT: "required"}
        site.create(placed, name, annotations)
        assert site.scheduled(placed, name) == "worker-7"


def test_publishers_are_brought_together_by_a_name_that_they_put_first(
    site: Site, placed: str
) -> None:
    for topic in ("t", "u"):
        site.create(placed, topic, {PUBLISHES: f"line-7, {topic}", PLACEMENT: "required"})
    both = {SUBSCRIBES: "t,u", PLACEMENT: "required"}
    site.create(placed, "subscriber", both)
    assert len({site.scheduled(placed, name) for name in ("t", "u", "subscriber")}) == 1


def test_a_pod_with_required_affinity_of_its_own_is_still_scheduled(
    site: Site, placed: str
) -> None:
    where = {"kubernetes.io/hostname": "worker-3"}
    labelled = pod("database", {}, {"app": "other"}, nodeSelector=where)
    site.cluster.api.create(f"/api/v1/namespaces/{placed}/pods", labelled)
    site.scheduled(placed, "database")
    own = {"podAffinity": {REQUIRED: [OTHER_TERM | {"topologyKey": "kubernetes.io/hostname"}]}}
    site.create(placed, "p", {PUBLISHES: "t", PLACEMENT: "required"}, affinity=own)
    assert site.scheduled(placed, "p") == "worker-3"


def test_pods_of_one_topic_meet_across_namespaces_that_opted_in(
    site: Site, placed: str, also_placed: str
) -> None:
    where = {"kubernetes.io/hostname": "worker-5"}
    site.create(placed, "publisher", {PUBLISHES: "far"}, nodeSelector=where)
    site.scheduled(placed, "publisher")
    site.create(also_placed, "subscriber", {SUBSCRIBES: "far", PLACEMENT: "required"})
    assert site.scheduled(also_placed, "subscriber") == "worker-5"
