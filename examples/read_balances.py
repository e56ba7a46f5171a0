"""Prints what every account holds: TREAD_API_TOKEN=... python examples/read_balances.py"""

import asyncio
import os
from datetime import UTC, datetime

from tread_async import DEFAULT_BASE_URL, TreadClient


async def main() -> None:
    base_url = os.environ.get("TREAD_BASE_URL", DEFAULT_BASE_URL)
    async with TreadClient(os.environ["TREAD_API_TOKEN"], base_url=base_url) as tread:
        reply = await tread.cached_balances()
    now = datetime.now(UTC)
    for account in reply.balances:
        age = "unknown age" if account.as_of is None else f"{(now - account.as_of).total_seconds():.0f} s old"
        print(f"{account.account_name}: equity {account.equity}, {len(account.assets)} rows, {age}")
    for error in reply.errors:
        print("not read:", error)


asyncio.run(main())
