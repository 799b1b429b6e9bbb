"""The image that the manifests name for Redis, made of Debian's packages where no registry is.

It bears the manifests' name and holds Debian's Redis, which takes the same options. It is kept in
the cache that the other images are in.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

from deploy.helm.sources import ROOT
from tests.docker.bases import SUITE
from tests.docker.engine import alone, cache, call, podman, require_podman
from tests.support.components import require


def name() -> str:
    """What redis-master.yml calls it."""
    objects = yaml.safe_load_all((ROOT / "redis-master.yml").read_text())
    (found,) = (each for each in objects if each["kind"] == "Deployment")
    image: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def build() -> Path:
    """The image as a file that containerd can import.

    cost  about a minute, once
    """
    require_podman()
    full = f"docker.io/library/{name()}"
    archive = cache() / f"redis-{SUITE}-{name().partition(':')[2]}.tar"
    if archive.exists():  # whole, because it came there by a rename
        return archive
    with alone():
        if not archive.exists():
            with tempfile.TemporaryDirectory(dir=cache()) as folder:
                _make(full, Path(folder))
                (Path(folder) / "image.tar").replace(archive)
    return archive


def _make(full: str, folder: Path) -> None:
    system = folder / "system.tar"
    options = ["--quiet", "--variant=minbase", "--include=redis-server,redis-tools"]
    call(require("mmdebstrap"), *options, SUITE, system)
    path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    podman("import", "--quiet", "--change", path, system, full)
    podman("save", "--quiet", "--format=docker-archive", "--output", folder / "image.tar", full)
    podman("rmi", full)
