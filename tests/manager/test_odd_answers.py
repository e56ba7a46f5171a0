"""Answers that say odd things of accounts: what they mean, and that nothing of ours shows in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.desks import desk, half_a_minute_passes, keys
from tests.support.samples import ONE_TRY, shown, spellings
from tests.support.wire import TOKEN, Wire, reply
from tread_async import (
    AccountError,
    AccountKey,
    DecodeError,
    Failed,
    Missing,
    NameConflictError,
    Ok,
    Snapshot,
)

X = AccountKey("a", "x")
ROW = {"account_name": "x", "account_id": "id-x", "assets": []}
OTHER = ROW | {"equity": "7"}
LISTED = [{"id": "id-x", "name": "x", "exchange": "Gate"}]


async def cached(*rows: Any, errors: list[Any] | None = None) -> Snapshot:
    """The account x by a cached answer of *rows* and *errors*."""
    return await answered({"balances": rows, "errors": errors or []}, "cached")


async def answered(body: Any, source: Any) -> Snapshot:
    async with Wire(reply(body)) as wire, desk(wire, retry=ONE_TRY) as manager:
        return await manager.balances([X], source=source)


def failure(snapshot: Snapshot) -> Any:
    outcome = snapshot.outcomes[X]
    assert isinstance(outcome, Failed), outcome
    return outcome.error


@pytest.mark.parametrize("field", ["account_name", "account", "name"])
@pytest.mark.parametrize("said", ["message", "error", "detail", "reason"])
async def test_an_error_that_names_the_account(field: str, said: str) -> None:
    """Whichever of the usual fields names the account and says why, it is that account's error."""
    snapshot = await cached(errors=[{field: "x", said: "no answer from Gate", "code": 7}])

    assert isinstance(failure(snapshot), AccountError)
    assert str(failure(snapshot)) == "the server could not read the account: no answer from Gate"
    assert snapshot.errors == {}


@pytest.mark.parametrize("error", [{"name": "x"}, {"name": "x", "message": None}, {"name": "x", "error": {}}])
async def test_an_error_that_says_nothing(error: Any) -> None:
    """An error without a text of its own is one all the same."""
    assert "did not say why" in str(failure(await cached(errors=[error])))


@pytest.mark.fault("F30")
@pytest.mark.parametrize(
    "error", ["x failed", {"name": "y"}, {"name": {"is": "x"}}, None, 5, ["x"], {}, {"x": "x"}]
)
async def test_an_error_that_names_nobody(error: Any) -> None:
    """An error of which it cannot be told whose it is stays in the snapshot as sent; x is missing."""
    snapshot = await cached(errors=[error])

    assert snapshot.outcomes == {X: Missing()}
    assert snapshot.errors == {"a": (error,)}
    assert not snapshot.complete


async def test_an_error_of_an_account_that_is_there() -> None:
    """An account that has a row and an error has failed: the row may be old, or a part of what it holds."""
    error = {"account_name": "x", "message": "one of its wallets timed out"}
    snapshot = await cached(ROW, errors=[error])

    assert "wallets timed out" in str(failure(snapshot))
    assert snapshot.errors == {}


@pytest.mark.parametrize("form", sorted(spellings(TOKEN)))
async def test_an_error_that_echoes_the_token(form: str) -> None:
    """A server that repeats the token in what it says of an account does not get it into our error."""
    snapshot = await cached(errors=[{"name": "x", "message": f"denied for {form} today"}])

    assert str(failure(snapshot)).startswith("the server could not read the account: denied for ***")
    assert not any(each in shown(failure(snapshot)) for each in spellings(TOKEN))


@pytest.mark.parametrize("form", sorted(spellings(TOKEN)))
async def test_an_error_that_names_nobody_and_echoes_the_token(form: str) -> None:
    """Nor does it get it into what a snapshot shows of errors, whatever their shape."""
    error = {"why": [f"\x1b[2Jdenied for {form} today", {form: 5}]}
    snapshot = await cached(errors=[error])

    assert snapshot.errors == {"a": ({"why": [" denied for *** today", {"***": 5}]},)}


async def test_an_error_with_control_characters() -> None:
    """Neither can it colour a terminal, nor fill a log."""
    snapshot = await cached(errors=[{"name": "x", "message": "\x1b[31mred\x00\n" + "y" * 5000}])

    assert str(failure(snapshot)).isprintable()
    assert len(str(failure(snapshot))) < 600


