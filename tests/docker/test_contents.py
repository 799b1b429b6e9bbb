"""What is in an image, and what is not."""

from __future__ import annotations

import json
import stat
from typing import Any

import pytest

from podring import __version__
from tests.docker.containers import python, run
from tests.docker.engine import podman
from tests.docker.images import MEMBERS, image

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

MOST_MB = {"broker": 130, "publisher": 102, "subscriber": 102, "controller": 185}
"""On Debian's Python. A tenth more than on 2026-11-21: more is a decision, not an accident."""

IMPORT_ALL = """
import importlib, pkgutil, podring, podring_{member}
for package in (podring, podring_{member}):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""
FILES = """
import os
for folder, folders, files in os.walk("/"):
    if folder == "/":
        folders[:] = {*folders} - {"proc", "sys", "dev"}
    for name in files:
        path = os.path.join(folder, name)
        print(oct(os.lstat(path).st_mode), path)
"""
KUBERNETES = """
import json
from kubernetes import client, config, watch
text = json.dumps({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}})
pod = client.ApiClient().deserialize(text, "V1Pod", "application/json")
assert pod.spec.containers[0].name == "c"
print(client.ApiClient().sanitize_for_serialization(pod))
"""


def inspected(member: str) -> Any:
    return json.loads(podman("image", "inspect", image(member)))[0]


@pytest.mark.parametrize("member", MEMBERS)
def test_size_is_printed_and_bounded(member: str) -> None:
    size_mb = inspected(member)["Size"] / 1e6
    print(f"podring-{member}: {size_mb:.1f} MB")
    assert size_mb < MOST_MB[member]


@pytest.mark.parametrize("member", MEMBERS)
def test_labels_say_what_it_is(member: str) -> None:
    labels = inspected(member)["Labels"]
    wanted = {"title": f"podring-{member}", "version": __version__, "licenses": "Apache-2.0"}
    for name, value in wanted.items():
        assert labels[f"org.opencontainers.image.{name}"] == value
    assert member in labels["org.opencontainers.image.description"]
    assert not [value for name, value in labels.items() if "://" in value]


@pytest.mark.parametrize("member", MEMBERS)
def test_every_module_that_its_program_may_need_can_be_imported(member: str) -> None:
    python(member, IMPORT_ALL.format(member=member))


def test_the_broker_brings_the_redis_client() -> None:
    python("broker", "import redis")


def test_what_is_left_of_the_kubernetes_client_reads_and_writes_objects() -> None:
    assert "'name': 'p'" in python("controller", KUBERNETES)


@pytest.mark.parametrize("member", MEMBERS)
def test_no_compiler_no_package_manager_and_nobody_becomes_root(member: str) -> None:
    listed = [line.split(" ", 1) for line in python(member, FILES).splitlines()]
    modes = {path: int(mode, 8) for mode, path in listed}
    names = {path.rsplit("/", 1)[1] for path, mode in modes.items() if mode & stat.S_IXUSR}
    tools = {"gcc", "cc", "ld", "as", "make", "pip", "pip3", "apt-get", "apt", "dpkg", "perl"}
    assert tools & names == set()
    building = (".h", ".c", ".pyx", ".pxd", ".a", ".whl")
    # Two headers of ours describe the ring to other languages.
    ours = "/podring/ring/"
    assert [path for path in modes if path.endswith(building) and ours not in path] == []
    assert [path for path in modes if "/ensurepip/" in path or "/setuptools/" in path] == []
    assert [path for path, mode in modes.items() if mode & (stat.S_ISUID | stat.S_ISGID)] == []
    files = {path: mode for path, mode in modes.items() if stat.S_ISREG(mode)}
    assert [path for path, mode in files.items() if mode & stat.S_IWOTH] == []


@pytest.mark.parametrize("member", MEMBERS)
def test_nothing_is_compiled_when_it_starts(member: str) -> None:
    done = run(member, "--help", options=("--env=PYTHONVERBOSE=1",))
    assert done.code == 0
    compiled = [line for line in done.errors.splitlines() if "# code object from '/" in line]
    assert compiled
    assert [line for line in compiled if line.rstrip().endswith(".py'")] == []
