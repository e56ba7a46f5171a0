"""Calls, answers and secrets that many tests share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from tests.support.canaries import shown as shown
from tests.support.canaries import spellings as spellings
from tests.support.wire import TOKEN, Exchange, Wire, reply
from tread_async import RetryPolicy, Secret, TreadClient

NOON: Final = 1_800_000_000.0
FAST: Final = RetryPolicy(base_s=0.001, refused_base_s=0.001, throttled_base_s=0.001, cap_s=0.002)
ONE_TRY: Final = RetryPolicy(attempts=1)

PAIR: Final = "ETH:PERP-USDT"
API_KEY, API_SECRET, PASSWORD = "canary-api-key/1", "canary-api+secret=2", "canary-password-3"
SECRETS: Final = (TOKEN, API_KEY, API_SECRET, PASSWORD)

LISTED: Final = {"id": "id-1", "name": "old", "exchange": "Binance", "archived": False}
ARCHIVED: Final = LISTED | {"name": "old_archived_x", "archived": True}
DONE: Final = {"message": "Successfully created abcdef"}
ROWS: Final = {"a": {"exchange": "Binance", "assets": [{"symbol": "USDT", "size": 0.1234567890123456789}]}}

Ask: TypeAlias = Callable[[TreadClient], Awaitable[Any]]


def create(client: TreadClient, **changes: Any) -> Awaitable[Any]:
    """Creates an account whose every secret is a canary."""
    fields = {"name": "new", "exchange": "Binance", "api_key": API_KEY, "password": PASSWORD}
    return client.create_account(**({**fields, "api_secret": Secret(API_SECRET)} | changes))


READS: Final[dict[str, Ask]] = {
    "balances": lambda client: client.balances(),
    "cached_balances": lambda client: client.cached_balances(),
    "accounts": lambda client: client.accounts(),
    "request": lambda client: client.request("GET", "/api/get_token_pairs"),
}
ABSOLUTE: Final[dict[str, Ask]] = {
    "update_account": lambda client: client.update_account("id-1", margin_mode="CROSS"),
    "set_leverage": lambda client: client.set_leverage(5, pair=PAIR, account_ids=["id-1"]),
}
ONCE: Final[dict[str, Ask]] = {
    "create_account": create,
    "archive_account": lambda client: client.archive_account("old"),
    "request": lambda client: client.request("POST", "/api/orders/", json={"x": 1}),
}
EVERY: Final[dict[str, Ask]] = READS | ABSOLUTE | {f"{name} (once)": ask for name, ask in ONCE.items()}

GOOD: Final[dict[str, Any]] = {
    "balances": ROWS,
    "cached_balances": {"balances": []},
    "accounts": [LISTED],
    "request": {"x": 1},
    "update_account": DONE,
    "set_leverage": DONE,
}
METHODS: Final = {"create_account": "POST", "archive_account": "DELETE", "request": "POST"}


def write_script(name: str, *steps: Any) -> dict[str, Any]:
    """*steps* for the one write of a call, and listings in which it never shows."""
    return {METHODS[name]: list(steps), "GET": reply([LISTED])}


def answering(name: str, *steps: Any) -> Any:
    """A script in which *steps* answer what the call *name* of `EVERY` is about, not its listings."""
    once = name.removesuffix(" (once)")
    if name == "update_account":
        return {"PUT": list(steps), "GET": reply([LISTED])}
    return list(steps) if once == name else write_script(once, *steps)


def count_of(wire: Wire, name: str) -> int:
    """How many requests came that the call *name* of `EVERY` is about."""
    once = name.removesuffix(" (once)")
    if name == "update_account":
        return wire.count("PUT")
    return len(wire.requests) if once == name else wire.count(METHODS[once])


async def well(exchange: Exchange) -> None:
    """Answers so that every call of `EVERY` succeeds, however often it is made."""
    target = urlsplit(exchange.request.target)
    name = {
        "/api/balances/": "balances",
        "/api/sor/get_cached_account_balance": "cached_balances",
        "/api/accounts/": "accounts",
    }.get(target.path, "request")
    answer = GOOD[name] if exchange.request.method == "GET" else DONE
    if name == "accounts" and exchange.request.method == "GET":
        long_ago = LISTED | {"created_at": "2020-01-01T00:00:00Z"}  # whoever made it: not a call of these
        answer = [long_ago | ARCHIVED if target.query else long_ago, LISTED | {"id": "id-2", "name": "new"}]
    await exchange.send(reply(answer, Date=formatdate(usegmt=True)))


REQUESTS: Final = {"create_account (once)": 2, "archive_account (once)": 3}  # of a call that succeeds at once
