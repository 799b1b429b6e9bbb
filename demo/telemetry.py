"""Live telemetry of this machine: what /proc and /sys say, one reading a message, as JSON.

    {"t":1795219050402630211,"of":"cpu0","user":1431,"nice":0,"system":2210,"idle":199022, …}

`t` is when it was read, in nanoseconds since 1970. Numbers are as the kernel gives them: most are
counters since the start, in clock ticks, pages, bytes or sectors. A round reads every source once
and gives about a hundred messages; what a machine does not have is left out. Files stay open
between rounds, because opening costs more than reading.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import time
from collections.abc import Iterator

from demo import procfs
from demo.procfs import Reading, Split

_READ_BYTES = 1 << 18
_PROCESSES_MAX = 200
"""More are left out: each keeps a file open."""
_LOOK_AGAIN_S = 1.0
"""How often to look for processes that are new."""

_FAULTS = ("pgfault", "pgmajfault", "pgpgin", "pgpgout", "pswpin", "pswpout")
_SOURCES: tuple[tuple[str, Split], ...] = (
    ("/proc/stat", procfs.stat),
    ("/proc/meminfo", procfs.pairs("memory")),
    ("/proc/vmstat", procfs.pairs("vm", _FAULTS)),
    ("/proc/loadavg", procfs.load),
    ("/proc/net/dev", procfs.network),
    ("/proc/diskstats", procfs.disks),
    ("/proc/softirqs", procfs.per_cpu("softirq")),
    ("/proc/interrupts", procfs.per_cpu("interrupt")),
    ("/proc/pressure/cpu", procfs.pressure("cpu")),
    ("/proc/pressure/io", procfs.pressure("io")),
    ("/proc/pressure/memory", procfs.pressure("memory")),
)
_NUMBERS = (
    "/sys/class/thermal/thermal_zone*/temp",
    "/sys/class/hwmon/hwmon*/temp*_input",
    "/sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq",
)

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def readings() -> Iterator[bytes]:
    """Read everything, over and over, for ever; each message is made when it is asked for."""
    sources = list(_open_sources())
    processes = _Processes()
    try:
        while True:
            for file, split in sources:
                text, read_at = file.read(), time.time_ns()
                for reading in split(text):
                    yield _message(read_at, reading)
            for reading in processes.readings():
                yield _message(time.time_ns(), reading)
    finally:
        processes.close()
        for file, _ in sources:
            file.close()


def _message(read_at: int, reading: Reading) -> bytes:
    of, values = reading
    return _encode({"t": read_at, "of": of, **values}).encode()


class _File:
    """A file of /proc or /sys that is read again and again."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> str:
        """What it says now; empty when it says nothing any more."""
        try:
            return os.pread(self._fd, _READ_BYTES, 0).decode(errors="replace")
        except OSError:
            return ""

    def close(self) -> None:
        os.close(self._fd)


def _open_sources() -> Iterator[tuple[_File, Split]]:
    """Every source that this machine has."""
    paths = sorted(path for pattern in _NUMBERS for path in glob.glob(pattern))
    for path, split in (*_SOURCES, *((path, procfs.number(path)) for path in paths)):
        with contextlib.suppress(OSError):
            yield _File(path), split


class _Processes:
    """The processes of this machine, as far as /proc shows them."""

    def __init__(self) -> None:
        self._open: dict[str, _File] = {}
        self._looked_at = 0.0

    def readings(self) -> Iterator[Reading]:
        """One for each process that still lives."""
        if time.monotonic() >= self._looked_at + _LOOK_AGAIN_S:
            self._look()
        for pid, file in list(self._open.items()):
            reading = procfs.process(pid, file.read())
            if reading is None:
                self._open.pop(pid).close()
            else:
                yield reading

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        for name in os.listdir("/proc"):
            if len(self._open) >= _PROCESSES_MAX:
                return
            if name.isdigit() and name not in self._open:
                with contextlib.suppress(OSError):
                    self._open[name] = _File(f"/proc/{name}/stat")

    def close(self) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()
