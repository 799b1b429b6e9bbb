"""Writes kubeconfig files. JSON is YAML, so json is enough."""

import json
from pathlib import Path

Credentials = dict[str, str]


def certificate(path: Path, key: Path) -> Credentials:
    return {"client-certificate": str(path), "client-key": str(key)}


def token(text: str) -> Credentials:
    return {"token": text}


def write(
    path: Path, server: str, authority: Path, credentials: Credentials, namespace: str = "default"
) -> Path:
    """Write one cluster, one user, one context."""
    cluster = {"server": server, "certificate-authority": str(authority)}
    context = {"cluster": "tests", "user": "tests", "namespace": namespace}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": cluster}],
        "users": [{"name": "tests", "user": credentials}],
        "contexts": [{"name": "tests", "context": context}],
        "current-context": "tests",
    }
    path.write_text(json.dumps(content, indent=1))
    path.chmod(0o600)
    return path
