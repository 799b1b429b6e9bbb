"""A real node: kubelet, kube-proxy and a cluster's DNS over containerd, on a machine of its own.

Pods there are containers that run our images. They reach Services by their names, as anywhere: the
kubelet tells them the DNS server, kube-proxy writes the rules.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

from tests.kubernetes.support.api import ApiError
from tests.kubernetes.support.containerd import Containerd
from tests.kubernetes.support.controlplane import ControlPlane
from tests.kubernetes.support.isolation import NODE_ADDRESS, REAL_PODS
from tests.kubernetes.support.machine import Machine
from tests.kubernetes.support.processes import Program
from tests.kubernetes.support.tools import tool
from tests.kubernetes.support.waiting import wait_until

DOMAIN = "cluster.local"


class RealNode:
    """Use as a context manager; the node is Ready inside."""

    def __init__(self, plane: ControlPlane, folder: Path, name: str = "real-1") -> None:
        self.plane = plane
        self.name = name
        self.machine = Machine(name, folder)
        self.programs: list[Program] = []

    def __enter__(self) -> Self:
        try:
            self.containerd = Containerd(self.machine)
            self.programs.append(self.containerd.program)
            self.kubelet = self._start("kubelet", self._kubelet())
            self._start("kube-proxy", self._kube_proxy())
            self._start("coredns", self._coredns())
            wait_until(f"node {self.name}", self._is_ready, retry=(OSError, ApiError))
        except BaseException:
            print("\n".join(program.tail() for program in self.programs))
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Power off, all at once."""
        self.machine.end()
        for program in self.programs:
            program.kill()

    def segments(self) -> set[str]:
        """The files in the node's /dev/shm."""
        return {path.name for path in self.machine.shm.iterdir()}

    def _is_ready(self) -> bool:
        for program in self.programs:
            if not program.running:
                raise RuntimeError(program.tail())
        conditions = self.plane.api.get(f"/api/v1/nodes/{self.name}")["status"]["conditions"]
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def _start(self, name: str, command: list[str]) -> Program:
        program = self.machine.program(name, command)
        self.programs.append(program)
        program.start()
        return program

    def _write(self, name: str, content: object) -> Path:
        path = self.machine.folder / name
        path.write_text(json.dumps(content, indent=1))
        return path

    def _kubelet(self) -> list[str]:
        folder = self.machine.folder
        serving = self.plane.authority.server(f"{self.name}-kubelet", f"IP:{NODE_ADDRESS}")
        config = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": NODE_ADDRESS,
            "authentication": {
                "anonymous": {"enabled": False},
                "x509": {"clientCAFile": str(self.plane.authority.certificate)},
            },
            "tlsCertFile": str(serving.certificate),
            "tlsPrivateKeyFile": str(serving.key),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self.machine.cgroup,
            # Many machines that build software still have cgroup v1; the kubelet must be asked.
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "containerRuntimeEndpoint": f"unix://{self.containerd.socket}",
            "clusterDomain": DOMAIN,
            "clusterDNS": [NODE_ADDRESS],
            "resolvConf": "",
            # Tests shall not depend on how full this machine's disk is.
            "evictionHard": {"nodefs.available": "0%", "nodefs.inodesFree": "0%"}
            | {"imagefs.available": "0%", "imagefs.inodesFree": "0%", "memory.available": "1Mi"},
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "healthzBindAddress": "127.0.0.1",
            "nodeStatusUpdateFrequency": "2s",
            "syncFrequency": "10s",
            "podLogsDir": f"{folder}/pod-logs",
        }
        user = self.plane.kubeconfig_for(f"system:node:{self.name}", "system:nodes")
        return [
            tool("kubelet"),
            f"--config={self._write('kubelet.json', config)}",
            f"--kubeconfig={user}",
            f"--root-dir={folder}/kubelet",
            f"--cert-dir={folder}/kubelet-pki",
            f"--node-ip={NODE_ADDRESS}",
            f"--hostname-override={self.name}",
        ]

    def _kube_proxy(self) -> list[str]:
        user = self.plane.kubeconfig_for("system:kube-proxy")
        config = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clientConnection": {"kubeconfig": str(user)},
            "clusterCIDR": REAL_PODS,
            "hostnameOverride": self.name,
            "oomScoreAdj": 0,
            # The number of connections that the kernel remembers is the whole machine's.
            "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s"}
            | {"tcpCloseWaitTimeout": "0s"},
        }
        return [tool("kube-proxy"), f"--config={self._write('kube-proxy.json', config)}"]

    def _coredns(self) -> list[str]:
        user = self.plane.kubeconfig_for("coredns", "system:masters")
        corefile = self.machine.folder / "Corefile"
        corefile.write_text(
            f".:53 {{\n  errors\n  kubernetes {DOMAIN} {{\n    kubeconfig {user}\n  }}\n}}\n"
        )
        return [tool("coredns"), f"-conf={corefile}"]