@pytest.mark.fault("F29")
@pytest.mark.parametrize(
    ("rows", "outcome"),
    [([ROW, ROW], Ok), ([ROW, OTHER], Failed), ([ROW, {**ROW, "assets": 5}], Failed), ([ROW] * 5, Ok)],
)
async def test_cached_twice(rows: list[Any], outcome: Any) -> None:
    """Equal copies of an account are one; copies that differ, or of which one is broken, are not known."""
    snapshot = await cached(*rows)

    assert type(snapshot.outcomes[X]) is outcome
    assert outcome is Failed or snapshot.duplicates == (X,)


LIVE = '"x": {"exchange": "Gate", "assets": []}'
TWICE: dict[str, Callable[[], str]] = {
    "equal": lambda: f"{{{LIVE}, {LIVE}}}",
    "different": lambda: f"{{{LIVE}, {LIVE.replace('Gate', 'OKX')}}}",
    "the first broken": lambda: f"{{{LIVE.replace('[]', '5')}, {LIVE}}}",
    "the last broken": lambda: f"{{{LIVE}, {LIVE.replace('[]', '5')}}}",
    "the first empty": lambda: f'{{"x": {{}}, {LIVE}}}',
    "the last null": lambda: f'{{{LIVE}, "x": null}}',
    "apart": lambda: f'{{{LIVE}, "y": {{"exchange": "x", "assets": []}}, {LIVE}}}',
    "escaped": lambda: f"{{{LIVE}, {LIVE.replace('exchange', 'e' + chr(92) + 'u0078change')}}}",
}


@pytest.mark.fault("F29")
@pytest.mark.parametrize("how", TWICE)
async def test_live_twice(how: str) -> None:
    """A live answer that names an account twice, of which a parser keeps one, is no answer about it."""
    snapshot = await answered(TWICE[how]().encode(), "live")

    assert isinstance(failure(snapshot), DecodeError)
    assert "more than once" in str(failure(snapshot))
    assert snapshot.duplicates == (X,)


@pytest.mark.parametrize("source", ["live", "cached"])
async def test_two_accounts_of_one_name(source: Any) -> None:
    """Where two accounts are listed under a name, an answer about that name may be about the other one."""
    listed = [*LISTED, {"id": "id-2", "name": "x", "exchange": "OKX"}]
    body = {"balances": [ROW]} if source == "cached" else {"x": {"exchange": "Gate", "assets": []}}
    async with Wire([reply(listed), reply(body)]) as wire, desk(wire) as manager:
        for asked in (None, ["id-2"], ["id-x"], [X]):
            snapshot = await manager.balances(asked, source=source)
            assert isinstance(failure(snapshot), NameConflictError)
        with pytest.raises(NameConflictError, match="two accounts"):
            await manager.balance("id-2", source=source)


async def test_a_first_account() -> None:
    """A token without accounts is listed again after a while: no answer can tell of its first one."""
    steps = [reply([]), reply(LISTED), reply({"x": {"exchange": "Gate", "assets": []}})]
    async with Wire(steps) as wire, desk(wire) as manager:
        empty = [await manager.balances() for _ in range(3)]
        sent = len(wire.requests)
        half_a_minute_passes(manager)
        snapshot = await manager.balances()

    assert all(one.complete and not one.outcomes for one in empty)
    assert sent == 1
    assert list(snapshot.outcomes) == [X]


async def test_rows_of_nobody() -> None:
    """Rows that are not asked for and do not decode harm nobody, and are reported as accounts."""
    body = {"x": {"exchange": "Gate", "assets": []}, "y": {"exchange": "Gate", "assets": "none"}, "z": None}
    snapshot = await answered(body, "live")

    assert isinstance(snapshot.outcomes[X], Ok)
    assert snapshot.unexpected == tuple(keys("a", "yz"))


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b'"x"', b"{", b"<html>", b"", b'{"balances": {}}'])
@pytest.mark.parametrize("source", ["live", "cached"])
async def test_no_answer_at_all(source: Any, body: bytes) -> None:
    """A body that is something else altogether fails every account that was asked for, and is not empty."""
    snapshot = await answered(body, source)

    if (source, body) == ("live", b'{"balances": {}}'):  # could be an account of that name
        assert snapshot.outcomes == {X: Missing()}
    else:
        assert isinstance(failure(snapshot), DecodeError)
