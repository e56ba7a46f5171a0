"""What a watch costs: requests, retries, bytes and CPU, since the update before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tread_async._stats import ClientStats

__all__ = ["Meter", "Rates"]


@dataclass(frozen=True)
class Rates:
    """Each for a second; ``cpu`` is a part of one core."""

    requests: float
    retries: float
    received_bytes: float
    cpu: float


class Meter:
    """Makes rates of counters that only grow.

    Args:
        now_s, cpu_s: When it begins, and the CPU time of the process then, both in seconds.
    """

    def __init__(self, *, now_s: float, cpu_s: float) -> None:
        self._last = (now_s, 0, 0, 0, cpu_s)
        self._rates = Rates(0.0, 0.0, 0.0, 0.0)

    def read(self, stats: Mapping[str, ClientStats], *, now_s: float, cpu_s: float) -> Rates:
        """The rates since it was last read; the same as then if no time has passed."""
        each = stats.values()
        new = (
            now_s,
            sum(one.requests_sent for one in each),
            sum(sum(one.retries.values()) for one in each),
            sum(one.bytes_received for one in each),
            cpu_s,
        )
        passed_s = now_s - self._last[0]
        if passed_s > 0:
            self._rates = Rates(
                *((after - before) / passed_s for after, before in zip(new[1:], self._last[1:], strict=True))
            )
            self._last = new
        return self._rates
