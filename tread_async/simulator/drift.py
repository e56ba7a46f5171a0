"""Accounts in another schema than the documented one. Figures keep every digit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tread_async.simulator.render import CACHED_ACCOUNT, CACHED_ROW, EQUITY, LIVE_ROW


def _named_in(*templates: str) -> frozenset[str]:
    return frozenset(re.findall(r'"(\w+)":', "".join(templates)))


# What each read says of an account, at any depth.
FIELDS: Final[Mapping[str | None, frozenset[str]]] = {
    "balances": _named_in(LIVE_ROW) | {"exchange", "assets"},
    "cached_balances": _named_in(CACHED_ACCOUNT, CACHED_ROW, EQUITY) | {"created_at"},
    "accounts": frozenset(
        ("id", "name", "user", "username", "exchange", "margin_mode", "created_at", "credential_options",
         "vcefi_enabled", "archived", "wallet_type", "wallet_provider", "vault_address", "egress_ip",
         "api_key", "api_secret", "password")
    ),
}  # fmt: skip


class _Figure(str):
    """A JSON number as it is written."""


def drifted(text: bytes, extra: str | None, without: str | None, retyped: str | None) -> bytes:
    """The JSON object *text*, changed in itself and in every object inside it."""

    def changed(fields: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in fields.items() if name != without}
        if retyped in kept:
            kept[retyped] = {"value": kept[retyped]}
        return kept if extra is None else {**kept, extra: "new"}

    return _written(
        json.loads(text, parse_float=_Figure, parse_int=_Figure, object_hook=changed),
    ).encode()


def _written(value: object) -> str:
    if isinstance(value, _Figure):
        return value
    if isinstance(value, dict):
        return "{" + ",".join([f"{json.dumps(name)}:{_written(one)}" for name, one in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([_written(one) for one in value]) + "]"
    return json.dumps(value)
