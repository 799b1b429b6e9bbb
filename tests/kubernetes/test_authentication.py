"""A real broker that asks a real API server whom its callers' tokens belong to."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from podring.client import broker_at
from podring.errors import BrokerRefused, NotAllowed
from podring.topic import TopicSpec
from podring_broker.access.tokenreview import CACHE_S
from tests.broker.harness import Broker
from tests.kubernetes.support.api import Json
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.waiting import wait_until

SPEC = TopicSpec("64Ki", 1024)
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "rules": [
        {
            "apiGroups": ["authentication.k8s.io"],
            "resources": ["tokenreviews"],
            "verbs": ["create"],
        }
    ],
}


class Site:
    """A namespace with the accounts of a broker, a manager and a pod; only the broker runs."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self.cluster, self.namespace, self.folder = cluster, namespace, folder
        self.name = f"podring-broker-{namespace}"
        for account in ("broker", "manager", "pod"):
            self.make_account(account)
        (folder / "token").write_text(cluster.token(namespace, "broker"))
        (folder / "ca.crt").write_bytes(cluster.authority.certificate.read_bytes())
        settings = ["--authenticate", "tokenreview", "--api-server", cluster.url]
        settings += ["--service-account", str(folder)]
        settings += ["--managers", f"system:serviceaccount:{namespace}:manager"]
        self.broker = Broker(folder, self.name, "memory:", *settings)

    @property
    def accounts(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/serviceaccounts"

    def make_account(self, name: str) -> None:
        metadata = {"name": name}
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        self.cluster.api.create(self.accounts, body)

    def let_broker_review(self) -> None:
        """Give the broker's account the one verb that it needs."""
        self.cluster.api.create(f"{RBAC}/clusterroles", {**ROLE, "metadata": {"name": self.name}})
        binding: Json = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": self.name},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": self.name,
            },
            "subjects": [{"kind": "ServiceAccount", "name": "broker", "namespace": self.namespace}],
        }
        self.cluster.api.create(f"{RBAC}/clusterrolebindings", binding)

    def call(self, token: str, method: str, path: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return self.broker.call(method, path, headers=headers).status_code

    def token(self, account: str, audience: str | None = "podring") -> str:
        return self.cluster.token(self.namespace, account, audience)

    def close(self) -> None:
        self.broker.close()
        for kind in ("clusterroles", "clusterrolebindings"):
            self.cluster.api.delete(f"{RBAC}/{kind}/{self.name}")


@pytest.fixture
def bare(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Site]:
    """The broker's account may do nothing yet."""
    made = Site(cluster, namespace, tmp_path)
    try:
        made.broker.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def site(bare: Site) -> Site:
    bare.let_broker_review()
    token = bare.token("manager")
    wait_until("the role to hold", lambda: bare.call(token, "GET", "/topics") == 200)
    return bare


def test_the_controllers_account_makes_and_deletes_topics_and_a_pods_account_uses_them(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "projected"
    monkeypatch.setenv("PODRING_TOKEN_FILE", str(file))
    broker = broker_at(site.broker.address)
    file.write_text(site.token("manager"))
    made = broker.create("t", SPEC, "sharedmemory/a/b/c")
    file.write_text(site.token("pod"))
    assert broker.get("t") == made
    assert broker.topics() == [made]
    user = f"system:serviceaccount:{site.namespace}:pod"
    for call in (lambda: broker.create("other", SPEC), lambda: broker.delete("t")):
        with pytest.raises(NotAllowed, match=f"'{user}' may not") as refusal:
            call()
        assert refusal.value.status == 403
    file.write_text(site.token("manager"))
    broker.delete("t", made.origin)
    assert {event["caller"] for event in site.broker.events("topic.deleted")} == {
        f"system:serviceaccount:{site.namespace}:manager"
    }


def test_a_token_for_anybody_elses_ears_is_none_here(site: Site) -> None:
    for audience in (None, "https://kubernetes.default.svc", "podring2"):
        assert site.call(site.token("manager", audience), "GET", "/topics") == 401
    good = site.token("manager")
    for token in ("garbage", good[:-4], good.replace(".", ".x", 1)):
        assert site.call(token, "GET", "/topics") == 401
    assert site.call(good, "GET", "/topics") == 200
    log = site.broker.log.read_text()
    assert good not in log
    assert (site.folder / "token").read_text() not in log


def test_a_deleted_account_is_out_within_ten_seconds(site: Site) -> None:
    token = site.token("pod")
    assert site.call(token, "GET", "/topics") == 200
    site.cluster.api.delete(f"{site.accounts}/pod")
    started = time.monotonic()
    # The API server itself may take a while to see the deletion in its own cache.
    wait_until("its token to be refused", lambda: site.call(token, "GET", "/topics") == 401)
    assert time.monotonic() - started < CACHE_S + 5
    site.make_account("pod")  # of the same name, and not the same account
    assert site.call(token, "GET", "/topics") == 401
    assert site.call(site.token("pod"), "GET", "/topics") == 200


def test_a_broker_whose_account_may_not_ask_says_which_verb_it_lacks(
    bare: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODRING_TOKEN", bare.token("manager"))
    with pytest.raises(BrokerRefused, match=r"create on tokenreviews \(authentication"):
        broker_at(bare.broker.address).topics()
    assert bare.broker.ready()
    assert bare.broker.call("GET", "/metrics").is_success


def test_while_the_api_server_is_away_known_callers_go_on_and_others_are_told(site: Site) -> None:
    known, late = site.token("manager"), site.token("pod")
    assert site.call(known, "GET", "/topics") == 200
    site.cluster.kill_api_server()
    try:
        assert site.call(known, "GET", "/topics") == 200
        assert site.call(late, "GET", "/topics") == 503
        assert site.broker.ready()
    finally:
        site.cluster.start_api_server()
    wait_until("the other to be known", lambda: site.call(late, "GET", "/topics") == 200)
    assert site.broker.events("tokenreview.back")
