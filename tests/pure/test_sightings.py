"""What a list of accounts says of a write, as a pure function: every case, and the words for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tread_async._sightings import Archived, Created, Sighting, Updated
from tread_async.models import Account
from tread_async.secret import Secret

BEGAN_S = 1_800_000_000.0
KEY = "key-of-ours"


def account(*, made_s: float | None = 0.0, **changes: Any) -> Account:
    """The account that is looked for, listed as made so many seconds after the write began."""
    created_at = None if made_s is None else datetime.fromtimestamp(BEGAN_S + made_s, UTC).isoformat()
    fields = {"id": "9", "name": "new", "exchange": "Binance", "api_key": KEY, "archived": False}
    return Account(**fields | {"created_at": created_at} | changes)


def created() -> Created:
    return Created("new", "Binance", Secret(KEY))


def seen(*accounts: Account, began_s: float | None = BEGAN_S, acknowledged: bool = False) -> Sighting:
    return created().seen_in(iter(accounts), began_s, acknowledged=acknowledged)


ABSENT = Sighting(absent="no account 'new' is listed")
MAYBE = Sighting(note="no account 'new' is listed; one that was archived or renamed since may be it")
NOT_ITS_KEY = Sighting(note="an account 'new' is listed, but not with the same API key")
UNDATED = Sighting(note="an account 'new' is listed, but not whether it was there before")
BEFORE = Sighting(conflict="an account 'new' was there before")
BEFORE_MAYBE = Sighting(note="an account 'new' was there before, by clocks that may differ")
ELSEWHERE = Sighting(note="an account 'new' is listed on 'Gate'")


@pytest.mark.parametrize("made_s", [-120.0, 0.0, 500.0])
@pytest.mark.parametrize("acknowledged", [True, False])
@pytest.mark.parametrize("exchange", ["Binance", "BINANCE"])
def test_it_is_listed(made_s: float, acknowledged: bool, exchange: str) -> None:
    """Of that name, exchange and key, and made since, give or take two minutes."""
    ours = account(made_s=made_s, exchange=exchange)

    assert seen(ours, acknowledged=acknowledged) == Sighting(account=ours)
    assert created().shown(ours) == "9"


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        (account(exchange="Gate"), ELSEWHERE),
        (account(api_key="another"), NOT_ITS_KEY),
        (account(api_key=None), NOT_ITS_KEY),
        (account(made_s=None), UNDATED),
        (account(made_s=-121.0), BEFORE_MAYBE),
        (account(made_s=-3600.0), BEFORE_MAYBE),
        (account(made_s=-3601.0), BEFORE),
        (account(archived=True), MAYBE),
        (account(name="renamed"), MAYBE),
        (account(name="renamed", archived=True, api_key=None), MAYBE),
        (account(name="renamed", archived=None, api_key=None), MAYBE),
        (account(name="renamed", archived=True, made_s=-121.0), ABSENT),
        (account(name="renamed", made_s=-121.0), ABSENT),
        (account(name="another", api_key="another"), ABSENT),
        (account(name="another", api_key=None), ABSENT),
    ],
)
def test_one_that_may_or_may_not_be_it(listed: Account, says: Sighting) -> None:
    """Each thing that is not as it was asked for leaves it open; only age is a proof against it."""
    assert seen(listed) == says


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ({"api_key": None}, True),
        ({"made_s": None}, True),
        ({"made_s": -9000.0}, True),
        ({"exchange": "Gate"}, False),
    ],
)
def test_what_was_acknowledged(listed: dict[str, Any], found: bool) -> None:
    """After a success whoever has the name on that exchange is the one."""
    one = account(**listed)

    assert seen(one, acknowledged=True) == (Sighting(account=one) if found else ELSEWHERE)


def test_several() -> None:
    """The younger one of a name is it; two that may be it are none; all must be older for a proof."""
    ours, older, old = account(), account(made_s=-9000.0), account(made_s=-200.0)
    two = Sighting(note="2 accounts 'new' are listed")

    assert seen(older, ours) == seen(ours, older) == Sighting(account=ours)
    assert seen(ours, account(id="10")) == two
    assert seen(older, old, acknowledged=True) == two
    assert seen(older, old) == BEFORE_MAYBE
    assert seen(older, older) == BEFORE
    assert seen(account(name="renamed"), account(name="x", archived=True, made_s=-9000.0)) == MAYBE
    for other in (account(id="10", name="renamed"), account(id="10", name="x", archived=True, api_key=None)):
        assert seen(ours, other) == seen(other, ours) == Sighting(account=ours, alone=False)
    assert seen(ours, account(id="10", name="another", api_key="another")) == Sighting(account=ours)
    assert seen() == ABSENT


def test_a_server_without_a_clock() -> None:
    """Where the server did not say when it began, no account is known to be older."""
    assert seen(account(made_s=-9000.0), began_s=None) == UNDATED
    assert seen(account(name="renamed", made_s=-9000.0), began_s=None) == MAYBE


def test_archived() -> None:
    """By its id alone, and under whatever name it has now."""
    archived = Archived("9")
    gone = account(name="new_x", archived=True)
    others = [account(id="1", archived=True), account(id="2")]

    assert archived.seen_in([*others, gone], BEGAN_S, acknowledged=False) == Sighting(account=gone)
    assert archived.shown(gone) == "new_x"
    for not_yet in (account(), account(archived=None)):
        assert archived.seen_in([*others, not_yet], BEGAN_S, acknowledged=True) == Sighting(
            absent="the account 9 is listed, and not as archived"
        )
    assert archived.seen_in(others, BEGAN_S, acknowledged=True) == Sighting(
        note="the account 9 is not listed at all"
    )


def test_updated() -> None:
    """Found where that account has that mode; another mode, or another account, proves nothing."""
    updated = Updated("9", "CROSS")
    ours = account(margin_mode="CROSS")
    others = [account(id="1", margin_mode="CROSS"), account(margin_mode="CASH")]

    assert updated.seen_in([*others, ours], BEGAN_S, acknowledged=False) == Sighting(account=ours)
    assert updated.shown(ours) == "CROSS"
    assert updated.seen_in(others, BEGAN_S, acknowledged=True) == Sighting()
