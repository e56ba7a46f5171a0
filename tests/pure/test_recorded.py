"""The vendor's own samples, and variants seen in the wild, decoded to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.pure.support import WRITES, recorded, refusal
from tread_async._codec.endpoints import ACCOUNTS, BALANCES, CACHED_BALANCES, Endpoint
from tread_async._codec.replies import parse
from tread_async.models import Account, AccountBalances, AssetType, CachedAccount, MarginMode, MarketType


def live() -> dict[str, AccountBalances]:
    return parse(BALANCES, recorded("balances.json"))


def cached() -> tuple[CachedAccount, ...]:
    return parse(CACHED_BALANCES, recorded("cached_balances.json")).balances


@pytest.mark.trap(30)
def test_live_accounts_keep_their_names_and_order() -> None:
    """The live sample holds its two accounts under their names, in the server's order."""
    assert [(name, found.exchange, len(found.assets)) for name, found in live().items()] == [
        ("AccountABC", "Bybit", 2),
        ("Account123", "Binance", 2),
    ]


@pytest.mark.trap(15)
@pytest.mark.trap(21)
def test_live_position_is_exact() -> None:
    """Every field of a live position has the digits of the wire, the trailing zero of 10.0 included."""
    position = live()["AccountABC"].assets[0]

    assert [str(getattr(position, name)) for name in position.__struct_fields__] == [
        "ETH:PERP-USDT",
        "1.69",
        "3051.5284",
        "perp",
        "position",
        "24.6772",
        "306.80066534",
        "16.90546734",
        "298.90609459",
        "10.0",
        "0.994565",
    ]
    assert position.market_type == MarketType.PERP
    assert position.asset_type == AssetType.POSITION


@pytest.mark.trap(15)
@pytest.mark.trap(23)
def test_live_token_has_a_profit_and_no_leverage() -> None:
    """A token may have an unrealized profit, and its null leverage is None, not zero."""
    token = live()["AccountABC"].assets[1]

    assert (token.asset_type, token.market_type) == ("token", "unified")
    assert token.unrealized_profit == Decimal("23.33619985")
    assert token.leverage is None


def test_an_account_wide_figure_stays_on_each_row() -> None:
    """A margin balance that the server repeats on two rows is given as it came, twice."""
    token, position = live()["AccountABC"].assets

    assert token.margin_balance == position.margin_balance == Decimal("298.90609459")


@pytest.mark.trap(20)
@pytest.mark.trap(25)
def test_cached_short_position_is_exact_and_negative() -> None:
    """A cached short keeps its sign and all 22 digits behind the point."""
    position = cached()[1].assets[1]

    assert position.amount.as_tuple() == (1, tuple(map(int, "1400000000000000000000")), -22)
    assert position.notional == Decimal("-420.343")
    assert position.funding_fee == Decimal("0.18134707")
    assert str(position.leverage) == "10"


@pytest.mark.trap(20)
@pytest.mark.trap(22)
def test_cached_token_is_exact_and_its_nulls_are_none() -> None:
    """An exponent is read exactly; null stays apart from the string "0"."""
    token = cached()[1].assets[0]

    assert token.amount.as_tuple() == (0, (1, 7), -8)
    assert (token.funding_fee, token.borrowed, token.leverage, token.margin_mode) == (None,) * 4
    assert (token.initial_margin, token.maint_margin) == (Decimal(0), Decimal(0))


@pytest.mark.trap(28)
def test_cached_accounts_of_one_user_stay_apart() -> None:
    """Two accounts share a user id under two user names; both are there, told apart by account id."""
    first, second = cached()

    assert first.user_id == second.user_id == 13
    assert (first.username, second.username) == ("integ_test", "test123")
    assert (first.account_id, second.account_id) == (
        "b82512b5-450f-4329-9943-0e037d0782b2",
        "2fd72fdc-e010-400f-886c-2e45fa0104c4",
    )


@pytest.mark.trap(27)
def test_cached_account_level_fields() -> None:
    """Equity, equities and the flags of a cached account are as sent; ``unified`` is a market type."""
    bybit = cached()[1]

    assert (bybit.exchange_name, bybit.account_name, bybit.vcefi_enabled) == ("Bybit", "acc456", True)
    assert bybit.equity == Decimal("267387.34548772")
    assert bybit.equities is not None
    assert [(entry.total_equity, entry.market_type) for entry in bybit.equities] == [
        (Decimal("267387.34548772"), "unified")
    ]
    assert bybit.transfers == ()


