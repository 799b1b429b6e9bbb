"""The transcript of docs/kubernetes.md, typed again on a real node.

`kubectl` is the administrator's, and `ssh NODE` enters the node that the test has made.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import console
from tests.docs.pages import ROOT, Block, blocks
from tests.kubernetes.support.deployment import remove
from tests.kubernetes.support.nodecluster import NodeCluster
from tests.kubernetes.support.tools import tool

PAGE = ROOT / "docs" / "kubernetes.md"
PODS = ROOT / "deploy" / "sample" / "pods.yaml"

pytestmark = pytest.mark.timeout(400)


def transcript() -> Block:
    """All blocks of the page that are run here, as one: a shell goes on where it stopped."""
    here = str(Path(__file__).relative_to(ROOT))
    found = [block for block in blocks(PAGE) if block.run_by == here]
    return dataclasses.replace(found[0], source="".join(block.source for block in found))


@pytest.fixture
def terminal(
    node_cluster: NodeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A shell in the repository's root, whose kubectl and ssh mean the test's cluster."""
    ssh = tmp_path / "ssh"
    inside = shlex.join(node_cluster.node.machine._inside())
    ssh.write_text(
        f'#!/bin/sh\n[ "$1" = {node_cluster.node.name} ] && shift && exec {inside} "$@"\n'
    )
    ssh.chmod(0o755)
    (tmp_path / "kubectl").symlink_to(tool("kubectl"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", str(node_cluster.admin))
    monkeypatch.setattr(console, "TIMEOUT_S", 300)
    monkeypatch.chdir(ROOT)
    yield
    node_cluster.kubectl("delete", "--ignore-not-found", "--now", "-f", str(PODS))
    remove(node_cluster, "minimal")


def test_the_transcript_of_the_page_is_what_happens(terminal: None) -> None:
    console.run(transcript(), {})
