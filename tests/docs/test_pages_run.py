"""Every block of Python and every console session of README and docs does what it shows."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.typing import Evaluator

from tests.broker.harness import Broker
from tests.docs import console
from tests.docs.pages import PAGES, ROOT, RUNNABLE, Block, blocks, name_of
from tests.support.components import require

NOT_RUN = 0
"""How many blocks have an excuse. A higher number needs a better reason than a lower one."""

SHOWN_ONLY = ("", "c", "json", "text", "yaml", "sh", "http", "promql", "ini", "toml", "dockerfile")
"""Languages of what is only shown; a typing error such as `pyhton` is not among them."""


class Parsers:
    """The parts of a page that are run, for sybil."""

    def __init__(self, broker: Broker, replaced: Mapping[str, str]) -> None:
        self._python = PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS)
        self._broker = broker
        self._replaced = replaced
        self._printed = io.StringIO()

    def python(self, document: Document) -> Iterable[Region]:
        others = [block for block in blocks(Path(document.path)) if not block.run_here]
        for region in self._python(document):
            if any(block.start <= region.end and region.start < block.end for block in others):
                continue
            region.evaluator = self._gathered(region.evaluator)
            yield region

    def others(self, document: Document) -> Iterable[Region]:
        for block in blocks(Path(document.path)):
            if block.language == "console" and block.run_here:
                yield Region(block.start, block.end, block, self._run)
            if block.remark == "printed":
                yield Region(block.start, block.end, block, self._compare)

    def _gathered(self, evaluate: Evaluator | None) -> Evaluator:
        assert evaluate is not None

        def gather(example: Example) -> str | None:
            with contextlib.redirect_stdout(self._printed):
                return evaluate(example)

        return gather

    def _compare(self, example: Example) -> None:
        printed = self._printed.getvalue()
        self._printed.truncate(0)
        self._printed.seek(0)
        block: Block = example.parsed
        same = doctest.OutputChecker().check_output(block.source, printed, doctest.ELLIPSIS)
        assert same, f"{name_of(block.page)}:{block.line} shows\n{block.source}not\n{printed}"

    def _run(self, example: Example) -> None:
        block: Block = example.parsed
        before = os.environ["PODRING_BROKER"]
        os.environ["PODRING_BROKER"] = self._broker.address
        try:
            console.run(block, self._replaced)
        finally:
            os.environ["PODRING_BROKER"] = before


def runnable(page: Path) -> bool:
    return any(block.run_here for block in blocks(page))


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=name_of)
def test_page_does_what_it_shows(
    page: Path, broker: Broker, replaced: Mapping[str, str], corner: Path
) -> None:
    here = [block for block in blocks(page) if block.run_here]
    if any(block.language == "console" and "curl " in block.source for block in here):
        require("curl")
    parsers = Parsers(broker, replaced)
    sybil = Sybil(parsers=[parsers.python, parsers.others], path=str(page.parent))
    examples = list(sybil.parse(page).examples())
    assert examples
    for example in examples:
        example.evaluate()


def test_no_more_blocks_are_excused_than_there_is_a_reason_for() -> None:
    excused = [block for page in PAGES for block in blocks(page) if block.excused]
    assert all(block.language in RUNNABLE for block in excused)
    assert len(excused) == NOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_run_elsewhere_is_run_by_a_test_that_reads_the_page(page: Path) -> None:
    for block in blocks(page):
        if block.run_by is not None:
            assert block.language in RUNNABLE
            assert page.name in (ROOT / block.run_by).read_text(), f"{name_of(page)}:{block.line}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_block_claims_a_language_that_nobody_knows(page: Path) -> None:
    languages = {block.language for block in blocks(page)}
    directives = {each for each in languages if each.startswith("{literalinclude} ")}
    assert languages - directives <= {*RUNNABLE, *SHOWN_ONLY}
