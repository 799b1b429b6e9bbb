"""A cluster for the tests in this folder, and the marker that keeps them out of plain `make test`.

The cluster is started once for the session; tests clean up what they made, mostly by a namespace of
their own. Whoever needs a cluster that is different from the start makes one: see `own_cluster`.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.docker.images import MEMBERS, build_images
from tests.kubernetes.support import existing
from tests.kubernetes.support.access import Access
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.controlplane import ApiServerOptions, ControlPlane
from tests.kubernetes.support.isolation import enter_own_network, outside
from tests.kubernetes.support.nodecluster import NodeCluster
from tests.kubernetes.support.tools import require_root, tool

FOLDER = Path(__file__).parent
PLANE_TOOLS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
TOOLS = (*PLANE_TOOLS, "kwok")
NODE_TOOLS = (*PLANE_TOOLS, "kubelet", "kube-proxy", "coredns")

_namespaces = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.kubernetes)
            # The first test that asks for a cluster or for images also waits for them.
            waits = "images" in getattr(item, "fixturenames", ())
            if waits or item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(1800 if waits else 300), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the cluster's programs said last."""
    report = yield
    if report.failed:
        for cluster in getattr(item, "funcargs", {}).values():
            if isinstance(cluster, ControlPlane):
                # Not the whole tree: what containerd keeps there comes and goes meanwhile.
                places = ("*.log", "node/*.log", "node/pod-logs/*/*/*.log")
                found = [path for place in places for path in cluster.folder.glob(place)]
                logs = [path for path in found if path.stat().st_size]
                report.sections += [(path.name, _tail(path)) for path in sorted(logs)]
    return report


def _logs(folder: Path) -> list[Path]:
    # Containers have theirs twice, the second time as symbolic links.
    found = [path for path in folder.rglob("*.log") if not path.is_symlink()]
    return sorted(path for path in found if path.stat().st_size)


def _tail(path: Path, size: int = 3000) -> str:
    return path.read_bytes()[-size:].decode(errors="replace")


@contextmanager
def cluster_folder() -> Iterator[Path]:
    """A folder for a cluster's certificates, data and logs. PODRING_KEEP=1 keeps it for reading."""
    folder = Path(tempfile.mkdtemp(prefix="podring-cluster-"))
    yield folder
    if os.environ.get("PODRING_KEEP"):
        print(f"kept {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def network() -> None:
    """This process is in a network of its own; see support/isolation.py."""
    if existing.asked_for():
        pytest.skip(f"{existing.VARIABLE} is set, and this test needs machines that it may kill")
    require_root()
    enter_own_network()


@pytest.fixture(scope="session")
def clusters(network: None) -> Iterator[Callable[..., Cluster]]:
    """Makes clusters that end with the session."""
    for name in TOOLS:
        tool(name)
    with ExitStack() as stack:

        def make(options: ApiServerOptions | None = None) -> Cluster:
            folder = stack.enter_context(cluster_folder())
            return stack.enter_context(Cluster(folder, options))

        yield make


@pytest.fixture(scope="session")
def cluster(clusters: Callable[..., Cluster]) -> Cluster:
    """Control plane, one fake control-plane node and ten fake workers, shared by the session."""
    made = clusters()
    made.start_nodes()
    return made


@pytest.fixture(scope="session")
def any_cluster(request: pytest.FixtureRequest) -> Iterator[Access]:
    """The cluster of PODRING_TEST_KUBECONFIG if there is one, else `cluster`.

    For tests that need an API server and nothing else.
    """
    if config := existing.asked_for():
        with cluster_folder() as folder:
            yield existing.ExistingCluster(folder, config)
    else:
        made: Access = request.getfixturevalue("cluster")
        yield made


@pytest.fixture(scope="session")
def own_cluster(clusters: Callable[..., Cluster]) -> Callable[..., Cluster]:
    """Makes a cluster with other API server options, without nodes: `own_cluster(options)`."""
    return clusters


@pytest.fixture(scope="session")
def images() -> dict[str, Path]:
    """Our four images as archives, by member: broker, publisher, subscriber, controller.

    Built from the work tree, unless PODRING_IMAGES names a folder where `SAVE=folder docker/build`
    has put them.
    """
    if built := os.environ.get("PODRING_IMAGES"):
        return {member: Path(built) / f"podring-{member}.tar" for member in MEMBERS}
    with outside():
        return build_images()


@pytest.fixture(scope="session")
def node_cluster(network: None, images: dict[str, Path]) -> Iterator[NodeCluster]:
    """A control plane with one real node, which has our images; shared by the session."""
    for name in NODE_TOOLS:
        tool(name)
    with cluster_folder() as folder, NodeCluster(folder) as made:
        for archive in images.values():
            made.node.containerd.load(archive)
        yield made


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A fresh namespace; what is in it is deleted afterwards."""
    name = f"test-{next(_namespaces)}"
    cluster.create_namespace(name)
    yield name
    cluster.api.delete(f"/api/v1/namespaces/{name}")
