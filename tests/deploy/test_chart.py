"""The chart is what kustomize makes of the same sources, whatever is turned on or off."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import podring
from deploy.helm.__main__ import CHART, differing
from deploy.helm.chart import files
from deploy.helm.sources import DEPLOY, FEATURES, Feature, Object, build, render
from tests.deploy.manifests import require_tool

LEFT_OUT = ("Namespace",)
"""What a chart leaves to `helm install --create-namespace`."""

DEFAULTS = frozenset(each for each in FEATURES if each.default)
COMBINATIONS = [
    frozenset(),
    frozenset(FEATURES),
    *(frozenset([each]) for each in FEATURES),
    *(frozenset(FEATURES) - {each} for each in FEATURES),
]


@pytest.fixture(autouse=True)
def tools() -> None:
    require_tool("kubectl")
    require_tool("helm")


def helm(*arguments: str, namespace: str = "podring-system") -> subprocess.CompletedProcess[str]:
    command = [require_tool("helm"), *arguments, "--namespace", namespace]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def template(*values: str, namespace: str = "podring-system") -> list[Object]:
    settings = [word for value in values for word in ("--set", value)]
    options = ("--include-crds", "--kube-version", "1.36.3", *settings)
    done = helm("template", "podring", str(CHART), *options, namespace=namespace)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each is not None]


def compared(objects: list[Object]) -> dict[tuple[str, str], Any]:
    return {
        (each["kind"], each["metadata"]["name"]): in_order(each)
        for each in objects
        if each["kind"] not in LEFT_OUT
    }


def in_order(value: Any) -> Any:
    """Lists of things with names say the same in any order."""
    if isinstance(value, dict):
        return {key: in_order(each) for key, each in value.items()}
    if not isinstance(value, list):
        return value
    items = [in_order(each) for each in value]
    if all(isinstance(each, dict) and "name" in each for each in items):
        return sorted(items, key=lambda each: str(each["name"]))
    return items


def on_and_off(features: frozenset[Feature]) -> list[str]:
    return [f"{each.value}.enabled={str(each in features).lower()}" for each in FEATURES]


def test_the_chart_is_current() -> None:
    assert differing(CHART, files()) == [], "run scripts/chart"


def test_the_chart_with_its_defaults_is_overlay_full() -> None:
    assert compared(template()) == compared(render(DEPLOY / "overlays" / "full"))


def test_the_chart_with_everything_off_is_overlay_minimal() -> None:
    made = template(*on_and_off(frozenset()))
    assert compared(made) == compared(render(DEPLOY / "overlays" / "minimal"))


@pytest.mark.parametrize(
    "features", COMBINATIONS, ids=lambda each: "+".join(sorted(one.value for one in each)) or "none"
)
def test_the_chart_is_what_kustomize_makes_of_the_same_components(
    features: frozenset[Feature],
) -> None:
    wanted = build([each for each in FEATURES if each in features])
    assert compared(template(*on_and_off(features))) == compared(wanted)


def test_the_chart_goes_where_its_release_goes() -> None:
    made = template(namespace="elsewhere")
    assert not [each for each in made if "podring-system" in yaml.safe_dump(each)]
    (broker,) = (each for each in made if each["kind"] == "DaemonSet")
    assert broker["metadata"]["namespace"] == "elsewhere"


def test_values_reach_the_objects() -> None:
    made = template(
        "broker.budget=2Gi",
        "broker.resources.limits.memory=3Gi",
        "broker.nodeSelector.disk=fast",
        "broker.tolerations[0].key=gpu",
        "image.prefix=registry.example.org/podring/",
        "image.tag=9.9.9",
        "image.pullSecrets[0].name=key",
        "redis.storageClassName=fast",
        "redis.storage=5Gi",
    )
    text = "\n".join(map(yaml.safe_dump, made))
    for word in ("value: 2Gi", "memory: 3Gi", "disk: fast", "key: gpu", "storage: 5Gi"):
        assert word in text
    assert text.count("image: registry.example.org/podring/podring-broker:9.9.9") == 1
    assert text.count("- name: key") == 3
    assert "storageClassName: fast" in text


def test_a_value_that_there_is_not_is_refused() -> None:
    done = helm("template", "podring", str(CHART), "--set", "broker.buget=1Gi")
    assert done.returncode != 0
    assert "buget" in done.stderr


def test_helm_finds_no_fault_with_the_chart() -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


def test_the_chart_has_the_version_of_the_workspace() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == podring.__version__


def test_a_chart_that_is_not_current_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("old")
    (tmp_path / "left.yaml").write_text("over")
    wanted = {"values.yaml": "new", "templates/new.yaml": "new"}
    assert differing(tmp_path, wanted) == ["left.yaml", "templates/new.yaml", "values.yaml"]
