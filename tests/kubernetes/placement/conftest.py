"""Two clusters in which placement works: by the policy, and by the webhook of an older API server.

Real API servers and schedulers decide; nodes are played by kwok. A test that asks for `site` is run
in both.
"""

import itertools
from collections.abc import Iterator

import pytest

from tests.kubernetes.placement import site as sites
from tests.kubernetes.placement.site import ENABLED, Site
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.controlplane import ApiServerOptions
from tests.kubernetes.support.waiting import wait_until

# An API server as it was before MutatingAdmissionPolicy. Services have no kube-proxy here, so it
# goes to their endpoints by itself.
OLDER = ApiServerOptions(
    feature_gates={"MutatingAdmissionPolicy": False},
    flags=["--enable-aggregator-routing=true"],
)

_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def policy_site(cluster: Cluster) -> Iterator[Site]:
    yield from sites.by_policy(cluster)


@pytest.fixture(scope="package")
def webhook_site(network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Cluster(tmp_path_factory.mktemp("cluster"), OLDER) as cluster:
        cluster.start_nodes()
        yield from sites.by_webhook(cluster, tmp_path_factory.mktemp("manifests"))


@pytest.fixture(scope="package", params=["policy_site", "webhook_site"])
def site(request: pytest.FixtureRequest) -> Site:
    found: Site = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def placed(site: Site) -> Iterator[str]:
    """A namespace that opted in."""
    yield from _namespace(site, ENABLED)


@pytest.fixture
def also_placed(site: Site) -> Iterator[str]:
    yield from _namespace(site, ENABLED)


@pytest.fixture
def unplaced(site: Site) -> Iterator[str]:
    """A namespace that did not."""
    yield from _namespace(site, {})


def _namespace(site: Site, labels: dict[str, str]) -> Iterator[str]:
    name = f"placement-{next(_numbers)}"
    site.cluster.create_namespace(name, labels)
    yield name
    # Pods that stayed would attract the next test's; the namespace may end when it likes.
    site.cluster.api.delete(f"/api/v1/namespaces/{name}/pods", gracePeriodSeconds=0)
    wait_until(f"namespace {name} to be empty", lambda: not site.cluster.pods(name))
    site.cluster.api.delete(f"/api/v1/namespaces/{name}")
