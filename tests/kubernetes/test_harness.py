"""What the other tests rely on: clusters end with their run, and answer to whom they should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kubernetes.support.access import Access
from tests.kubernetes.support.api import ApiError
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.existing import ExistingCluster
from tests.kubernetes.support.tools import ROOT, require_root
from tests.kubernetes.support.waiting import wait_until

# A run that starts everything a cluster has, says so, and waits to be killed.
RUN = """
import sys, time
from pathlib import Path
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.isolation import enter_own_network
from tests.kubernetes.support.machine import Machine

enter_own_network()
folder = Path(sys.argv[1])
machine = Machine("doomed", folder / "machine")
sleeper = machine.program("sleeper", ["sleep", "1000"])
sleeper.start()
with Cluster(folder) as cluster:
    cluster.nodes.add("one")
    print("up", flush=True)
    time.sleep(1000)
"""


def test_a_killed_run_leaves_no_process_and_no_network(tmp_path: Path, cluster: Cluster) -> None:
    require_root()
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"up\n"
        network = os.readlink(f"/proc/{run.pid}/ns/net")
        assert len(processes_in(network)) > 6
        run.send_signal(signal.SIGKILL)
    wait_until("its processes to be gone", lambda: not processes_in(network), timeout_s=20)


def processes_in(network: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "ns" / "net") == network:
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_a_service_account_may_do_what_it_was_granted_and_nothing_else(
    cluster: Cluster, namespace: str
) -> None:
    caller = wait_until(
        "a token", lambda: cluster.api_as(namespace, "default"), retry=(OSError, ApiError)
    )
    with pytest.raises(ApiError, match="cannot list resource") as refused:
        caller.items(f"/api/v1/namespaces/{namespace}/pods")
    assert refused.value.code == 403


def test_an_existing_cluster_is_reached_by_its_kubeconfig(cluster: Cluster, tmp_path: Path) -> None:
    by_certificate: Access = ExistingCluster(tmp_path, cluster.admin)
    assert by_certificate.api.exists("/api/v1/namespaces/default")
    by_token = ExistingCluster(tmp_path, cluster.kubeconfig_for_account("default", "default"))
    with pytest.raises(ApiError, match="default:default"):
        by_token.api.exists("/api/v1/namespaces/kube-system")


def test_the_api_server_forgets_nothing_when_it_is_killed(cluster: Cluster, namespace: str) -> None:
    cluster.restart_api_server()
    assert cluster.api.exists(f"/api/v1/namespaces/{namespace}")
