"""What reading back makes of an outcome: the whole table, for any values."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.samples import PAIR
from tread_async import (
    AccountKey,
    Applied,
    Balance,
    NotApplied,
    OutcomeUnknownError,
    TreadError,
    Unknown,
    WriteOutcome,
)
from tread_async._codec import bodies
from tread_async._fleet.verifying import leverages_seen, verified
from tread_async.errors import NotSentError, ServerError, UnprocessableError
from tread_async.reports import Verification

UNTIMED = settings(deadline=None)
CONFIRMED, CONTRADICTED = Verification.CONFIRMED, Verification.CONTRADICTED
REFUSED, FAILED = UnprocessableError(422, "refused"), ServerError(500, "failed")


def unknown(cause: TreadError | None) -> Unknown:
    error = OutcomeUnknownError("read back")
    error.cause = cause
    return Unknown(error=error)


NUMBERS = st.decimals("0.01", "200", places=2)
WORDS = st.sampled_from(["CROSS", "ISOLATED", "CASH"])
SOME: list[WriteOutcome] = [
    Applied(),
    Applied(had_unknown_attempts=True),
    NotApplied(error=REFUSED),
    NotApplied(error=NotSentError("newer")),
    unknown(None),
    unknown(FAILED),
    unknown(REFUSED),
]
OUTCOMES = st.sampled_from(SOME)


@UNTIMED
@given(outcome=OUTCOMES, wanted=NUMBERS | WORDS, lost=st.booleans())
def test_nothing_seen(outcome: WriteOutcome, wanted: Any, lost: bool) -> None:
    """No open position, or no answer: the outcome stays as it was, marked."""
    result: Any = verified(outcome, wanted, (), lost=lost, shared=True)

    assert type(result) is type(outcome)
    assert (result.verification, result.seen) == (Verification.UNVERIFIABLE, None)
    assert getattr(result, "error", None) is getattr(outcome, "error", None)


@UNTIMED
@given(outcome=OUTCOMES, value=NUMBERS, copies=st.integers(1, 3), lost=st.booleans(), sent=st.booleans())
def test_the_value_wanted_is_seen(
    outcome: WriteOutcome, value: Decimal, copies: int, lost: bool, sent: bool
) -> None:
    """What was unknown is applied, and what was refused too; what was never sent stays as it was."""
    result = verified(outcome, value, [value + Decimal("0.000")] * copies, lost=lost, shared=sent)
    kept: Any = NotApplied if isinstance(outcome, NotApplied) and not sent else Applied

    assert isinstance(result, kept)
    assert (result.verification, result.seen) == (CONFIRMED, value)
    if isinstance(outcome, Unknown):
        assert isinstance(result, Applied)
        assert result.had_unknown_attempts == lost
        assert result.error is (getattr(outcome.error, "cause", None) or outcome.error)
    elif isinstance(outcome, Applied):
        assert isinstance(result, Applied)
        assert result.had_unknown_attempts == outcome.had_unknown_attempts
        assert result.error is None
    else:
        assert isinstance(result, Applied | NotApplied)
        assert result.error is outcome.error


@st.composite
def with_another(draw: st.DrawFn) -> tuple[Any, list[Any]]:
    """A value, and values seen of which at least one is another."""
    kind = draw(st.sampled_from([NUMBERS, WORDS]))
    wanted = draw(kind)
    other = draw(kind.filter(lambda value: value != wanted))
    return wanted, draw(st.permutations([other, *draw(st.lists(st.just(wanted), max_size=2))]))


@UNTIMED
@given(outcome=OUTCOMES, values=with_another(), lost=st.booleans(), sent=st.booleans())
def test_another_value_is_seen(
    outcome: WriteOutcome, values: tuple[Any, list[Any]], lost: bool, sent: bool
) -> None:
    """Acknowledged is unknown then; unknown is not applied only where it is neither there nor on its way."""
    wanted, seen = values
    result: Any = verified(outcome, wanted, seen, lost=lost, shared=sent)

    assert result.verification is CONTRADICTED
    assert result.seen == next(value for value in seen if value != wanted)
    if isinstance(outcome, Applied):
        assert isinstance(result, Unknown)
        assert isinstance(result.error, OutcomeUnknownError)
        assert str(result.seen) in str(result.error)
    elif isinstance(outcome, Unknown) and not lost and wanted not in seen:
        assert isinstance(result, NotApplied)
        assert result.error is (getattr(outcome.error, "cause", None) or outcome.error)
    else:
        assert type(result) is type(outcome)
        assert result.error is outcome.error


@UNTIMED
@given(outcome=OUTCOMES, seen=st.lists(NUMBERS, max_size=3), wanted=NUMBERS)
def test_what_may_be_on_its_way_is_never_denied(
    outcome: WriteOutcome, seen: Sequence[Decimal], wanted: Decimal
) -> None:
    """Where an attempt may be lost, nothing that is seen makes an outcome `NotApplied`."""
    result = verified(outcome, wanted, seen, lost=True, shared=False)

    assert isinstance(result, NotApplied) == isinstance(outcome, NotApplied)


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        ('{"symbol": "ETH:PERP-USDT", "size": 1, "asset_type": "position", "leverage": 5.50}', ["5.5"]),
        ('{"symbol": "ETH:PERP-USDT", "size": 1, "asset_type": "position", "leverage": 0}', []),
        ('{"symbol": "ETH:PERP-USDT", "size": 1, "asset_type": "position", "leverage": null}', []),
        ('{"symbol": "ETH:PERP-USDT", "size": 1, "asset_type": "token", "leverage": 5}', []),
        ('{"symbol": "BTC:PERP-USDT", "size": 1, "asset_type": "position", "leverage": 5}', []),
        (
            '{"symbol": "ETH:PERP-USDT", "size": 1, "asset_type": "position", "leverage": 5},'
            '{"symbol": "ETH:PERP-USDT", "size": -1, "asset_type": "position", "leverage": 7}',
            ["5", "7"],
        ),
        ("", []),
    ],
)
def test_leverages_of_a_pair(rows: str, seen: list[str]) -> None:
    """Open positions of exactly this pair count, and only where the exchange says a leverage."""
    account = bodies.balances(f'{{"x": {{"exchange": "Gate", "assets": [{rows}]}}}}'.encode())["x"]
    balance = Balance(AccountKey("a", "x"), account, "live", None, None)

    assert leverages_seen(balance, PAIR) == [Decimal(value) for value in seen]
