"""Lists of accounts for the tests of what is looked up, and a client and server for them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from tests.support.samples import API_KEY, LISTED
from tests.support.wire import reply
from tread_async import OutcomeUnknownError

MADE = {"id": "id-9", "name": "new", "exchange": "Binance", "api_key": API_KEY, "archived": False}
OTHER = LISTED | {"api_key": "another", "created_at": "2020-01-01T00:00:00Z"}


def at(seconds_from_now: float) -> str:
    return datetime.fromtimestamp(time.time() + seconds_from_now, UTC).isoformat()


def listing(*accounts: dict[str, Any], ahead_s: float = 0.0) -> bytes:
    """A list of accounts, by a clock that is ahead."""
    return reply(list(accounts), Date=formatdate(time.time() + ahead_s, usegmt=True))


def made(**changes: Any) -> dict[str, Any]:
    """The account that `samples.create` asks for, made just now."""
    return MADE | {"created_at": at(0)} | changes


async def resolved(error: OutcomeUnknownError) -> Any:
    return await error.resolve()
