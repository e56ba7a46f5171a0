"""Replies and endpoints that several pure tests share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tread_async._codec import endpoints
from tread_async._codec.endpoints import Endpoint
from tread_async._codec.replies import Reply, parse
from tread_async.errors import DecodeError

REPLIES: Final = Path(__file__).parents[1] / "replies"

READS: Final = (endpoints.BALANCES, endpoints.CACHED_BALANCES, endpoints.ACCOUNTS)
WRITES: Final = (
    endpoints.CREATE_ACCOUNT,
    endpoints.UPDATE_ACCOUNT,
    endpoints.ARCHIVE_ACCOUNT,
    endpoints.SET_LEVERAGE,
)
LISTED: Final = (*READS, *WRITES)


def recorded(name: str, status: int = 200, **headers: str) -> Reply:
    """A reply from ``tests/replies``; its name says its type."""
    kind = "text/html; charset=utf-8" if name.endswith(".html") else "application/json"
    headers.setdefault("content_type", kind)
    return Reply(status=status, body=(REPLIES / name).read_bytes(), **headers)


def ok(body: bytes | str | Any) -> Reply:
    """A 200 with *body*, as JSON unless it is bytes."""
    return Reply(status=200, body=body if isinstance(body, bytes) else json.dumps(body).encode())


def live_row(**fields: Any) -> dict[str, Any]:
    """A live reply with one account of one row."""
    return {"A": {"exchange": "x", "assets": [{"symbol": "BTC", "size": 1} | fields]}}


def cached_row(**fields: Any) -> dict[str, Any]:
    """A cached reply with one account of one row."""
    row = {"symbol": "BTC", "amount": "1"} | fields
    return {"balances": [{"account_name": "A", "account_id": "1", "assets": [row]}]}


def account(**fields: Any) -> list[dict[str, Any]]:
    """An accounts reply with one account."""
    return [{"id": "1", "name": "A", "exchange": "x"} | fields]


def refusal(endpoint: Endpoint[Any], reply: Reply) -> DecodeError:
    """The `DecodeError` that *reply* must raise."""
    with pytest.raises(DecodeError) as caught:
        parse(endpoint, reply)
    return caught.value
