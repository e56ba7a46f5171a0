"""What only an open client needs: aiohttp and tenacity take longer to import than all the rest of this."""

from __future__ import annotations

from tread_async._calls import Calls
from tread_async._hooked import HookedCalls
from tread_async._transport import Transport

__all__ = ["Calls", "HookedCalls", "Transport"]
