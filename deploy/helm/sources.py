"""What kustomize makes of deploy/base with some of the components."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Feature:
    """A component that a value of the chart turns on.

    value    `enabled` below it, in values.yaml
    folder   of the component
    default  whether it is on when nobody says, as in overlays/full
    """

    value: str
    folder: str
    default: bool
    meaning: str


FEATURES = (
    Feature("redis", "components/redis", True, "record topics in Redis, else in files of the pods"),
    Feature("authentication", "components/authentication", True, "brokers ask who is calling"),
    Feature("publishersGroup", "components/publishers-group", True, "who may write to rings"),
    Feature("networkPolicy", "components/network-policy", True, "who may connect to whom"),
    Feature("disruptionBudget", "components/disruption-budget", True, "let drains go on"),
    Feature("podMonitor", "components/monitor", False, "for the Prometheus operator"),
    # Last: those above put all before them into the namespace, and these objects have none.
    Feature("placementWebhook", "placement/webhook", False, "placement before Kubernetes 1.36"),
    Feature("placement", "placement", True, "bring a topic's pods together; Kubernetes 1.36"),
)


def build(features: Iterable[Feature]) -> list[Object]:
    """The base with the components of these features.

    raises  RuntimeError with what kubectl says
    """
    with tempfile.TemporaryDirectory(prefix="podring-chart.") as name:
        folder = Path(name).resolve()
        components = [*(each.folder for each in features), "components/common"]
        kustomization = {
            "resources": [os.path.relpath(DEPLOY / "base", folder)],
            "components": [os.path.relpath(DEPLOY / each, folder) for each in components],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return render(folder)


def render(folder: Path) -> list[Object]:
    """The objects of a kustomization.

    raises  RuntimeError with what kubectl says
    """
    command = [kubectl(), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return [_tidied(each) for each in yaml.safe_load_all(done.stdout) if each is not None]


def _tidied(value: Any) -> Any:
    """Without the empty lists that are left where a patch took the last item away."""
    if isinstance(value, dict):
        emptied = [key for key in ("volumes", "volumeMounts") if value.get(key) == []]
        return {key: _tidied(each) for key, each in value.items() if key not in emptied}
    return [_tidied(each) for each in value] if isinstance(value, list) else value


def kubectl() -> str:
    """A kubectl: the one that scripts/kubernetes-tools has built, else the one on PATH."""
    found = shutil.which("kubectl", path=os.pathsep.join(folders()))
    if found is None:
        raise RuntimeError("no kubectl: run scripts/kubernetes-tools, which builds one")
    return found


def folders() -> list[str]:
    """Where kubectl and helm are looked for: those that the cluster tests use come first."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    cache = Path(os.environ.get("PODRING_CACHE") or Path(home) / "podring")
    built = sorted(map(str, cache.glob("kubernetes/*/bin")), reverse=True)
    return [*filter(None, [os.environ.get("KUBEBUILDER_ASSETS")]), *built, os.environ["PATH"]]
