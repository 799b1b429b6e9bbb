"""No link of README and docs leads nowhere, and no page is left out of the map."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, name_of

ELSEWHERE = ("http://", "https://")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    for target in links(page):
        if target.startswith(ELSEWHERE):
            continue
        file, _, anchor = target.partition("#")
        place = (page.parent / file).resolve() if file else page
        assert place.exists(), f"{name_of(page)} links to {target}"
        assert place.is_relative_to(ROOT), f"{name_of(page)} links out of the repository: {target}"
        if anchor:
            assert anchor in anchors(place), f"{name_of(page)} links to {target}"


def test_every_page_below_docs_is_reached_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    reached = {index}
    new = [index]
    while new:
        page = new.pop()
        for target in links(page):
            if target.startswith(ELSEWHERE):
                continue
            place = (page.parent / target.partition("#")[0]).resolve()
            if place.suffix == ".md" and place not in reached and place.exists():
                reached.add(place)
                new.append(place)
    below = {page for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert below - reached == set()


def test_the_pages_build_without_a_warning() -> None:
    built = subprocess.run([ROOT / "scripts" / "docs"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
