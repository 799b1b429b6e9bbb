"""`podring-controller` as a process outside the cluster, so that tests can kill it.

It is whoever its Deployment would be: the same service account, with exactly the rights that
deploy/ grants. The account and its roles must be there already.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

from tests.kubernetes.support.processes import Program
from tests.kubernetes.support.tools import podring_program

NAMESPACE = "podring-system"
ACCOUNT = "podring-controller"


class Plane(Protocol):
    """Where its kubeconfig comes from: a cluster, or what stands between it and one."""

    def kubeconfig_for_account(self, namespace: str, account: str) -> Path: ...


class Controller:
    """Use as a context manager, or call start, kill and stop."""

    def __init__(self, plane: Plane, folder: Path, *arguments: str, **environment: str) -> None:
        self._plane = plane
        self.program = Program(
            "podring-controller",
            [podring_program("podring-controller"), *arguments],
            folder / "podring-controller.log",
            environment=environment,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.stop()
        if kind is not None:
            print(self.program.tail())

    def start(self) -> None:
        config = self._plane.kubeconfig_for_account(NAMESPACE, ACCOUNT)
        self.program.environment["KUBECONFIG"] = str(config)
        self.program.start()

    def stop(self) -> None:
        self.program.stop()

    def kill(self) -> None:
        self.program.kill()
