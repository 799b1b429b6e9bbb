"""What tests do with a cluster, whoever runs it: kubectl, applying, identities, namespaces.

`api` is the API server for the administrator, `admin` a kubeconfig for the same, and `trusted` the
file with the certificate to trust it by.
"""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.kubernetes.support import kubeconfig
from tests.kubernetes.support.api import Api, ApiError, Json
from tests.kubernetes.support.processes import GUARD
from tests.kubernetes.support.tools import tool
from tests.kubernetes.support.waiting import wait_until


class Access:
    """A cluster, as its users see it. `folder` gets the kubeconfigs that are written."""

    def __init__(self, folder: Path, url: str, authority: Path, admin: Path, api: Api) -> None:
        self.folder = folder
        self.url = url
        self.admin = admin
        self.api = api
        self.trusted = authority

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
        command = [*GUARD, tool("kubectl"), f"--kubeconfig={as_user or self.admin}"]
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

    def kubeconfig_for_account(self, namespace: str, account: str) -> Path:
        """A kubeconfig with a token of a service account, good for an hour."""
        path = self.folder / f"{namespace}-{account}.kubeconfig"
        credentials = kubeconfig.token(self.token(namespace, account))
        return kubeconfig.write(path, self.url, self.trusted, credentials, namespace)

    def token(self, namespace: str, account: str, audience: str | None = None) -> str:
        """A token of a service account for the API server, or for another audience."""
        spec = {"expirationSeconds": 3600, **({"audiences": [audience]} if audience else {})}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        token: str = self.api.create(path, body)["status"]["token"]
        return token

    def api_as(self, namespace: str, account: str) -> Api:
        """The API server as a service account sees it."""
        context = ssl.create_default_context(cafile=str(self.trusted))
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