@pytest.mark.trap(29)
def test_each_cached_account_has_its_own_age() -> None:
    """The two accounts of the sample were read eight minutes apart, and each says when."""
    ages = [account.as_of for account in cached()]

    assert ages == [
        datetime(2026, 1, 22, 10, 45, 43, 904000, tzinfo=UTC),
        datetime(2026, 1, 22, 10, 37, 46, 235000, tzinfo=UTC),
    ]


@pytest.mark.trap(18)
@pytest.mark.trap(19)
def test_cached_sample_lacks_what_the_table_calls_not_null() -> None:
    """The sample has neither ``errors`` nor ``created_at``; that is no error and no invention."""
    answer = parse(CACHED_BALANCES, recorded("cached_balances.json"))

    assert answer.errors == ()
    assert [account.created_at for account in answer.balances] == [None, None]


SAMPLE = Account(
    id="4be4cba9-23ea-453a-a235-f2c8e1ba7d51",
    name="test",
    user=2,
    username="yibo",
    exchange="Gate",
    margin_mode="CROSS",
    created_at="2025-10-08T21:27:09.473156Z",
    credential_options={"unified": True, "spot": True, "futures": True, "default": False},
    vcefi_enabled=False,
    archived=False,
    api_key="af46c013cb9a5a321a54564b",
    api_secret="*" * 20,
    password="*" * 20,
)


@pytest.mark.trap(32)
@pytest.mark.trap(37)
@pytest.mark.trap(38)
@pytest.mark.parametrize("file", ["accounts.json", "accounts_wrapped.json"])
def test_accounts_sample_bare_and_wrapped(file: str) -> None:
    """The documented array and the wrapper seen in the wild give the same account."""
    assert parse(ACCOUNTS, recorded(file)) == (SAMPLE,)


@pytest.mark.trap(13)
@pytest.mark.trap(35)
def test_account_sample_speaks_of_known_values() -> None:
    """The sample's margin mode is a known one, and its creation time is an aware time in UTC."""
    (account,) = parse(ACCOUNTS, recorded("accounts.json"))

    assert account.margin_mode == MarginMode.CROSS
    assert account.created == datetime(2025, 10, 8, 21, 27, 9, 473156, tzinfo=UTC)
    assert account.created is not None
    assert account.created.tzinfo is UTC


@pytest.mark.trap(33)
@pytest.mark.parametrize(
    ("endpoint", "plain", "more"),
    [
        (ACCOUNTS, "accounts.json", "accounts_more_fields.json"),
        (BALANCES, "balances.json", "balances_more_fields.json"),
    ],
)
def test_undocumented_fields_change_nothing(endpoint: Endpoint[object], plain: str, more: str) -> None:
    """Fields that only the wild has (``hashed_api_key``, ``valid``, ``available_balance``) are ignored."""
    known, wild = recorded(plain), recorded(more)

    assert known.body != wild.body
    assert parse(endpoint, known) == parse(endpoint, wild)


@pytest.mark.trap(8)
@pytest.mark.parametrize("endpoint", WRITES, ids=lambda endpoint: endpoint.name)
@pytest.mark.parametrize("file", ["created.json", "leverage_set.json"])
def test_the_message_of_a_write_means_nothing(endpoint: Endpoint[None], file: str) -> None:
    """Any documented acknowledgement ends any write, and its text is not handed on."""
    endpoint.decode(recorded(file).body)

    assert parse(endpoint, recorded(file)) is None


@pytest.mark.trap(40)
@pytest.mark.parametrize("endpoint", [BALANCES, CACHED_BALANCES, ACCOUNTS, *WRITES], ids=lambda e: e.name)
def test_a_login_page_is_no_answer(endpoint: Endpoint[object]) -> None:
    """A 200 with a web page is a DecodeError that says so, gives the status and is not worth a repeat."""
    failure = refusal(endpoint, recorded("200_login.html"))

    said = "HTTP 200, but its body does not decode (a web page, not JSON): "
    assert str(failure).startswith(f"{endpoint.label}: {said}")
    assert failure.malformed is False
