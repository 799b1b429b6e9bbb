"""Where the programs of a cluster are: built by scripts/kubernetes-tools, or in KUBEBUILDER_ASSETS.

Tests never build them: that takes minutes. `make test-kubernetes` does, before pytest starts.
"""

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.support.components import MISSING

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "kubernetes-tools"


def folder() -> Path:
    """The folder that scripts/kubernetes-tools fills; its version stands in that script alone."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        return Path(assets)
    version = re.search(r"^kubernetes=(v[\d.]+)$", SCRIPT.read_text(), re.MULTILINE)
    assert version, f"{SCRIPT} does not say its version"
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("PODRING_CACHE") or Path(home) / "podring")
    return cache / "kubernetes" / version[1] / "bin"


def tool(name: str) -> str:
    """Return the path of one program, or skip the calling test and say how to get it."""
    path = folder() / name
    if not os.access(path, os.X_OK):
        pytest.skip(f"{MISSING} {name}: `make test-kubernetes` builds it", allow_module_level=True)
    return str(path)


def podring_program(name: str) -> str:
    """Return the path of one of our own programs, as `make setup` installs them."""
    path = ROOT / ".venv" / "bin" / name
    assert path.exists(), f"no {path}: run `make setup`"
    return str(path)


def require_root() -> None:
    """Skip unless this user may make namespaces and mounts."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip(
            f"{MISSING} root: the cluster tests make network namespaces and mounts",
            allow_module_level=True,
        )
