"""podman with settings and a storage of its own, so that it meets nobody else's containers.

The storage lies in the cache and is kept: bases and layers are made once a machine. `runc`, because
crun refuses machines that mix both versions of cgroups; and limits that a root without
CAP_SYS_RESOURCE may set.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.components import MISSING, require

_SETTINGS = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{run}/tmp"
"""
_STORAGE = """\
[storage]
driver = "{driver}"
graphroot = "{graph}"
runroot = "{run}"
"""
BUILD_S = 900


def cache() -> Path:
    """Where images and what they are made of are kept from one run to the next."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PODRING_CACHE") or Path(base) / "podring") / "images"


def require_podman() -> None:
    """Skip where containers cannot be run, and say why."""
    require("podman")
    require("runc")
    if os.geteuid() != 0:
        pytest.skip(f"{MISSING} root: the containers of these tests are run by root")


def environment() -> dict[str, str]:
    """What makes podman, and any script that calls it, use the tests' own settings and storage."""
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    # Not below the cache: podman tells by these files whether the machine was started again.
    run = f"/run/podring-images-{hashlib.sha256(bytes(folder)).hexdigest()[:8]}"
    driver = "overlay" if "\toverlay\n" in Path("/proc/filesystems").read_text() else "vfs"
    _write(folder / "containers.conf", _SETTINGS.format(run=run))
    _write(
        folder / "storage.conf", _STORAGE.format(run=run, driver=driver, graph=folder / "storage")
    )
    return {
        **os.environ,
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
    }


def _write(file: Path, text: str) -> None:
    """Write a file that others may be reading."""
    if not file.exists() or file.read_text() != text:
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(text)
        new.replace(file)


def call(*command: str | Path, **extra: str) -> str:
    """Run a command that must succeed, with the tests' podman; returns what it printed.

    extra  environment variables
    """
    done = subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment() | extra,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def call_gently(*command: str | Path, **extra: str) -> str:
    """The same for what takes minutes of processor: others on this machine go first."""
    return call("nice", "-n", "19", *command, **extra)


def podman(*arguments: str | Path) -> str:
    return call("podman", *arguments)


def has_image(name: str) -> bool:
    known = podman("images", "--noheading", "--format", "{{.Repository}}:{{.Tag}}")
    return name in known.splitlines()


@contextmanager
def alone() -> Iterator[None]:
    """Keep other runs of the tests out while something is put into the cache."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
