"""The journal of a simulator as a text, for an assertion that fails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tread_async.simulator import Change, Request

__all__ = ["told"]

_MOST_LINES: Final = 40
_MOST_NAMES: Final = 4


def told(requests: Sequence[Request], changes: Sequence[Change]) -> str:
    """A line for each request, with the changes it made below it; the newest where there are many."""
    made: dict[int, list[Change]] = {}
    for change in changes:
        made.setdefault(change.request, []).append(change)
    lines = [line for request in requests for line in _lines(request, made.get(request.number, []))]
    if not lines:
        return "The server received no request."
    left_out = len(lines) - _MOST_LINES
    head = [f"  ... {left_out} lines before"] if left_out > 0 else []
    return "\n".join(["The server received:", *head, *lines[-_MOST_LINES:]])


def _lines(request: Request, changes: Sequence[Change]) -> Iterator[str]:
    what = request.endpoint or f"{request.method} {request.path}"
    answer = "no answer" if request.status is None else f"HTTP {request.status}"
    body = f" {json.dumps(_told_of(request.body))}" if isinstance(request.body, dict) else ""
    yield f"  {request.number}. {what} of {_names(request.accounts)}{body}: {answer}"
    for change in changes:
        yield f"       applied: {change.kind} of {change.name}{_detail(change.detail)}"


def _told_of(body: Mapping[str, object]) -> dict[str, object]:
    # Names are said already; a key is an account's, not the test's.
    return {name: value for name, value in body.items() if name not in ("account_ids", "api_key")}


def _names(accounts: Sequence[str]) -> str:
    if len(accounts) > _MOST_NAMES:
        return f"{len(accounts)} accounts"
    return ", ".join(accounts) or "no account"


def _detail(detail: Mapping[str, object]) -> str:
    return "".join([f", {name} {value}" for name, value in detail.items() if value is not None])
