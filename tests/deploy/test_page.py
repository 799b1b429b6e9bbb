"""What docs/kubernetes.md shows besides its transcript is true."""

from __future__ import annotations

import os
import re
from pathlib import Path

import yaml

from deploy.helm.sources import FEATURES, ROOT, build, render
from tests.deploy.manifests import require_tool
from tests.deploy.test_pods import PROCESS_BYTES, size
from tests.docs.pages import blocks, rows

PAGE = ROOT / "docs" / "kubernetes.md"


def test_the_example_of_an_overlay_builds_and_its_limit_covers_its_budget(tmp_path: Path) -> None:
    require_tool("kubectl")
    (shown,) = (block.source for block in blocks(PAGE) if block.language == "yaml")
    there = os.path.relpath(ROOT, tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(shown.replace("- podring/", f"- {there}/"))
    made = render(tmp_path)
    (brokers,) = (each for each in made if each["kind"] == "DaemonSet")
    (container,) = brokers["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.example.org/podring/podring-broker:")
    (budget,) = (each["value"] for each in container["env"] if each["name"] == "PODRING_BUDGET")
    assert size(container["resources"]["limits"]["memory"]) == size(budget) + PROCESS_BYTES


def test_the_page_names_every_value_that_parts_minimal_from_full() -> None:
    text = PAGE.read_text()
    for feature in FEATURES:
        if feature.default:
            assert f"`{feature.value}.enabled`" in text or f"`{feature.value}.enabled=" in text


def test_every_reason_on_the_page_is_one_that_the_controller_gives() -> None:
    sources = (ROOT / "controller" / "src").rglob("*.py")
    code = "\n".join(file.read_text() for file in sources)
    text = PAGE.read_text()
    table = text[text.index("| `WHY`, or what is seen") :]
    reasons = re.findall(r"^\| `([A-Z][A-Za-z]+)` \|", table, re.MULTILINE)
    assert len(reasons) >= 6
    for reason in reasons:
        assert f'"{reason}"' in code, reason


def test_the_page_lists_the_columns_and_fields_that_the_definition_has() -> None:
    definition = yaml.safe_load((ROOT / "controller/crd/sharedmemories.yaml").read_text())
    (version,) = definition["spec"]["versions"]
    text = PAGE.read_text()
    for column in version["additionalPrinterColumns"]:
        assert f"`{column['name'].upper()}`" in text or column["name"] == "Age"
    fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    shown = [name for row in rows(PAGE, "The resource") for name in re.findall(r"`(.+?)`", row[0])]
    assert sorted(shown) == sorted(f"spec.{each}" for each in fields)


def test_the_broker_asks_for_what_the_page_says() -> None:
    require_tool("kubectl")
    (brokers,) = (each for each in build([]) if each["kind"] == "DaemonSet")
    (container,) = brokers["spec"]["template"]["spec"]["containers"]
    wanted = container["resources"]["requests"]["memory"]
    (budget,) = (each["value"] for each in container["env"] if each["name"] == "PODRING_BUDGET")
    assert f"a broker asks for {wanted}, of which topics may take {budget}" in PAGE.read_text()
