"""A real control plane: etcd, kube-apiserver, kube-controller-manager and kube-scheduler.

Everything as in a cluster that people run: TLS, RBAC, service account tokens, admission. Left out
is what belongs to nodes, see kwoknodes.py and realnode.py. The API server can be killed and started
again on its port, with other flags if a test asks for them; etcd keeps what it knew, but not on
disk for sure (no fsync), so it is never killed.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.kubernetes.support import flags, kubeconfig
from tests.kubernetes.support.access import Access
from tests.kubernetes.support.api import Api, ApiError
from tests.kubernetes.support.isolation import NODE_ADDRESS
from tests.kubernetes.support.pki import Authority, Identity
from tests.kubernetes.support.processes import Program
from tests.kubernetes.support.tools import tool
from tests.kubernetes.support.waiting import wait_until

API_SERVICE = "10.96.0.1"  # the first of SERVICES: the API server's own Service


@dataclass(frozen=True, slots=True)
class ApiServerOptions:
    """What a test may want different.

    feature_gates   such as {"MutatingAdmissionPolicy": False}
    runtime_config  such as {"admissionregistration.k8s.io/v1beta1": True}
    audit           write an audit log, see `ControlPlane.audit_log`
    flags           any others, whole: "--event-ttl=5m"
    """

    feature_gates: Mapping[str, bool] = field(default_factory=dict)
    runtime_config: Mapping[str, bool] = field(default_factory=dict)
    audit: bool = False
    flags: Sequence[str] = ()


class ControlPlane(Access):
    """Use as a context manager; `folder` gets certificates, logs and etcd's data."""

    def __init__(self, folder: Path, options: ApiServerOptions | None = None) -> None:
        self.options = options or ApiServerOptions()
        self.authority = Authority(folder / "pki")
        self.folder = folder
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.audit_log = folder / "audit.log"
        identity = self.authority.client("admin", "system:masters")
        admin = self._kubeconfig("admin", identity)
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        context.load_cert_chain(identity.certificate, identity.key)
        api = Api(self.url, context)
        super().__init__(folder, self.url, self.authority.certificate, admin, api)
        self._make_programs()

    @property
    def programs(self) -> list[Program]:
        return [self.etcd, self.api_server, self.controller_manager, self.scheduler]

    def __enter__(self) -> Self:
        try:
            self.etcd.start()
            self.api_server.start()
            self.wait_ready()
            self.controller_manager.start()
            self.scheduler.start()
            wait_until(
                "the default service account",
                lambda: self.api.exists("/api/v1/namespaces/default/serviceaccounts/default"),
            )
        except BaseException:
            self.stop()
            print("\n".join(program.tail() for program in self.programs))
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End everything, readers first. Nothing is kept, so nobody needs to say goodbye."""
        for program in reversed(self.programs):
            program.kill()

    def ready(self) -> bool:
        try:
            return self.api.get("/readyz").get("text") == "ok"
        except ApiError:
            return False

    def wait_ready(self, timeout_s: float = 90.0) -> None:
        def condition() -> bool:
            assert self.api_server.running, self.api_server.tail()
            return self.ready()

        wait_until("the API server's /readyz", condition, timeout_s=timeout_s)

    def kill_api_server(self) -> None:
        self.api_server.kill()

    def start_api_server(self, options: ApiServerOptions | None = None) -> None:
        """Start it again on its port; with other options if given, which then stay."""
        if options is not None:
            self.options = options
        self.api_server.command = self._api_server().command
        self.api_server.start()
        self.wait_ready()

    def restart_api_server(self, options: ApiServerOptions | None = None) -> None:
        """SIGKILL, then start."""
        self.kill_api_server()
        self.start_api_server(options)

    def kubeconfig_for(self, user: str, *groups: str) -> Path:
        """A kubeconfig for a user with a client certificate."""
        return self._kubeconfig(user, self.authority.client(user, *groups))

    def _kubeconfig(self, user: str, identity: Identity) -> Path:
        path = self.folder / f"{user.replace(':', '-')}.kubeconfig"
        credentials = kubeconfig.certificate(identity.certificate, identity.key)
        return kubeconfig.write(path, self.url, self.authority.certificate, credentials)

    def _make_programs(self) -> None:
        self._tokens = self.authority.signing_key("service-accounts")
        self._kubelet_client = self.authority.client("kube-apiserver-kubelet", "system:masters")
        self._serving = self.authority.server(
            "kube-apiserver",
            f"IP:127.0.0.1,IP:{API_SERVICE},IP:{NODE_ADDRESS}",
            "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc",
        )
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        peers = f"http://127.0.0.1:{free_port()}"
        self.etcd = self._program("etcd", flags.etcd(self.folder, self._etcd_url, peers))
        self.api_server = self._api_server()
        manager = self.kubeconfig_for("system:kube-controller-manager")
        self.controller_manager = self._program(
            "kube-controller-manager",
            flags.controller_manager(
                manager, free_port(), self.authority.certificate, self._tokens
            ),
        )
        scheduler = self.kubeconfig_for("system:kube-scheduler")
        self.scheduler = self._program("kube-scheduler", flags.scheduler(scheduler, free_port()))

    def _api_server(self) -> Program:
        options = self.options
        given = flags.api_server(
            self._etcd_url,
            self.port,
            self.authority,
            self._serving,
            self._kubelet_client,
            self._tokens,
        )
        given |= flags.switches("feature-gates", options.feature_gates)
        given |= flags.switches("runtime-config", options.runtime_config)
        if options.audit:
            given |= flags.audit(self.folder, self.audit_log)
        return self._program("kube-apiserver", given, *options.flags)

    def _program(self, name: str, given: flags.Flags, *more: str) -> Program:
        command = [tool(name), *(f"--{flag}={value}" for flag, value in given.items()), *more]
        return Program(name, command, self.folder / f"{name}.log")


def free_port() -> int:
    """A TCP port that is free now; in the tests' own network nobody else will take it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
