"""Sets one leverage on every account, and says of each what came of it.

TREAD_API_TOKEN=... python examples/set_leverage_everywhere.py 5 ETH:PERP-USDT
"""

import asyncio
import os
import sys

from tread_async import DEFAULT_BASE_URL, Account, OutcomeUnknownError, TreadClient, TreadError


async def set_one(tread: TreadClient, account: Account, leverage: str, pair: str) -> None:
    try:
        await tread.set_leverage(leverage, pair=pair, account_ids=[account.id])
    except OutcomeUnknownError as error:
        print(f"{account.name}: unknown ({error})")
    except TreadError as error:
        print(f"{account.name}: not applied ({error})")
    else:
        print(f"{account.name}: applied")


async def main(leverage: str, pair: str) -> None:
    base_url = os.environ.get("TREAD_BASE_URL", DEFAULT_BASE_URL)
    token = os.environ["TREAD_API_TOKEN"]
    async with TreadClient(token, base_url=base_url) as tread, asyncio.TaskGroup() as group:
        for account in await tread.accounts():
            group.create_task(set_one(tread, account, leverage, pair))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
