"""A control plane and one real node."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from tests.kubernetes.support.controlplane import ApiServerOptions, ControlPlane
from tests.kubernetes.support.realnode import RealNode


class NodeCluster(ControlPlane):
    """A ControlPlane with `node`; its kubelet runs what the scheduler sends there."""

    def __init__(self, folder: Path, options: ApiServerOptions | None = None) -> None:
        super().__init__(folder, options)
        self.node = RealNode(self, folder / "node")

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self.node.__enter__()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *details: object) -> None:
        self.node.__exit__(*details)
        super().__exit__(*details)
