"""Ways to read balances: this library, and what one would write or use instead.

Each is a module with ``opened(url, tokens)``, an asynchronous context manager that gives a `OneByOne` or
something with its methods. *tokens* is how many tokens of the server it reads, whose accounts it lists when
it opens; with 0 it has the first token and knows no accounts.
"""

from __future__ import annotations

import importlib
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NamedTuple

__all__ = ["BY_HAND", "CONTENDERS", "JSON_BY_HAND", "PYDANTIC", "RAW", "US", "VENDOR", "Kind"]


class Kind(NamedTuple):
    """A contender: its module here, packages that it needs beyond ours, and what work it does."""

    module: str
    packages: tuple[str, ...]
    does: str

    def opened(self, *arguments: str) -> AbstractAsyncContextManager[Any]:
        """Ready to be measured, in this process."""
        opened = importlib.import_module(f"benchmarks.contenders.{self.module}").opened
        context: AbstractAsyncContextManager[Any] = opened(*arguments)
        return context


US: Final = "tread_async"
BY_HAND: Final = "aiohttp + msgspec"
JSON_BY_HAND: Final = "aiohttp + json + Decimal"
PYDANTIC: Final = "httpx + pydantic"
VENDOR: Final = "taas-api-client in threads"
RAW: Final = "asyncio.Protocol + httptools"

CONTENDERS: Final = {
    US: Kind("ours", (), "retries, deadlines, checked amounts, everything that it promises"),
    BY_HAND: Kind(
        "aiohttp_msgspec", (), "a session and msgspec structs; for single calls with our own checked decoder"
    ),
    JSON_BY_HAND: Kind("aiohttp_json", (), "dicts; amounts become Decimal, and are not checked"),
    PYDANTIC: Kind("httpx_pydantic", ("httpx", "pydantic"), "models with Decimal amounts"),
    VENDOR: Kind(
        "vendor_threads",
        ("taas_api", "requests"),
        "dicts as sent, amounts stay text; a connection for each call, as that client does",
    ),
    RAW: Kind("raw_protocol", ("httptools",), "no pool, no timeouts, no errors but a status: the floor"),
}
