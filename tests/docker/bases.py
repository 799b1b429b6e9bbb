"""What the images are built on where no registry can be asked: Debian's own Python, as two images.

mmdebstrap makes them out of Debian packages: one to run on, one with a compiler to build in. They
stand for python:3.11-slim and python:3.11, which `docker/build` takes by itself.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.docker.engine import call_gently, has_image, podman
from tests.support.components import require

SUITE = "bookworm"
PYTHON_VERSION = "3.11"
_PACKAGES = {
    "base": ("python3",),
    "build-base": ("python3", "python3-dev", "python3-venv", "gcc", "libc6-dev"),
}
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
_PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def bases() -> dict[str, str]:
    """The names of both images, as docker/build's BASE and BUILD_BASE; made when they are missing.

    cost  a minute and a half, once; the caller holds `engine.alone`
    """
    names = {kind: f"localhost/podring-test-{kind}:{SUITE}" for kind in _PACKAGES}
    for kind, name in names.items():
        if not has_image(name):
            _make(name, _PACKAGES[kind])
    return {"BASE": names["base"], "BUILD_BASE": names["build-base"]}


def _make(name: str, packages: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder) / "base.tar"
        options = [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
        options.append(f"--include={','.join(packages)}")
        call_gently(require("mmdebstrap"), "--quiet", "--variant=minbase", *options, SUITE, tar)
        podman("import", "--quiet", "--change", _PATH, tar, name)
