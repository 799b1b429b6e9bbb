"""What a manifest names is there: in the other manifests, and in the programs that it starts."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

import podring
from deploy.helm.sources import Object
from podring.cli import verbs
from podring.cli.arguments import create_spec
from podring.client import broker_at
from podring_broker import settings
from podring_broker.options import OPTIONS
from podring_controller.resource import Sharedmemory
from podring_publisher import command as publisher
from podring_subscriber import command as subscriber
from tests.deploy.manifests import OVERLAYS, SETS, Pod, objects, of_kind, pod, pods

NAMESPACE = "podring-system"
PROGRAMS = {"publisher": publisher.parser, "subscriber": subscriber.parser}
every_set = pytest.mark.parametrize("which", SETS)
every_overlay = pytest.mark.parametrize("which", [*OVERLAYS, "everything"])


def selected(which: str, selector: dict[str, str]) -> list[Pod]:
    return [each for each in pods(which) if selector.items() <= each.labels.items()]


@every_set
def test_every_service_leads_to_a_port_of_a_pod(which: str) -> None:
    for service in of_kind(which, "Service"):
        (target,) = selected(which, service["spec"]["selector"])
        named = {port["name"]: port["containerPort"] for port in target.containers[0]["ports"]}
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in named
            if service["spec"].get("clusterIP") == "None":  # which translates no port
                assert named[port["targetPort"]] == port["port"]


@every_set
def test_every_workload_selects_its_own_pods_and_no_others(which: str) -> None:
    for each in objects(which):
        if each["kind"] in ("DaemonSet", "Deployment", "StatefulSet"):
            found = selected(which, each["spec"]["selector"]["matchLabels"])
            assert [str(one) for one in found] == [f"{each['kind']}/{each['metadata']['name']}"]


@every_set
def test_every_policy_and_budget_selects_pods_that_there_are(which: str) -> None:
    for policy in [*of_kind(which, "NetworkPolicy"), *of_kind(which, "PodDisruptionBudget")]:
        spec = policy["spec"]
        selectors = [spec.get("podSelector") or spec.get("selector") or {}]
        for rule in spec.get("ingress", ()):
            selectors += [
                each["podSelector"] for each in rule.get("from", ()) if "podSelector" in each
            ]
        for selector in selectors:
            assert selected(which, selector.get("matchLabels", {})), policy["metadata"]["name"]


@every_set
def test_every_probe_asks_a_port_that_the_container_has(which: str) -> None:
    for each in pods(which):
        container = each.containers[0]
        ports = {port["name"] for port in container.get("ports", ())}
        for probe in (container[key] for key in container if key.endswith("Probe")):
            if "httpGet" in probe:
                assert probe["httpGet"]["port"] in ports, each
            elif probe["exec"]["command"][0] == "podring":
                verbs.parser().parse_args(probe["exec"]["command"][1:])


@every_set
def test_the_broker_takes_every_setting_that_it_is_given(which: str) -> None:
    broker = pod(which, "broker")
    given = broker.environment()
    known = {option.variable for option in OPTIONS}
    assert given.keys() <= known
    read = settings.read([], given)
    (port,) = broker.containers[0]["ports"]
    assert (read.host, read.port, read.socket) == ("0.0.0.0", port["containerPort"], None)
    assert read.node == "node-a"


@every_set
def test_the_brokers_catalogue_is_somewhere(which: str) -> None:
    broker = pod(which, "broker")
    catalogue = urlsplit(broker.environment()["PODRING_CATALOGUE"])
    if catalogue.scheme == "sqlite":
        (mount,) = broker.containers[0]["volumeMounts"]
        assert catalogue.path.startswith(mount["mountPath"] + "/")
        return
    service, _, namespace = str(catalogue.hostname).partition(".")
    assert namespace == ("" if which == "root" else NAMESPACE)
    (found,) = (each for each in of_kind(which, "Service") if each["metadata"]["name"] == service)
    assert catalogue.port == found["spec"]["ports"][0]["port"]


def test_publisher_and_subscriber_understand_their_arguments_and_agree_on_the_topic() -> None:
    topics = []
    for name, parser in PROGRAMS.items():
        options = parser().parse_args(pod("root", name).containers[0]["args"])
        topics.append((options.topic, create_spec(options)))
    assert topics[0] == topics[1]
    assert topics[0][1] is not None


def test_publisher_and_subscriber_find_the_broker_and_land_on_its_node() -> None:
    services = {each["metadata"]["name"]: each for each in of_kind("root", "Service")}
    service = services["podring-broker"]
    for name in ("publisher", "subscriber"):
        each = pod("root", name)
        address = each.environment()["PODRING_BROKER"]
        assert broker_at(address).address == address
        assert urlsplit(address).hostname == service["metadata"]["name"]
        assert urlsplit(address).port == service["spec"]["ports"][0]["port"]
        (term,) = each.spec["affinity"]["podAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"
        ]
        assert term["topologyKey"] == "kubernetes.io/hostname"
        (found,) = selected("root", term["labelSelector"]["matchLabels"])
        assert found.component == "broker"


def test_the_sample_declares_the_topic_that_its_pods_use() -> None:
    (topic,) = of_kind("sample", "Sharedmemory")
    declared = Sharedmemory.from_object(topic).topic
    for name, parser in PROGRAMS.items():
        each = pod("sample", name)
        assert parser().parse_args(each.containers[0]["args"]).topic == declared
        assert each.containers[0]["readinessProbe"]["exec"]["command"][-1] == declared
        address = urlsplit(each.environment()["PODRING_BROKER"])
        assert address.hostname == f"podring-broker.{NAMESPACE}"


def test_the_pods_of_the_sample_say_who_they_are_to_the_brokers_of_overlay_full() -> None:
    audience = pod("full", "broker").environment()["PODRING_AUDIENCE"]
    for name in PROGRAMS:
        each = pod("sample", name)
        (volume,), (mount,) = each.spec["volumes"], each.containers[0]["volumeMounts"]
        (source,) = volume["projected"]["sources"]
        assert source["serviceAccountToken"]["audience"] == audience
        path = f"{mount['mountPath']}/{source['serviceAccountToken']['path']}"
        assert each.environment()["PODRING_TOKEN_FILE"] == path


def test_the_publisher_of_the_sample_may_write_to_the_rings_of_overlay_full() -> None:
    broker = pod("full", "broker")
    group = int(broker.environment()["PODRING_PUBLISHERS_GROUP"])
    for each in (broker, pod("sample", "publisher")):
        assert group in each.spec["securityContext"]["supplementalGroups"]
    subscriber = pod("sample", "subscriber").spec["securityContext"]
    assert group not in (subscriber["runAsGroup"], *subscriber.get("supplementalGroups", ()))


@every_set
def test_pods_of_a_node_are_led_to_the_broker_of_that_node(which: str) -> None:
    services = {each["metadata"]["name"]: each["spec"] for each in of_kind(which, "Service")}
    assert services["podring-broker"]["internalTrafficPolicy"] == "Local"


@every_overlay
def test_every_object_is_labelled_and_in_the_namespace(which: str) -> None:
    for each in objects(which):
        metadata = each["metadata"]
        labels = metadata["labels"]
        assert labels["app.kubernetes.io/name"] == labels["app.kubernetes.io/part-of"] == "podring"
        assert labels["app.kubernetes.io/version"] == podring.__version__
        if each["kind"] == "Namespace":
            assert metadata["name"] == NAMESPACE
        else:
            wanted = None if is_of_the_cluster(each) else NAMESPACE
            assert metadata.get("namespace") == wanted, each["kind"]


def is_of_the_cluster(each: Object) -> bool:
    return str(each["kind"]).startswith(("Cluster", "Custom", "Mutating", "Validating"))


@every_overlay
def test_every_binding_gives_a_role_to_an_account_that_there_is(which: str) -> None:
    roles = {each["metadata"]["name"] for each in of_kind(which, "ClusterRole")}
    accounts = {each["metadata"]["name"] for each in of_kind(which, "ServiceAccount")}
    for each in of_kind(which, "ClusterRoleBinding"):
        assert each["roleRef"]["name"] in roles
        for subject in each["subjects"]:
            assert subject["namespace"] == NAMESPACE
            assert subject["name"] in accounts
    used = {each.spec.get("serviceAccountName") for each in pods(which)}
    assert used == accounts


def test_the_brokers_of_overlay_full_let_the_controller_manage_topics_and_nobody_else() -> None:
    controller = pod("full", "controller")
    account = controller.spec["serviceAccountName"]
    broker = pod("full", "broker").environment()
    assert broker["PODRING_AUTHENTICATE"] == "tokenreview"
    assert broker["PODRING_MANAGERS"] == f"system:serviceaccount:{NAMESPACE}:{account}"
    (volume,) = controller.spec["volumes"]
    (source,) = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == broker["PODRING_AUDIENCE"]
    (mount,) = controller.containers[0]["volumeMounts"]
    path = f"{mount['mountPath']}/{source['serviceAccountToken']['path']}"
    assert controller.environment()["PODRING_TOKEN_FILE"] == path


def test_overlay_minimal_has_no_redis_and_asks_nobody_who_they_are() -> None:
    assert {each.component for each in pods("minimal")} == {"broker", "controller"}
    assert pod("minimal", "broker").environment()["PODRING_AUTHENTICATE"] == "none"


@every_overlay
def test_a_broker_is_replaced_only_after_it_ended(which: str) -> None:
    """It holds the lock on the node's topics."""
    (brokers,) = of_kind(which, "DaemonSet")
    assert brokers["spec"]["updateStrategy"]["rollingUpdate"]["maxSurge"] == 0
    (controller,) = of_kind(which, "Deployment")
    assert controller["spec"]["strategy"] == {"type": "Recreate"}
    assert controller["spec"]["replicas"] == 1
