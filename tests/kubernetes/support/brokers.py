"""Real brokers on nodes that are not: what a kubelet would do for the broker's pods, done by hand.

For each broker pod that is bound to one of kwok's nodes, a real `podring-broker` process is
started. It listens on the pod's own address, where the controller finds it through the
EndpointSlices, and it has the node's own /dev/shm: a tmpfs in a mount namespace that lives as long
as the node. The pod is reported Running when the process lives, and Ready when its /readyz says so.

The thread that does it looks at all pods a few times a second, so it does not matter what it missed
while the API server was away.
"""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Self

from tests.kubernetes.support.api import Api, ApiError, Json
from tests.kubernetes.support.brokerpod import BrokerPod, FakeMachine
from tests.kubernetes.support.controlplane import ControlPlane
from tests.kubernetes.support.kwoknodes import BROKER, KwokNodes

EVERY_S = 0.2
SELECTOR = f"app.kubernetes.io/name=podring,app.kubernetes.io/component={BROKER}"

_addresses = itertools.count(1)
"""Of all clusters together: they share one network, and two may live at the same time."""


class BrokerRunner:
    """Keeps one real broker a broker pod. Use as a context manager.

    environment  set for every broker that is started from now on, such as
                 {"PODRING_CATALOGUE": "unix:///…/redis.sock"}
    """

    def __init__(self, plane: ControlPlane, nodes: KwokNodes, folder: Path) -> None:
        self.environment: dict[str, str] = {}
        self.api: Api = plane.api
        self._nodes = nodes
        self._folder = folder / "machines"
        self._logs = folder
        self._brokers: dict[str, BrokerPod] = {}
        self._machines: dict[str, FakeMachine] = {}
        self._held: set[str] = set()
        self._dead: set[str] = set()
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="broker-runner", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(30)
        for broker in self._brokers.values():
            broker.program.kill()
        for machine in self._machines.values():
            machine.end()

    def on(self, node: str) -> BrokerPod | None:
        """The broker that runs on a node now, if any."""
        with self._lock:
            for broker in self._brokers.values():
                if broker.node == node and broker.program.running:
                    return broker
        return None

    def urls(self) -> dict[str, str]:
        """Node to broker's address, of all that are ready now."""
        with self._lock:
            brokers = list(self._brokers.values())
        return {broker.node: broker.url for broker in brokers if broker.is_ready()}

    def segments(self, node: str) -> set[str]:
        """The files in a node's /dev/shm; none if it is off."""
        with self._lock:
            machine = self._machines.get(node)
            return machine.segments() if machine else set()

    def kill_broker(self, node: str, *, restart: bool = True) -> None:
        """SIGKILL. The kubelet starts it again at once, unless told otherwise: then by `revive`."""
        with self._lock:
            broker = self.on(node)
            assert broker is not None, f"no broker runs on {node}"
            if not restart:
                self._held.add(node)
            broker.program.kill()

    def revive(self, node: str) -> None:
        with self._lock:
            self._held.discard(node)

    def power_off(self, node: str) -> None:
        """The machine dies with all that is in its memory. Its Node object is another matter."""
        with self._lock:
            self._dead.add(node)
            for broker in self._brokers.values():
                if broker.node == node:
                    broker.program.kill()
            machine = self._machines.pop(node, None)
            if machine:
                machine.end()

    def power_on(self, node: str) -> None:
        """It boots, empty; its pods start again."""
        with self._lock:
            self._dead.discard(node)
            for uid in [uid for uid, broker in self._brokers.items() if broker.node == node]:
                del self._brokers[uid]

    def _run(self) -> None:
        while not self._ending.wait(EVERY_S):
            try:
                self._look()
            except (ApiError, OSError):
                continue  # the API server is away, or a pod went while it was looked at

    def _look(self) -> None:
        pods = self.api.items("/api/v1/pods", labelSelector=SELECTOR)
        mine = {
            pod["metadata"]["uid"]: pod
            for pod in pods
            if pod["spec"].get("nodeName") in self._nodes.names
            and "deletionTimestamp" not in pod["metadata"]
            and pod["status"].get("phase") in ("Pending", "Running")
        }
        for uid in self._brokers.keys() - mine.keys():
            with self._lock:
                self._brokers.pop(uid).program.stop(5)
        for uid, pod in mine.items():
            with self._lock:
                self._keep_running(uid, pod)
        for uid, pod in mine.items():
            if uid in self._brokers:
                self._report(self._brokers[uid], pod["status"])

    def _keep_running(self, uid: str, pod: Json) -> None:
        node = pod["spec"]["nodeName"]
        if node in self._dead:
            return
        broker = self._brokers.get(uid)
        if broker is None:
            if node not in self._machines:
                self._machines[node] = FakeMachine(node, self._folder / node)
            log = self._logs / f"broker-{node}.log"
            number = next(_addresses)
            address = f"10.245.{number // 250}.{number % 250 + 1}"
            self._brokers[uid] = BrokerPod(
                pod, address, self._machines[node], log, self.environment
            )
        elif not broker.program.running and node not in self._held:
            broker.restart(self.environment)

    def _report(self, broker: BrokerPod, known: Json) -> None:
        """Write into the pod's status what a kubelet would, when what is known there is wrong."""
        if broker.node in self._dead or broker.node in self._nodes.lost:
            return
        state = broker.state()
        if state != broker.state_in(known):
            self.api.patch(f"{broker.path}/status", {"status": broker.status(state)})
