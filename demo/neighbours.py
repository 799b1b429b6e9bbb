"""How busy others kept the processors meanwhile: on a busy machine, latency is the scheduler's."""

from __future__ import annotations

import psutil

from demo.measure import cpu_s
from demo.results import Results


class Neighbours:
    """Watches all processors from its creation on."""

    def __init__(self) -> None:
        self._busy_s, self._all_s = _processors()
        self._own_s = cpu_s()

    def percent(self, results: Results) -> float:
        """Of all processors' time, what neither the demo's parts nor this process have used."""
        busy_s, all_s = _processors()
        used_s = cpu_s() - self._own_s
        for result in results.values():
            used_s += result.publisher.cpu_s + (result.broker_cpu_s or 0.0)
            used_s += sum(each.cpu_s for each in result.subscribers)
        others_s = busy_s - self._busy_s - used_s
        return max(0.0, 100 * others_s / max(all_s - self._all_s, 1e-9))


def _processors() -> tuple[float, float]:
    """Seconds that all processors have been busy, and seconds in all."""
    times = psutil.cpu_times()
    idle_s = times.idle + times.iowait
    # A guest's time is in the user's as well.
    all_s = sum(times) - times.guest - times.guest_nice
    return all_s - idle_s, all_s
