"""podring's images as files, built from this work tree by docker/build when something changed.

    files = build_images()                       # {"broker": Path("…/podring-broker.tar"), …}
    ctr -n k8s.io images import …/podring-broker.tar    # docker.io/library/podring-broker:0.1.0

They are kept in the cache under a hash of everything that they are made of, each member by itself,
so a change of the controller leaves the broker's image as it is. What is built is a copy of the
work tree's files, with all wheels beside them, and without a network.

PODRING_IMAGES names a folder of images to take instead, where `SAVE=folder docker/build` put them.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from podring import __version__
from tests.docker import bases
from tests.docker.engine import alone, cache, call, call_gently, has_image, podman, require_podman

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = ("broker", "publisher", "subscriber", "controller")
KEPT = 3
"""How many images of each member stay in the cache."""

_BUILT_FOLDERS = ("__pycache__", "build", "dist", "*.egg-info")
_BUILT_FILES = ("*.so", "_ring.c")
_SHARED = (
    ".dockerignore",
    "LICENSE",
    "docker/Dockerfile",
    "docker/build",
    "docker/fetch-wheels",
    "docker/tidy",
    "docker/wheels/.gitignore",
    "podring",
    "requirements/images/build.txt",
    "scripts/find-python",
)


def build_images(*members: str) -> dict[str, Path]:
    """The images of these members, all four unless told, as files that containerd can import.

    returns  a docker-archive for each, holding docker.io/library/podring-MEMBER:VERSION
    cost     nothing when all are in the cache; else some seconds each, and minutes the first time
    """
    require_podman()
    archives = {}
    for member in members or MEMBERS:
        with alone():
            archives[member] = _archive(member)
    return archives


@functools.cache  # one image for all tests of a run, though somebody may be editing meanwhile
def image(member: str) -> str:
    """The name of a member's image in the tests' podman, built if need be."""
    require_podman()
    with alone():
        archive = _archive(member)
        name = _name(member, archive.parent.name)
        # What is given may be another each time; and a storage may have been emptied.
        if _given() or not has_image(name):
            podman("load", "--quiet", "--input", archive)
            podman("tag", _name_inside(member), name)
    return name


def inputs(member: str) -> list[Path]:
    """Every file that a member's image is made of, as paths from the root of the repository."""
    wanted = [*_SHARED, f"requirements/images/{member}.txt", member]
    return sorted({file.relative_to(ROOT) for each in wanted for file in _files(ROOT / each)})


def _files(path: Path) -> Iterator[Path]:
    """The sources at and below a path; not what an earlier build on this machine left there."""
    built = _BUILT_FOLDERS if path.is_dir() else _BUILT_FILES
    if any(path.match(pattern) for pattern in built):
        return
    if path.is_dir():
        for below in path.iterdir():
            yield from _files(below)
    else:
        yield path


def _given() -> Path | None:
    folder = os.environ.get("PODRING_IMAGES")
    return Path(folder) if folder else None


def _archive(member: str) -> Path:
    if given := _given():
        return given / f"podring-{member}.tar"
    for left in cache().glob("building-*"):  # by a run that was killed: nobody else builds now
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix="building-", dir=cache()) as work:
        # The copy is what counts: somebody may be editing the work tree meanwhile.
        context = Path(work) / "context"
        key = _copy(member, context)
        archive = cache() / key / f"podring-{member}.tar"
        if archive.exists():
            os.utime(archive)
            return archive
        fetch_wheels(context)
        call_gently(context / "docker/build", member, ENGINE="podman", SAVE=work, **bases.bases())
        archive.parent.mkdir(exist_ok=True)
        (Path(work) / archive.name).replace(archive)
    podman("tag", _name_inside(member), _name(member, key))
    _forget_old(member)
    return archive


def _copy(member: str, context: Path) -> str:
    """Copy a member's files; returns the hash of what was copied."""
    found = hashlib.sha256(f"{member} {bases.SUITE} {os.uname().machine}".encode())
    for file in inputs(member):
        (context / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, context / file)
        found.update(f"\n{file}\n".encode())
        found.update(hashlib.sha256((context / file).read_bytes()).digest())
    return found.hexdigest()[:16]


def _name(member: str, key: str) -> str:
    return f"localhost/podring-{member}:{key}"


def _name_inside(member: str) -> str:
    """What docker/build calls the image that it saves."""
    return f"docker.io/library/podring-{member}:{__version__}"


def fetch_wheels(context: Path) -> None:
    """Put the wheels into the context; what an earlier build fetched is not fetched again."""
    wheels = cache() / "wheels"
    wheels.mkdir(exist_ok=True)
    for wheel in wheels.iterdir():
        os.link(wheel, context / "docker/wheels" / wheel.name)
    pip = Path(sys.executable).with_name("pip")
    call(context / "docker/fetch-wheels", PIP=str(pip), PYTHON_VERSION=bases.PYTHON_VERSION)
    for wheel in (context / "docker/wheels").glob("*.whl"):
        if not (wheels / wheel.name).exists():
            os.link(wheel, wheels / wheel.name)


def _forget_old(member: str) -> None:
    """Remove all but the youngest images of a member."""
    archives = sorted(
        cache().glob(f"*/podring-{member}.tar"), key=lambda file: file.stat().st_mtime
    )
    for old in archives[:-KEPT]:
        shutil.rmtree(old.parent)
        if has_image(name := _name(member, old.parent.name)):
            podman("rmi", "--force", name)
    if archives[:-KEPT]:
        # A build that was killed has left a container, which would make a plain prune fail.
        podman("image", "prune", "--force", "--external")


if __name__ == "__main__":
    for file in build_images(*sys.argv[1:]).values():
        print(f"{file.stat().st_size / 1e6:6.1f} MB  {file}")
