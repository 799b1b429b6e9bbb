"""The cluster's certificates: one authority, and what it signs, by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.components import require


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for servers and clients, each in files of its own below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.identity = self._make("ca", "/CN=podring-tests", "-addext", "keyUsage=keyCertSign")

    @property
    def certificate(self) -> Path:
        return self.identity.certificate

    def client(self, user: str, *groups: str) -> Identity:
        """Kubernetes reads the user from CN and the groups from O."""
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        return self._signed(user.replace(":", "-"), subject, "extendedKeyUsage=clientAuth")

    def server(self, name: str, *alternatives: str) -> Identity:
        """alternatives  in openssl's words, such as IP:127.0.0.1 or DNS:localhost"""
        return self._signed(
            name,
            f"/CN={name}",
            "extendedKeyUsage=serverAuth",
            "subjectAltName=" + ",".join(alternatives),
        )

    def signing_key(self, name: str) -> Path:
        """An RSA key without certificate, for service account tokens."""
        path = self.folder / f"{name}.key"
        _openssl("genrsa", "-out", str(path), "2048")
        return path

    def _signed(self, name: str, subject: str, *extensions: str) -> Identity:
        options = ["-CA", str(self.certificate), "-CAkey", str(self.identity.key)]
        for extension in extensions:
            options += ["-addext", extension]
        return self._make(name, subject, *options)

    def _make(self, name: str, subject: str, *options: str) -> Identity:
        identity = Identity(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        files = ["-keyout", str(identity.key), "-out", str(identity.certificate)]
        _openssl("req", "-x509", *key, *files, "-days", "2", "-subj", subject, *options)
        return identity


def _openssl(*arguments: str) -> None:
    command = [require("openssl"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stderr}"
