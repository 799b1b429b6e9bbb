"""Publishers and subscribers of a topic are on the same nodes, or the verdict names who is not."""

from podring_controller.cluster import Pod
from podring_controller.colocation import Users, users, verdict
from podring_controller.placement.annotations import PodTopics


def pod(name: str, node: str, *, publishes: str = "", subscribes: str = "") -> Pod:
    topics = PodTopics(frozenset(publishes.split()), frozenset(subscribes.split()))
    return Pod("shop", name, node, topics)


def judge(*pods: Pod) -> tuple[str, str]:
    found = verdict(users(pods)["t"])
    return found.status, found.message


def test_together_is_true_and_says_where() -> None:
    assert judge(pod("p", "n1", publishes="t"), pod("s", "n1", subscribes="t")) == (
        "True",
        "publishers and subscribers are together on n1",
    )


def test_one_pod_that_does_both_is_together_with_itself() -> None:
    assert judge(pod("p", "n1", publishes="t", subscribes="t"))[0] == "True"


def test_a_subscriber_and_a_publisher_apart_are_both_named() -> None:
    status, message = judge(pod("p", "n1", publishes="t"), pod("s", "n2", subscribes="t"))
    assert status == "False"
    assert "no publisher is on the node of subscriber shop/s (n2)" in message
    assert "no subscriber is on the node of publisher shop/p (n1)" in message


def test_one_who_is_apart_among_many_is_named_alone() -> None:
    together = [pod(f"p{n}", f"n{n}", publishes="t", subscribes="t") for n in range(5)]
    status, message = judge(*together, pod("s", "n9", subscribes="t"))
    assert (status, message) == (
        "False",
        "no publisher is on the node of subscriber shop/s (n9)",
    )


def test_of_many_who_are_apart_three_are_named() -> None:
    apart = [pod(f"s{n}", f"n{n}", subscribes="t") for n in range(1, 9)]
    message = judge(pod("p", "n1", publishes="t"), *apart)[1]
    assert message.endswith("shop/s2 (n2), shop/s3 (n3), shop/s4 (n4) and 4 more")


def test_one_side_alone_or_nobody_is_unknown() -> None:
    assert judge(pod("p", "n1", publishes="t"))[0] == "Unknown"
    assert "that it subscribes" in judge(pod("p", "n1", publishes="t"))[1]
    assert "that it publishes" in judge(pod("s", "n1", subscribes="t"))[1]
    assert verdict(Users()).message.endswith("that it publishes or subscribes")


def test_a_pod_that_was_not_given_a_node_yet_is_not_judged() -> None:
    assert judge(pod("p", "n1", publishes="t"), pod("s", "", subscribes="t"))[0] == "Unknown"
