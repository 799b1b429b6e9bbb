"""The console sessions of docs/placement.md, typed again on a cluster."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import console
from tests.docs.pages import ROOT, Block, blocks
from tests.kubernetes.placement.site import Site
from tests.kubernetes.support.tools import tool

PAGE = ROOT / "docs" / "placement.md"


def transcript() -> Block:
    """All blocks of the page that are run here, as one session."""
    here = str(Path(__file__).relative_to(ROOT))
    found = [block for block in blocks(PAGE) if block.run_by == here]
    return dataclasses.replace(found[0], source="".join(block.source for block in found))


@pytest.fixture
def terminal(policy_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "kubectl").symlink_to(tool("kubectl"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", str(policy_site.cluster.admin))
    monkeypatch.chdir(ROOT)
    yield
    policy_site.cluster.delete_namespace("cameras")


def test_the_session_of_the_page_is_what_happens(terminal: None) -> None:
    console.run(transcript(), {})
