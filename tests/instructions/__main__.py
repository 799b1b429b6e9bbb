"""`make instructions`: count them, show them, and write them into counts.toml."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.instructions import counts, measured

if TYPE_CHECKING:
    from tests.instructions.callgrind import Count


def main() -> int:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("valgrind is missing: apt-get install valgrind", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        for measure in (measured.core, measured.calls):
            key, found = measure(valgrind, Path(folder))
            _show(key, found)
            counts.write(key, counts.rounded(found), measured.about(valgrind))
    return 0


def _show(key: str, found: dict[str, Count]) -> None:
    known = counts.recorded().get(key, {})
    width = max(map(len, found))
    print(f"\n{key}\n{'instructions a message':{width}} {'ring':>8} {'before':>8} {'rest':>8}")
    for name, count in found.items():
        before = f"{known[name]:8.1f}" if name in known else f"{'':8}"
        print(f"{name:{width}} {count.ring:8.1f} {before} {count.rest:8.1f}")


if __name__ == "__main__":
    sys.exit(main())
