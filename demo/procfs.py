"""How the texts of /proc and /sys become readings: a name, and its values.

Every function here takes the text of one file and gives what it says. An empty text, of a file that
cannot be read any more, gives nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

Reading = tuple[str, dict[str, object]]
Split = Callable[[str], Iterator[Reading]]


def _names(text: str) -> list[str]:
    return text.split()


_CPU = _names("user nice system idle iowait irq softirq steal guest guest_nice")
_NET = _names(
    "rx_bytes rx_packets rx_errs rx_drop rx_fifo rx_frame rx_compressed rx_multicast "
    "tx_bytes tx_packets tx_errs tx_drop tx_fifo tx_colls tx_carrier tx_compressed"
)
_DISK = _names(
    "reads reads_merged sectors_read ms_reading writes writes_merged sectors_written ms_writing "
    "in_flight ms_io ms_weighted"
)
_PROCESS = {"utime": 11, "stime": 12, "threads": 17, "vsize": 20, "rss": 21, "processor": 36}
"""Fields of /proc/PID/stat, counted from behind the command's closing bracket."""
_PAIRS_MAX = 12


def stat(text: str) -> Iterator[Reading]:
    for line in text.splitlines():
        of, *values = line.split()
        if of.startswith("cpu"):
            yield of, dict(zip(_CPU, map(int, values), strict=False))
        elif of in ("ctxt", "processes", "procs_running", "procs_blocked"):
            yield of, {"value": int(values[0])}


def pairs(of: str, wanted: tuple[str, ...] = ()) -> Split:
    def split(text: str) -> Iterator[Reading]:
        lines = (line.replace(":", " ").split() for line in text.splitlines())
        chosen = {line[0]: int(line[1]) for line in lines if not wanted or line[0] in wanted}
        if chosen:
            yield of, dict(list(chosen.items())[:_PAIRS_MAX])

    return split


def load(text: str) -> Iterator[Reading]:
    if text:
        one, five, fifteen, *_ = text.split()
        yield "load", {"1m": float(one), "5m": float(five), "15m": float(fifteen)}


def network(text: str) -> Iterator[Reading]:
    for line in text.splitlines()[2:]:
        name, _, values = line.partition(":")
        yield f"net.{name.strip()}", dict(zip(_NET, map(int, values.split()), strict=False))


def disks(text: str) -> Iterator[Reading]:
    for line in text.splitlines():
        _, _, name, *values = line.split()
        yield f"disk.{name}", dict(zip(_DISK, map(int, values), strict=False))


def per_cpu(kind: str) -> Split:
    def split(text: str) -> Iterator[Reading]:
        cpus = len(text.partition("\n")[0].split())
        for line in text.splitlines()[1:]:
            name, *values = line.split()
            counts = [int(value) for value in values[:cpus] if value.isdigit()]
            yield f"{kind}.{name.rstrip(':')}", {"each_cpu": counts}

    return split


def pressure(of: str) -> Split:
    def split(text: str) -> Iterator[Reading]:
        for line in text.splitlines():
            share, *fields = line.split()
            values = dict(field.split("=") for field in fields)
            yield f"pressure.{of}.{share}", {key: float(value) for key, value in values.items()}

    return split


def number(path: str) -> Split:
    def split(text: str) -> Iterator[Reading]:
        if text.strip().lstrip("-").isdigit():
            yield path, {"value": int(text)}

    return split


def process(pid: str, text: str) -> Reading | None:
    """What /proc/PID/stat says; None when the process is gone."""
    before, closed, after = text.rpartition(")")
    if not closed:
        return None
    fields = after.split()
    values: dict[str, object] = {key: int(fields[index]) for key, index in _PROCESS.items()}
    command = before.partition("(")[2]
    return f"process.{pid}", {"command": command, "state": fields[0], **values}
