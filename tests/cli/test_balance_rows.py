"""Which rows of an account `tread balances` keeps."""

from __future__ import annotations

import pytest

from tread_async.cli.balance_records import Rows


@pytest.mark.parametrize(
    ("rows", "symbol", "kind", "wanted"),
    [
        (Rows(), "BTC", "token", True),
        (Rows(positions_only=True), "BTC", "token", False),
        (Rows(positions_only=True), "ETH:PERP-USDT", "position", True),
        (Rows(positions_only=True), None, None, True),  # an account that failed, say: it may have some
        (Rows(symbol="eth:perp-usdt"), "ETH:PERP-USDT", "position", True),
        (Rows(symbol="eth:perp-usdt"), "BTC", "token", False),
        (Rows(symbol="eth:perp-usdt", positions_only=True), None, None, True),
    ],
)
def test_what_is_not_known_is_kept(rows: Rows, symbol: str | None, kind: str | None, wanted: bool) -> None:
    """What is known to be something else is not."""
    assert rows.may_have({"symbol": symbol, "asset_type": kind}) is wanted
