"""What the doctor says of fields that the models do not know, or that answers lack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.wire import TOKEN
from tread_async.cli.doctor.drift import NEVER_NULL, Drift, Kind, drifts
from tread_async.models import (
    Account,
    AccountBalances,
    Asset,
    CachedAccount,
    CachedAsset,
    CachedBalances,
    Equity,
)

ENDPOINTS = ("accounts", "balances", "cached_balances")
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
)
FIELD_NAMES = sorted({field for model in NEVER_NULL for field in model.__struct_fields__})
# Answers of nearly the right shape: real names, and whatever under them.
NEARLY = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELD_NAMES) | st.text(max_size=5), inner, max_size=6)
    ),
)


def row(model: type[msgspec.Struct], **parts: Any) -> dict[str, Any]:
    """An object with every field of *model*."""
    return {field: parts.get(field, "1") for field in model.__struct_fields__}


def whole(endpoint: str, rows: int) -> Any:
    """An answer as documented, in which every list has *rows* elements."""
    live = [row(Asset) for _ in range(rows)]
    cached = [row(CachedAsset) for _ in range(rows)]
    equities = [row(Equity) for _ in range(rows)]
    accounts = [row(CachedAccount, assets=cached, equities=equities, transfers=[]) for _ in range(rows)]
    answers: dict[str, Any] = {
        "accounts": [row(Account) for _ in range(rows)],
        "balances": {f"account {place}": row(AccountBalances, assets=live) for place in range(rows)},
        "cached_balances": row(CachedBalances, balances=accounts, errors=[]),
    }
    return json.loads(json.dumps(answers[endpoint]))  # no list in it twice


def objects(endpoint: str, answer: Any) -> Iterator[tuple[dict[str, Any], type[msgspec.Struct]]]:
    """Every object of a `whole` answer, with its model."""
    if endpoint == "accounts":
        yield from ((account, Account) for account in answer)
    elif endpoint == "balances":
        for account in answer.values():
            yield account, AccountBalances
            yield from ((asset, Asset) for asset in account["assets"])
    else:
        yield answer, CachedBalances
        for account in answer["balances"]:
            yield account, CachedAccount
            yield from ((asset, CachedAsset) for asset in account["assets"])
            yield from ((equity, Equity) for equity in account["equities"])


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_what_is_documented_does_not_differ(endpoint: str, rows: int) -> None:
    """Every field that the models know, and no other."""
    assert drifts(endpoint, whole(endpoint, rows)) == {}


def test_a_list_that_is_wrapped_is_looked_into() -> None:
    """As the library reads it."""
    answer = {"accounts": [row(Account), row(Account) | {"tier": 1}]}

    assert drifts("accounts", answer) == {"unknown Account.tier": Drift(Kind.UNKNOWN, "$.accounts[1].tier")}


def test_paths_lead_to_an_example() -> None:
    """The first of each; the names of accounts are no part of them."""
    live, cached = whole("balances", 2), whole("cached_balances", 2)
    for account in live.values():
        account["assets"][1]["apr"] = 5
    del cached["balances"][1]["equities"][0]["market_type"]
    cached["balances"][0]["odd name"] = cached["balances"][1]["odd name"] = 1

    assert drifts("balances", live) == {"unknown Asset.apr": Drift(Kind.UNKNOWN, "$.*.assets[1].apr")}
    assert drifts("cached_balances", cached) == {
        'unknown CachedAccount["odd name"]': Drift(Kind.UNKNOWN, '$.balances[0]["odd name"]'),
        "missing Equity.market_type": Drift(Kind.MISSING, "$.balances[1].equities[0].market_type"),
    }


@given(st.data(), st.sampled_from(ENDPOINTS), st.integers(1, 3))
def test_a_new_field_is_found_once(data: st.DataObject, endpoint: str, rows: int) -> None:
    """Wherever it stands, and however often."""
    answer = whole(endpoint, rows)
    every = list(objects(endpoint, answer))
    model = data.draw(st.sampled_from(sorted({model for _, model in every}, key=lambda one: one.__name__)))
    name = data.draw(
        st.text(min_size=1, max_size=70).filter(lambda name: name not in model.__struct_fields__)
    )
    of_model = [thing for thing, kind in every if kind is model]
    for thing in data.draw(st.lists(st.sampled_from(of_model), min_size=1)):
        thing[name] = data.draw(JSON)

    (found,) = drifts(endpoint, answer).values()
    assert found.kind is Kind.UNKNOWN


@given(st.data(), st.sampled_from(ENDPOINTS), st.integers(1, 3))
def test_a_field_that_is_missing_is_found_once(data: st.DataObject, endpoint: str, rows: int) -> None:
    """Left out or null, if it is never null by the documentation; the others may be."""
    answer = whole(endpoint, rows)
    every = [(thing, model) for thing, model in objects(endpoint, answer) if model is not CachedBalances]
    thing, model = data.draw(st.sampled_from(every))
    name = data.draw(st.sampled_from(model.__struct_fields__).filter(lambda name: name != "assets"))
    if data.draw(st.booleans()):
        del thing[name]
    else:
        thing[name] = None

    found = drifts(endpoint, answer)
    assert list(found) == ([f"missing {model.__name__}.{name}"] if name in NEVER_NULL[model] else [])


@given(st.sampled_from(ENDPOINTS), JSON | NEARLY)
def test_anything_can_be_looked_at(endpoint: str, answer: Any) -> None:
    """Whatever an answer is, there is no error, and what differs is said in few words."""
    for name, drift in drifts(endpoint, answer).items():
        assert name.startswith(f"{drift.kind} ")
        assert drift.path.startswith("$")
        assert len(name) < 600  # a name of 64 characters, each escaped


@given(st.sampled_from(ENDPOINTS), st.integers(1, 3))
def test_no_value_is_said(endpoint: str, rows: int) -> None:
    """Nor the name of an account."""
    answer = json.loads(
        json.dumps(whole(endpoint, rows)).replace('"1"', f'"{TOKEN}"').replace("account ", TOKEN)
    )
    for thing, model in list(objects(endpoint, answer)):
        thing["new"] = {"it is": TOKEN}
        thing[NEVER_NULL[model][-1]] = None

    assert TOKEN not in repr(drifts(endpoint, answer))


@pytest.mark.parametrize("model", NEVER_NULL)
def test_what_is_never_null_is_a_field_and_all_that_is_required(model: type[msgspec.Struct]) -> None:
    """The table and the models speak of the same; every model that is part of an answer is in it."""
    fields = msgspec.structs.fields(model)
    required = {field.encode_name for field in fields if field.required}

    assert required <= set(NEVER_NULL[model]) <= {field.encode_name for field in fields}
