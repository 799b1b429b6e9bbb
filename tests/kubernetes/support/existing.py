"""A cluster that is there already, by its kubeconfig: for the tests that need no machine of ours.

PODRING_TEST_KUBECONFIG names it. Not KUBECONFIG alone: nobody wants tests in the cluster that
kubectl happens to point at.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
from pathlib import Path

from tests.kubernetes.support.access import Access
from tests.kubernetes.support.api import Api
from tests.kubernetes.support.tools import tool

VARIABLE = "PODRING_TEST_KUBECONFIG"


def asked_for() -> Path | None:
    """The kubeconfig of the cluster to test on, if somebody asked for one."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else None


class ExistingCluster(Access):
    """The cluster of a kubeconfig's current context; a certificate or a token says who we are."""

    def __init__(self, folder: Path, config: Path) -> None:
        view = [tool("kubectl"), f"--kubeconfig={config}", "config", "view", "--output=json"]
        view += ["--raw", "--minify", "--flatten"]
        found = json.loads(subprocess.run(view, capture_output=True, check=True).stdout)
        cluster, user = found["clusters"][0]["cluster"], found["users"][0]["user"]
        authority = folder / "existing-ca.crt"
        authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        context = ssl.create_default_context(cafile=str(authority))
        if "client-certificate-data" in user:
            identity = folder / "existing-client.pem"
            parts = ("client-certificate-data", "client-key-data")
            identity.write_bytes(b"\n".join(base64.b64decode(user[part]) for part in parts))
            context.load_cert_chain(identity)
        api = Api(cluster["server"], context, user.get("token"))
        super().__init__(folder, cluster["server"], authority, config, api)
