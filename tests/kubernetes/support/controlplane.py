"""A real control plane: etcd, kube-apiserver, kube-controller-manager and kube-scheduler.

Everything as in a cluster that people run: TLS, RBAC, service account tokens, admission. Left out
is what belongs to nodes, see kwoknodes.py and realnode.py. The API server can be killed and started
again on its port, with other flags if a test asks for them; etcd keeps what it knew, but not on
disk for sure (no fsync), so it is never killed.
"""

import contextlib
import socket
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.kubernetes.support import kubeconfig
from tests.kubernetes.support.api import Api, ApiError, Json
from tests.kubernetes.support.isolation import NODE_ADDRESS, SERVICES
from tests.kubernetes.support.pki import Authority
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


class ControlPlane:
    """Use as a context manager; `folder` gets certificates, logs and etcd's data."""

    def __init__(self, folder: Path, options: ApiServerOptions | None = None) -> None:
        self.folder = folder
        self.options = options or ApiServerOptions()
        self.authority = Authority(folder / "pki")
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.audit_log = folder / "audit.log"
        self._tokens = self.authority.signing_key("service-accounts")
        self._server_identity = self.authority.server(
            "kube-apiserver",
            f"IP:127.0.0.1,IP:{API_SERVICE},IP:{NODE_ADDRESS}",
            "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc",
        )
        self.kubelet_client = self.authority.client(
            "kube-apiserver-kubelet-client", "system:masters"
        )
        self.admin = self.kubeconfig_for("admin", "system:masters")
        self.api = Api(self.url, self._admin_context())
        self.etcd = self._etcd()
        self.api_server = self._api_server()
        self.controller_manager = self._controller_manager()
        self.scheduler = self._scheduler()

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

    def kubectl(
        self,
        *arguments: str,
        stdin: str | None = None,
        as_user: Path | None = None,
        timeout_s: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl and return what it said; its exit code is the caller's business.

        as_user  a kubeconfig; the administrator's if none
        """
        command = [tool("kubectl"), f"--kubeconfig={as_user or self.admin}"]
        command += [f"--cache-dir={self.folder / 'kubectl-cache'}", *arguments]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def apply(self, manifest: str | Path, *arguments: str) -> str:
        """`kubectl apply` of a text (YAML), a file, or a folder with a kustomization."""
        if isinstance(manifest, str):
            done = self.kubectl("apply", *arguments, "-f", "-", stdin=manifest)
        else:
            flag = "-k" if manifest.is_dir() else "-f"
            done = self.kubectl("apply", *arguments, flag, str(manifest))
        assert done.returncode == 0, f"kubectl apply: {done.stderr}"
        return done.stdout

    def kubeconfig_for(self, user: str, *groups: str) -> Path:
        """A kubeconfig for a user with a client certificate."""
        path = self.folder / f"{user.replace(':', '-')}.kubeconfig"
        identity = self.authority.client(user, *groups)
        credentials = kubeconfig.certificate(identity.certificate, identity.key)
        return kubeconfig.write(path, self.url, self.authority.certificate, credentials)

    def kubeconfig_for_account(self, namespace: str, account: str) -> Path:
        """A kubeconfig with a token of a service account, good for an hour."""
        token = self.token(namespace, account)
        path = self.folder / f"{namespace}-{account}.kubeconfig"
        return kubeconfig.write(
            path, self.url, self.authority.certificate, kubeconfig.token(token), namespace
        )

    def token(self, namespace: str, account: str, audience: str | None = None) -> str:
        """A token of a service account for the API server, or for another audience."""
        spec = {"expirationSeconds": 3600, **({"audiences": [audience]} if audience else {})}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        token: str = self.api.create(path, body)["status"]["token"]
        return token

    def api_as(self, namespace: str, account: str) -> Api:
        """The API server as a service account sees it."""
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        return Api(self.url, context, self.token(namespace, account))

    def create_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Create it if need be, and wait until pods can be made there."""
        metadata = {"name": name, "labels": dict(labels or {})}
        with contextlib.suppress(ApiError):
            self.api.create(
                "/api/v1/namespaces",
                {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
            )
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        wait_until(f"namespace {name}", lambda: self.api.exists(account))

    def delete_namespace(self, name: str, *, timeout_s: float = 90.0) -> None:
        """Delete it with all that is in it, and wait until it is gone."""
        path = f"/api/v1/namespaces/{name}"
        self.api.delete(path)
        wait_until(
            f"namespace {name} to be gone", lambda: not self.api.exists(path), timeout_s=timeout_s
        )

    def pods(self, namespace: str, **labels: str) -> list[Json]:
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        return self.api.items(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)

    def _admin_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        admin = self.authority.client("admin", "system:masters")
        context.load_cert_chain(admin.certificate, admin.key)
        return context

    def _program(self, name: str, flags: Mapping[str, object], *more: str) -> Program:
        command = [tool(name), *(f"--{flag}={value}" for flag, value in flags.items()), *more]
        return Program(name, command, self.folder / f"{name}.log")

    def _etcd(self) -> Program:
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        peers = f"http://127.0.0.1:{free_port()}"
        flags = {
            "data-dir": self.folder / "etcd",
            "listen-client-urls": self._etcd_url,
            "advertise-client-urls": self._etcd_url,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"default={peers}",
            "unsafe-no-fsync": "true",
            "log-level": "warn",
        }
        return self._program("etcd", flags)

    def _api_server(self) -> Program:
        flags: dict[str, object] = {
            "etcd-servers": self._etcd_url,
            "secure-port": self.port,
            "bind-address": "0.0.0.0",
            "advertise-address": NODE_ADDRESS,  # where a real node's pods find it
            "tls-cert-file": self._server_identity.certificate,
            "tls-private-key-file": self._server_identity.key,
            "client-ca-file": self.authority.certificate,
            "kubelet-client-certificate": self.kubelet_client.certificate,
            "kubelet-client-key": self.kubelet_client.key,
            "kubelet-certificate-authority": self.authority.certificate,
            "kubelet-preferred-address-types": "InternalIP",
            "service-cluster-ip-range": SERVICES,
            "allow-privileged": "true",
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": self._tokens,
            "service-account-signing-key-file": self._tokens,
            "profiling": "false",
        }
        flags |= _switches("feature-gates", self.options.feature_gates)
        flags |= _switches("runtime-config", self.options.runtime_config)
        if self.options.audit:
            policy = self.folder / "audit-policy.yaml"
            policy.write_text(AUDIT_POLICY)
            flags |= {"audit-log-path": self.audit_log, "audit-policy-file": policy}
        return self._program("kube-apiserver", flags, *self.options.flags)

    def _controller_manager(self) -> Program:
        flags = {
            "kubeconfig": self.kubeconfig_for("system:kube-controller-manager"),
            "root-ca-file": self.authority.certificate,
            "service-account-private-key-file": self._tokens,
            "use-service-account-credentials": "true",
            "leader-elect": "false",
            # A lost node is noticed within 20 s instead of 50, so that tests may wait for it.
            "node-monitor-period": "1s",
            "node-monitor-grace-period": "20s",
            "kube-api-qps": "200",
            "kube-api-burst": "400",
            "secure-port": free_port(),
            "profiling": "false",
        }
        return self._program("kube-controller-manager", flags)

    def _scheduler(self) -> Program:
        flags = {
            "kubeconfig": self.kubeconfig_for("system:kube-scheduler"),
            "leader-elect": "false",
            "secure-port": free_port(),
            "profiling": "false",
        }
        return self._program("kube-scheduler", flags)


# Who did what to which object; bodies are not needed.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""


def _switches(flag: str, switches: Mapping[str, bool]) -> dict[str, object]:
    text = ",".join(f"{name}={str(on).lower()}" for name, on in switches.items())
    return {flag: text} if text else {}


def free_port() -> int:
    """A TCP port that is free now; in the tests' own network nobody else will take it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
