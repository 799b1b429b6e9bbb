"""One broker pod on a node that is not: its machine's memory, its process, its status."""

from __future__ import annotations

import http.client
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.kubernetes.support.api import Json
from tests.kubernetes.support.processes import Program
from tests.kubernetes.support.tools import podring_program
from tests.kubernetes.support.waiting import wait_until

PORT = 7070
LONGEST_PAUSE_S = 10.0
PROBE_EVERY_S = 1.0  # of a broker that was ready


class FakeMachine:
    """What a node is to its brokers: a /dev/shm that ends with it, and a folder for state."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        script = "mount -t tmpfs -o size=1g podring-tests /dev/shm && exec sleep infinity"
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        self._holder = Program(f"machine-{name}", command, folder / "machine.log")
        self._holder.start()
        # A broker that came first would make its segments in the /dev/shm of this machine.
        wait_until(
            f"{name}'s own /dev/shm",
            lambda: self.shm.stat().st_dev != Path("/dev/shm").stat().st_dev,
        )

    @property
    def shm(self) -> Path:
        """Its /dev/shm, as seen from here."""
        return Path(f"/proc/{self._holder.pid}/root/dev/shm")

    @property
    def inside(self) -> list[str]:
        """A prefix for commands that shall run there."""
        return ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--"]

    def segments(self) -> set[str]:
        return {path.name for path in self.shm.iterdir()}

    def end(self) -> None:
        """Power off: what was in its memory is gone."""
        self._holder.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class BrokerPod:
    """One broker pod and its process. `address` is the pod's."""

    def __init__(
        self, pod: Json, address: str, machine: FakeMachine, log: Path, extra: Mapping[str, str]
    ) -> None:
        meta = pod["metadata"]
        self.node: str = pod["spec"]["nodeName"]
        self.path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        self.address = address
        self.restarts = 0
        self._answered_at = 0.0
        self._containers = pod["spec"]["containers"]
        self._pause_s = 0.0
        environment = {
            "PODRING_HOST": address,
            "PODRING_PORT": str(PORT),
            "PODRING_NODE": self.node,
            "PODRING_SOCKET": "none",
            "PODRING_CATALOGUE": "memory:",
            "PODRING_BUDGET": "512Mi",
            # A test that authenticates says so by BrokerRunner.environment.
            "PODRING_AUTHENTICATE": "none",
            **extra,
        }
        command = [podring_program("podring-broker")]
        self.program = Program(
            f"broker-{self.node}", command, log, environment=environment, prefix=machine.inside
        )
        self._started = time.monotonic()
        self.program.start()

    @property
    def url(self) -> str:
        return f"http://{self.address}:{PORT}"

    def restart(self, environment: Mapping[str, str]) -> None:
        """Start it again, but one that ends at once after ever longer pauses."""
        lived = time.monotonic() - self._started
        if lived > LONGEST_PAUSE_S:
            self._pause_s = 0.0
        if lived < self._pause_s:
            return
        self._pause_s = min(self._pause_s * 2 or 1.0, LONGEST_PAUSE_S)
        self.program.environment.update(environment)
        self.restarts += 1
        self._started = time.monotonic()
        self.program.start()

    def is_ready(self) -> bool:
        if not self.program.running:
            return False
        connection = http.client.HTTPConnection(self.address, PORT, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def state(self) -> Json:
        """What there is to report. A broker that has just answered is not asked again."""
        now = time.monotonic()
        ready = self.program.running and now - self._answered_at < PROBE_EVERY_S
        if not ready and (ready := self.is_ready()):
            self._answered_at = now
        return {"ready": ready, "restarts": self.restarts, "address": self.address}

    def state_in(self, known: Json) -> Json:
        """The same, as a pod's status has it."""
        conditions = known.get("conditions", [])
        containers = known.get("containerStatuses") or [{}]
        return {
            "ready": any(one["type"] == "Ready" and one["status"] == "True" for one in conditions),
            "restarts": containers[0].get("restartCount"),
            "address": known.get("podIP"),
        }

    def status(self, state: Json) -> Json:
        """The pod's status as a kubelet would write it.

        state  from `state`
        """
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ready = str(state["ready"])
        steady = [("PodScheduled", "True"), ("Initialized", "True")]
        kinds = [*steady, ("ContainersReady", ready), ("Ready", ready)]
        containers = [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": state["ready"],
                "restartCount": state["restarts"],
                "state": {"running": {"startedAt": now}},
            }
            for container in self._containers
        ]
        return {
            "phase": "Running",
            "startTime": now,
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "conditions": [
                {"type": kind, "status": status, "lastTransitionTime": now}
                for kind, status in kinds
            ],
            "containerStatuses": containers,
        }
