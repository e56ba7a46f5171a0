"""What answers have that the models do not know, and what they lack that is documented as never null."""

from __future__ import annotations

import enum
import functools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import msgspec

from tread_async.models import (
    Account,
    AccountBalances,
    Asset,
    CachedAccount,
    CachedAsset,
    CachedBalances,
    Equity,
)

__all__ = ["NEVER_NULL", "Drift", "Kind", "drifts", "kinds", "seen"]

# Of the live rows and the list the documentation does not say it: what its samples always fill. Of the cached
# call its tables do; but its own sample leaves `errors` and `created_at` out.
NEVER_NULL: Final[Mapping[type[msgspec.Struct], tuple[str, ...]]] = {
    Account: ("id", "name", "user", "username", "exchange", "created_at", "archived"),
    AccountBalances: ("exchange", "assets"),
    Asset: ("symbol", "size", "notional", "market_type", "asset_type"),
    CachedBalances: ("balances",),
    CachedAccount: (
        "exchange_name", "account_name", "user_id", "account_id", "username", "assets", "equities",
        "transfers", "timestamp_millis", "vcefi_enabled",
    ),
    CachedAsset: ("symbol", "amount", "wallet_type", "asset_type"),
    Equity: ("total_equity", "market_type"),
}  # fmt: skip
_ROOTS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "accounts": Account,
    "balances": AccountBalances,
    "cached_balances": CachedBalances,
}
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LONGEST_NAME: Final = 64


class Kind(enum.StrEnum):
    """How an answer differs from what is documented."""

    UNKNOWN = "unknown"
    MISSING = "missing"


class Drift(msgspec.Struct, frozen=True):
    """A field that differs.

    Attributes:
        path: Where, for example: a JSON path in which ``*`` stands for the name of an account.
    """

    kind: Kind
    path: str


def drifts(endpoint: str, answer: Any) -> dict[str, Drift]:
    """The fields of *answer*, decoded JSON, that differ: each once, by what it is (``missing Asset.size``).

    What is of another type than documented is not among them: the decoder refuses it, with its path.

    Args:
        endpoint: ``accounts``, ``balances`` or ``cached_balances``.
    """
    found: dict[str, Drift] = {}
    for value, model, path in _objects(endpoint, answer):
        for name, drift in _of_object(value, model, path):
            found.setdefault(name, drift)
    return found


def seen(endpoint: str, answer: Any) -> Counter[type[msgspec.Struct]]:
    """How many objects of each kind *answer* has: what there is none of cannot differ."""
    return Counter([model for _, model, _ in _objects(endpoint, answer)])


def kinds(endpoint: str) -> tuple[type[msgspec.Struct], ...]:
    """Those of which an answer of *endpoint* may have objects, each before what is in it."""
    return tuple(_within_model(_ROOTS[endpoint]))


def _objects(endpoint: str, answer: Any) -> Iterator[tuple[dict[str, Any], type[msgspec.Struct], str]]:
    for value, model, path in _roots(endpoint, answer):
        yield from _within(value, model, path)


def _within(
    value: Any, model: type[msgspec.Struct], path: str
) -> Iterator[tuple[dict[str, Any], type[msgspec.Struct], str]]:
    """*value*, if it is an object, and those in it."""
    if not isinstance(value, dict):
        return
    yield value, model, path
    for name, part in _parts(model).items():
        rows = value.get(name)
        if part is not None and isinstance(rows, list):
            for place, row in enumerate(rows):
                yield from _within(row, part, f"{path}.{name}[{place}]")


def _within_model(model: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    yield model
    for part in _parts(model).values():
        if part is not None:
            yield from _within_model(part)


def _roots(endpoint: str, answer: Any) -> Iterator[tuple[Any, type[msgspec.Struct], str]]:
    """The objects in *answer* from which all others are reached, with the model and the path of each."""
    if endpoint == "cached_balances":
        yield answer, CachedBalances, "$"
    elif endpoint == "balances" and isinstance(answer, dict):
        for account in answer.values():
            yield account, AccountBalances, "$.*"
    elif endpoint == "accounts":
        listed, path = answer, "$"
        if isinstance(answer, dict):  # seen in the wild, and read by the library
            listed, path = answer.get("accounts"), "$.accounts"
        for place, account in enumerate(listed if isinstance(listed, list) else ()):
            yield account, Account, f"{path}[{place}]"


def _of_object(
    value: Mapping[str, Any], model: type[msgspec.Struct], path: str
) -> Iterator[tuple[str, Drift]]:
    parts = _parts(model)
    for name in value:
        if name not in parts:
            shown = _in_path(name)
            yield f"unknown {model.__name__}{shown}", Drift(Kind.UNKNOWN, path + shown)
    for name in NEVER_NULL[model]:
        if value.get(name) is None:
            yield f"missing {model.__name__}.{name}", Drift(Kind.MISSING, f"{path}.{name}")


@functools.cache
def _parts(model: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct] | None]:
    """The fields of *model* by their name on the wire, with the model of their elements if they have one."""
    return {field.encode_name: _model_in(field.type) for field in msgspec.structs.fields(model)}


def _model_in(kind: Any) -> type[msgspec.Struct] | None:
    """The model in a type such as ``tuple[Equity, ...] | None``."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((found for part in get_args(kind) if (found := _model_in(part)) is not None), None)


def _in_path(name: str) -> str:
    return f".{name}" if _PLAIN_NAME.fullmatch(name) else f"[{json.dumps(name[:_LONGEST_NAME])}]"
