"""A whole cluster without machines: control plane, kwok's nodes, and real brokers on them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Self

from tests.kubernetes.support.brokers import BrokerRunner
from tests.kubernetes.support.controller import Controller
from tests.kubernetes.support.controlplane import ApiServerOptions, ControlPlane
from tests.kubernetes.support.kwoknodes import KwokNodes
from tests.kubernetes.support.processes import Program

WORKERS = tuple(f"worker-{number}" for number in range(1, 11))
CONTROL_PLANE_NODE = "control-plane"


class Cluster(ControlPlane):
    """A ControlPlane with `nodes` and `brokers`. Eleven nodes: `start_nodes`."""

    def __init__(self, folder: Path, options: ApiServerOptions | None = None) -> None:
        super().__init__(folder, options)
        self.nodes = KwokNodes(self, folder)
        self.brokers = BrokerRunner(self, self.nodes, folder)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        super().__enter__()
        self._stack.enter_context(self.nodes)
        self._stack.enter_context(self.brokers)
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()
        super().__exit__(*details)

    @property
    def programs(self) -> list[Program]:
        return [*super().programs, *([self.nodes.program] if hasattr(self, "nodes") else [])]

    def start_nodes(self) -> None:
        """One control-plane node and ten workers."""
        self.nodes.add(CONTROL_PLANE_NODE, control_plane=True)
        self.nodes.add(*WORKERS)

    def controller(self, *arguments: str, **environment: str) -> Controller:
        """podring-controller with its own service account; start it with `with`."""
        return Controller(self, self.folder, *arguments, **environment)
