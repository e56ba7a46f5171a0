"""The process whose memory is measured: python -m benchmarks.memory_desk CREDENTIALS URL [CA].

Prints one line of JSON with bytes of resident memory, and ends.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import ssl
import sys

from benchmarks.resident import resident_bytes
from tread_async import SessionManager


async def _main(count: int, url: str, context: ssl.SSLContext | None) -> None:
    async with SessionManager({"first": "0" * 40}, base_url=url, ssl=context) as desk:
        await desk.accounts()
    before = _resident()
    files = _open_files()
    credentials = {f"desk-{number}": f"{number:040x}" for number in range(count)}
    async with SessionManager(credentials, base_url=url, ssl=context) as desk:
        listing = await desk.accounts()
        if len(listing.accounts) != count:
            raise RuntimeError(f"not what is to be measured: {listing}")
        del listing
        grown = _resident() - before
        connections = _open_files() - files
    left = _resident() - before
    print(
        json.dumps(
            {"before": before, "grown": grown, "left after closing": left, "connections": connections}
        ),
        flush=True,
    )


def _resident() -> int:
    gc.collect()
    return resident_bytes()


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


if __name__ == "__main__":
    authority = ssl.create_default_context(cafile=sys.argv[3]) if len(sys.argv) > 3 else None
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2], authority))
