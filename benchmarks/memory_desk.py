"""The process whose memory is measured: python -m benchmarks.memory_desk CREDENTIALS URL [CA].

Prints one line of JSON with bytes of resident memory, and ends.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Mapping

from benchmarks.resident import settled_bytes
from tread_async import SessionManager


async def _main(count: int, url: str, context: ssl.SSLContext | None) -> None:
    async with SessionManager({"first": "0" * 40}, base_url=url, ssl=context) as desk:
        await desk.accounts()
    credentials = {f"desk-{number}": f"{number:040x}" for number in range(count)}
    before = settled_bytes()
    grown = await _when_open(credentials, url, context) - before
    left = settled_bytes() - before
    again = await _when_open(credentials, url, context) - before - left
    print(json.dumps({"grown": grown, "left": left, "grown again": again}), flush=True)


async def _when_open(credentials: Mapping[str, str], url: str, context: ssl.SSLContext | None) -> int:
    """What is resident when all of them have a connection."""
    async with SessionManager(credentials, base_url=url, ssl=context) as desk:
        listing = await desk.accounts()
        if len(listing.accounts) != len(credentials):
            raise RuntimeError(f"not what is to be measured: {listing}")
        del listing
        return settled_bytes()


if __name__ == "__main__":
    authority = ssl.create_default_context(cafile=sys.argv[3]) if len(sys.argv) > 3 else None
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2], authority))
