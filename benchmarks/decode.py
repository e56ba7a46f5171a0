"""What do exact, checked amounts cost, against decoding without our checks?

A live and a cached reply of 250 accounts with 10 rows each, from the simulator. The bare decode is
msgspec into the same structs with plain `Decimal` fields: it takes NaN, 1_000 and 1e999999999. The
figure is CPU. It says nothing about the network, and the same bytes are decoded again and again, so
caches of the processor are warm.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from types import GenericAlias
from typing import Any

import msgspec

from benchmarks.answers import Figure, Found, figures, goal, share
from benchmarks.measuring import interleaved, machine
from benchmarks.samples import replies
from tread_async import _amounts, _texts, models
from tread_async._codec.endpoints import BALANCES, CACHED_BALANCES

ACCOUNTS = 250
ROUNDS = 40
MOST_OF_BARE = 1.5
US = "tread_async, checked"
BARE = "bare msgspec"
JSON = "json.loads, floats and texts"
JSON_LOOP = "json + Decimal loop"
LEGEND = (
    f"{US}: structs with Decimal amounts, each of which is a plain decimal within bounds, or the reply is"
    " refused",
    f"{BARE}: the same structs with Decimal amounts, unchecked",
    f"{JSON}: dicts as sent",
    f"{JSON_LOOP}: dicts; floats and the texts that are amounts become Decimal, unchecked",
)
EXACT = {
    "size", "amount", "notional", "unrealized_profit", "initial_margin", "maint_margin", "margin_balance",
    "leverage", "notional_pct_total", "funding_fee", "borrowed", "equity", "total_equity",
}  # fmt: skip

_OURS = {
    _amounts.Amount: Decimal, _amounts.RepeatedAmount: Decimal, _texts.Repeated: str
}  # fmt: skip
_PLAIN: dict[Any, Any] = {kind | None: plain | None for kind, plain in _OURS.items()} | _OURS


def _bare(kind: type[msgspec.Struct], **nested: Any) -> Any:
    """*kind* without our checks: plain decimals and texts, *nested* in place of structs."""
    fields = []
    for field in msgspec.structs.fields(kind):
        annotation = nested.get(field.name) or _PLAIN.get(field.type, field.type)
        fields.append((field.name, annotation) if field.required else (field.name, annotation, None))
    return msgspec.defstruct(kind.__name__, fields, frozen=True, gc=False, kw_only=True)


def bare_decoders() -> tuple[Callable[[bytes], Any], Callable[[bytes], Any]]:
    """Live and cached replies into our structs without our checks."""
    account = _bare(models.AccountBalances, assets=_rows(_bare(models.Asset)))
    cached_account = _bare(
        models.CachedAccount,
        assets=_rows(_bare(models.CachedAsset)),
        equities=_rows(_bare(models.Equity)) | None,
    )
    fields: list[Any] = [("balances", _rows(cached_account)), ("errors", tuple[Any, ...] | None, None)]
    reply = msgspec.defstruct("Reply", fields, gc=False)
    live = GenericAlias(dict, (str, account))
    return msgspec.json.Decoder(live).decode, msgspec.json.Decoder(reply).decode


def _rows(kind: Any) -> Any:
    return GenericAlias(tuple, (kind, ...))


def _json_loop(rows: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    def decode(body: bytes) -> Any:
        reply = json.loads(body, parse_float=Decimal)
        for account in rows(reply):
            for row in account["assets"]:
                for name in EXACT & row.keys():
                    if isinstance(row[name], str):
                        row[name] = Decimal(row[name])
        return reply

    return decode


cached_with_json = _json_loop(lambda reply: reply["balances"])
"""A cached reply as dicts, whose amounts are `Decimal`, unchecked."""


def measure() -> Found:
    """In this process: nothing but decoding is measured, so that contenders cannot disturb one another."""
    live, cached = replies(accounts=ACCOUNTS)
    bare_live, bare_cached = bare_decoders()
    taken = {
        "live": _taken(live, BALANCES.decode, bare_live, _json_loop(dict.values)),
        "cached": _taken(cached, CACHED_BALANCES.decode, bare_cached, cached_with_json),
    }
    found: list[Figure] = []
    for kind, cpu in taken.items():
        found += figures(f"CPU per account, {kind} reply", "us", cpu)
    return Found(
        conditions=f"{machine()}; {ACCOUNTS} accounts of 10 rows, a live reply of {len(live):,} bytes and a"
        f" cached one of {len(cached):,}; {ROUNDS} rounds",
        figures=tuple(found),
        goals=tuple(
            goal(
                f"CPU per account, {kind} reply, {US} over {BARE}", share(cpu, US, BARE), at_most=MOST_OF_BARE
            )
            for kind, cpu in taken.items()
        ),
        notes=LEGEND,
    )


def _taken(
    body: bytes,
    ours: Callable[[bytes], Any],
    bare: Callable[[bytes], Any],
    loop: Callable[[bytes], Any],
) -> dict[str, list[float]]:
    """Microseconds per account."""
    contenders: dict[str, Callable[[], object]] = {
        US: lambda: ours(body),
        BARE: lambda: bare(body),
        JSON: lambda: json.loads(body),
        JSON_LOOP: lambda: loop(body),
    }
    taken = interleaved(contenders, rounds=ROUNDS)
    return {name: [one / ACCOUNTS * 1e6 for one in seconds] for name, seconds in taken.items()}
