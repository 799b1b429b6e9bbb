"""The arrows run one way: what import-linter's contracts cannot see."""

from graphlib import CycleError, TopologicalSorter

import grimp

PACKAGES = (
    "podring",
    "podring_broker",
    "podring_publisher",
    "podring_subscriber",
    "podring_controller",
    "benchmarks",
    "demo",
    "deploy",
)


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    sorter = TopologicalSorter(
        {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None
