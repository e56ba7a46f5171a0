"""Ways to read balances: this library, and what one would write or use instead.

Each is a module with ``opened(url, tokens)``, an asynchronous context manager that gives a `OneByOne` or
something with its methods. *tokens* is how many tokens of the server it reads, whose accounts it lists when
it opens; with 0 it has the first token and knows no accounts. Watchers and keepers have jobs of their own.
"""

from __future__ import annotations

from typing import Final

from benchmarks.contenders.keepers import KEEPERS
from benchmarks.contenders.kind import Kind
from benchmarks.contenders.watchers import WATCHERS

__all__ = [
    "AGAIN_BUSY",
    "BREAKER",
    "BY_HAND",
    "CONTENDERS",
    "FIRST",
    "HEDGED",
    "IN_TROUBLE",
    "JSON_BY_HAND",
    "KINDS",
    "PYDANTIC",
    "RAW",
    "TENACITY",
    "US",
    "US_BY_DEFAULT",
    "VENDOR",
    "Kind",
]

MOST_AT_ONCE: Final = 256

US: Final = "tread_async"
FIRST: Final = "tread_async, first read"
AGAIN_BUSY: Final = "tread_async, all has changed"
US_BY_DEFAULT: Final = "tread_async as by default"
BREAKER: Final = "tread_async, circuit_breaker=True"
HEDGED: Final = "tread_async, hedge_cached=True"
BY_HAND: Final = "aiohttp + msgspec"
TENACITY: Final = "aiohttp + msgspec + tenacity"
JSON_BY_HAND: Final = "aiohttp + json + Decimal"
PYDANTIC: Final = "httpx + pydantic"
VENDOR: Final = "taas-api-client in threads"
RAW: Final = "asyncio.Protocol + httptools"

_WE_DO: Final = (
    "retries within a deadline, rate and retry budget, exact decimals that are checked, one outcome for each"
    " account"
)

CONTENDERS: Final = {
    US: Kind("ours", (), _WE_DO, {"max_in_flight": MOST_AT_ONCE}),
    BY_HAND: Kind(
        "aiohttp_msgspec",
        (),
        "one session, no retry, msgspec structs; a single call is decoded by our own decoder, which checks"
        " that amounts are plain decimals within bounds, and many accounts without checks: NaN, 1_000 and"
        " 1e999999999 pass there",
    ),
    JSON_BY_HAND: Kind(
        "aiohttp_json", (), "one session, no retry, dicts; amounts become Decimal, and are not checked"
    ),
    PYDANTIC: Kind(
        "httpx_pydantic", ("httpx", "pydantic"), "one client, no retry, models with Decimal amounts"
    ),
    VENDOR: Kind(
        "vendor_threads",
        ("taas_api", "requests"),
        "dicts as sent, in which amounts are text or floats; no retry, and a connection for each call, as"
        " that client does",
    ),
    RAW: Kind(
        "raw_protocol",
        ("httptools",),
        "our own decoder, and no pool, no timeouts, no errors but a status: the floor",
    ),
}

IN_TROUBLE: Final = {
    US_BY_DEFAULT: Kind("ours", (), "at most three attempts, a retry budget, eight requests at once"),
    BREAKER: Kind("ours", (), "the same, and nothing for a while after failures", {"circuit_breaker": True}),
    HEDGED: Kind(
        "ours", (), "asks twice for what is slow", {"hedge_cached": True, "max_in_flight": MOST_AT_ONCE}
    ),
    TENACITY: Kind("aiohttp_tenacity", (), "five attempts, wait_random_exponential(multiplier=1, max=60)"),
}

READING: Final = {
    FIRST: Kind("ours", (), f"{_WE_DO}; remembers nothing, as in a first read", {"again": False}),
    AGAIN_BUSY: Kind(
        "ours",
        (),
        "reads again, but all accounts are priced anew each time, so that a memory is of no use",
        {"busy": True},
    ),
}

KINDS: Final = CONTENDERS | IN_TROUBLE | READING | WATCHERS | KEEPERS
