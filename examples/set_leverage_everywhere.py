"""Sets one leverage on every account, and says of each what came of it.

TREAD_API_TOKEN=... python examples/set_leverage_everywhere.py 5 ETH:PERP-USDT
"""

import asyncio
import os
import sys

from tread_async import ALL, DEFAULT_BASE_URL, AccountKey, Applied, NotApplied, SessionManager, WriteOutcome


def say(account: AccountKey, outcome: WriteOutcome) -> None:
    match outcome:
        case Applied():
            print(f"{account}: applied ({outcome.verification.value})")
        case NotApplied():
            print(f"{account}: not applied ({outcome.error})")
        case _:
            print(f"{account}: unknown ({outcome.error})")


async def main(leverage: str, pair: str) -> None:
    base_url = os.environ.get("TREAD_BASE_URL", DEFAULT_BASE_URL)
    async with SessionManager({"desk": os.environ["TREAD_API_TOKEN"]}, base_url=base_url) as desk:
        report = await desk.set_leverage(leverage, pair=pair, accounts=ALL, on_progress=say)
    print(f"{report.requests_sent} requests: {report.counts}")
    for credential, error in report.unlisted.items():
        print(f"the accounts of {credential} could not be listed: {error}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
