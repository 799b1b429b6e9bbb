"""The command lines of the control plane's programs, one function each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.kubernetes.support.isolation import NODE_ADDRESS, SERVICES
from tests.kubernetes.support.pki import Authority, Identity

Flags = dict[str, object]

# Who did what to which object; bodies are not needed.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""


def etcd(folder: Path, url: str, peers: str) -> Flags:
    return {
        "data-dir": folder / "etcd",
        "listen-client-urls": url,
        "advertise-client-urls": url,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"default={peers}",
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }


def api_server(
    etcd_url: str,
    port: int,
    authority: Authority,
    serving: Identity,
    kubelet_client: Identity,
    tokens: Path,
) -> Flags:
    return {
        "etcd-servers": etcd_url,
        "secure-port": port,
        "bind-address": "0.0.0.0",
        "advertise-address": NODE_ADDRESS,  # where a real node's pods find it
        "tls-cert-file": serving.certificate,
        "tls-private-key-file": serving.key,
        "client-ca-file": authority.certificate,
        "kubelet-client-certificate": kubelet_client.certificate,
        "kubelet-client-key": kubelet_client.key,
        "kubelet-certificate-authority": authority.certificate,
        "kubelet-preferred-address-types": "InternalIP",
        "service-cluster-ip-range": SERVICES,
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": tokens,
        "service-account-signing-key-file": tokens,
        "profiling": "false",
    }


def switches(flag: str, on: Mapping[str, bool]) -> Flags:
    text = ",".join(f"{name}={str(value).lower()}" for name, value in on.items())
    return {flag: text} if text else {}


def audit(folder: Path, log: Path) -> Flags:
    policy = folder / "audit-policy.yaml"
    policy.write_text(AUDIT_POLICY)
    return {"audit-log-path": log, "audit-policy-file": policy}


def controller_manager(user: Path, port: int, authority: Path, tokens: Path) -> Flags:
    return {
        "kubeconfig": user,
        "root-ca-file": authority,
        "service-account-private-key-file": tokens,
        "use-service-account-credentials": "true",
        "leader-elect": "false",
        # A lost node is noticed within 20 s instead of 50, so that tests may wait for it.
        "node-monitor-period": "1s",
        "node-monitor-grace-period": "20s",
        "kube-api-qps": "200",
        "kube-api-burst": "400",
        "secure-port": port,
        "profiling": "false",
    }


def scheduler(user: Path, port: int) -> Flags:
    return {
        "kubeconfig": user,
        "leader-elect": "false",
        "secure-port": port,
        "profiling": "false",
    }
