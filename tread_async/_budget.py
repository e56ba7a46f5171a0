"""The retry budget: in an outage the repeats stop, however many calls there are.

The rule is that of AWS's SDKs, with 100 in place of 500: every repeat pays, a repeat that helps gets its
price back, and a call that succeeds at once pays 1 in. So repeats that help are free, and those that fail
are about one for each ten calls that succeed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tread_async._policy import Cause

__all__ = ["COSTS", "RetryBudget"]

CAPACITY: Final = 100

COSTS: Final[Mapping[Cause, int]] = {
    Cause.NOT_SENT: 10,
    Cause.FAILED: 10,
    Cause.LOST: 10,
    Cause.THROTTLED: 5,
    # An exchange's answer about one account, which says nothing of the server.
    Cause.REFUSED: 0,
}


class RetryBudget:
    """What all calls to one origin may spend on repeats together."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left: int = CAPACITY

    def pay(self, cause: Cause) -> bool:
        """Pays for a repeat after *cause*; False where too little is left, and nothing is paid."""
        if COSTS[cause] > self.left:
            return False
        self.left -= COSTS[cause]
        return True

    def succeeded_at_once(self) -> None:
        """A first attempt succeeded."""
        if self.left < CAPACITY:
            self.left += 1

    def succeeded_after(self, paid: int) -> None:
        """A repeat that had cost *paid* succeeded."""
        self.left = min(CAPACITY, self.left + paid)
