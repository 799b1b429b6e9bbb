"""docker/build by itself: by buildah as by podman, from sources alone, and clear when it cannot."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from podring import __version__
from tests.docker import bases
from tests.docker.engine import alone, environment, podman, require_podman
from tests.docker.images import ROOT, fetch_wheels, inputs
from tests.support.components import require


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the publisher's image is made of."""
    for file in inputs("publisher"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, tmp_path / file)
    return tmp_path


def build(folder: Path, *members: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Call docker/build from the folder's own root."""
    return subprocess.run(
        [str(shutil.which("nice")), "-n", "19", folder / "docker/build", *members],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | extra,
    )


def test_an_unknown_member_is_named_and_the_known_ones_too(copy: Path) -> None:
    done = build(copy, "publisher", "podring")
    assert done.returncode == 1
    sentence = "podring: no member 'podring': broker, publisher, subscriber or controller\n"
    assert done.stderr == sentence


def test_without_podman_buildah_and_docker_it_says_what_to_install(copy: Path) -> None:
    tools = copy / "tools"
    tools.mkdir()
    for name in ("bash", "dirname"):
        (tools / name).symlink_to(str(shutil.which(name)))
    done = build(copy, PATH=str(tools))
    assert done.returncode == 1
    assert done.stderr.endswith("needs podman, buildah or docker: sudo apt-get install podman\n")


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"ENGINE": "kaniko"}, "ENGINE=kaniko is none of podman, buildah and docker"),
        ({"SAVE": "nowhere"}, "SAVE=nowhere is no folder that can be written"),
        ({"SAVE": "LICENSE"}, "SAVE=LICENSE is no folder that can be written"),
    ],
)
def test_what_cannot_work_is_named_before_anything_is_built(
    copy: Path, extra: dict[str, str], sentence: str
) -> None:
    done = build(copy, "publisher", **extra)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"podring: {sentence}\n"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_buildah_builds_it_too_and_what_an_earlier_build_left_is_not_taken(copy: Path) -> None:
    require_podman()
    require("buildah")
    ring = copy / "podring/src/podring/ring"
    (ring / "_ring.c").write_text("#error a stale file\n")
    (ring / "_ring.cpython-311-x86_64-linux-gnu.so").write_text("a stale library\n")
    (copy / "publisher/build").mkdir()
    (copy / "secret").write_text("a secret\n")
    image = f"podring-publisher:{__version__}"
    # A path with spaces, and a folder that is named from where one stands.
    copy = copy.rename(copy.with_name("a work tree"))
    with alone():
        fetch_wheels(copy)
        (copy / "my tars").mkdir()
        extra = environment() | bases.bases() | {"ENGINE": "buildah", "SAVE": "my tars"}
        done = build(copy, "publisher", **extra)
        assert done.returncode == 0, done.stderr
        usage = podman("run", "--rm", "--network=none", f"localhost/{image}", "--help")
    assert f"podring: {image} is " in done.stdout
    assert usage.startswith("usage: podring-publisher ")
    manifest = subprocess.check_output(
        ["tar", "-xOf", copy / "my tars/podring-publisher.tar", "manifest.json"]
    )
    # The same image built by podman before has a name of its own in the same store.
    assert f"docker.io/library/{image}" in json.loads(manifest)[0]["RepoTags"]
