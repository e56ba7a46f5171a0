"""What stands below the table, what it costs, and whose accounts they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.cli.test_watch_json import update
from tests.support.balances import balance
from tread_async import (
    DEFAULT_BASE_URL,
    AccountKey,
    AuthError,
    ClientStats,
    Failed,
    Missing,
    Ok,
    ServerError,
    Stale,
    UsageError,
)
from tread_async.cli.connecting import Connection
from tread_async.cli.watch_notes import notes
from tread_async.cli.watch_rates import Meter, Rates

A, B, C, D = [AccountKey("desk", name) for name in "abcd"]
RATES = Rates(requests=12.34, retries=0.5, received_bytes=1_234_567.0, cpu=0.071)


def below(outcomes: dict[AccountKey, Any], *, symbol: str | None = None, **more: Any) -> list[str]:
    shown = more.pop("shown", len(outcomes))
    return notes(update(outcomes, **more), RATES, shown=shown, symbol=symbol)


def test_a_whole_snapshot_has_a_total() -> None:
    """The first sentence counts; the last ones are about the round and the costs."""
    whole, since, cost = below({A: Ok(balance("a", equity="1234.5")), B: Ok(balance("b", equity="0.10"))})

    assert whole == "2 accounts: 2 ok; equity of all: 1,234.60"
    assert since.startswith("round 3 of ")
    assert since.endswith(", 2 changed, 1 skipped, 2 answers were older than shown")
    assert cost == "12.3 requests/s, 0.5 retries/s, 1,234.6 kB/s, CPU 7%"


def test_an_incomplete_one_has_none() -> None:
    """Nor one in which an account does not state its equity; what the table leaves out is counted."""
    held = Ok(balance("a"))
    outcomes = {A: held, B: Missing(), C: Failed(ServerError(500, "no")), D: Stale(balance("d"))}

    assert below(outcomes, shown=3)[0] == (
        "4 accounts: 1 ok, 1 stale, 1 failed, 1 missing; 3 are in the table; equity of all: ?"
    )
    assert below({A: held, B: Ok(balance("b", equity=None))})[0].endswith("equity of all: ?")
    assert "positions of ETH\\x" not in below({A: held}, symbol="ETH\x1b[2J")[0]
    assert "; positions of ETH  only; " in below({A: held}, symbol="ETH\x1b[2J")[0]
    assert below({})[0] == "no account; equity of all: 0"
    assert below({}, unlisted={"b": ServerError(500, "no")})[0] == "accounts not known; equity of all: ?"


def test_each_trouble_is_a_sentence_and_they_are_few() -> None:
    """What a token has, what the server says in general, and who was not asked for."""
    held = {A: Ok(balance("a"))}
    told = below(
        held,
        unlisted={"b\x1b[31m": ServerError(500, "no")},
        errors={"desk": ({"what": "x"},)},
        unexpected=(B, C),
        ended={"c": AuthError(401, "refused")},
    )
    assert told[1:-2] == [
        "c is not polled any more: HTTP 401: refused",
        "b  could not be listed: HTTP 500: no",
        "desk: the server says: {'what': 'x'}",
        "not asked for, and answered: desk/b, desk/c",
    ]

    many = below(held, unlisted={f"t{number}": ServerError(500, "no") for number in range(9)})
    assert len(many) == 7
    assert many[4] == "and 6 more such troubles"


def stats(*each: tuple[int, int, int]) -> dict[str, ClientStats]:
    return {
        str(place): ClientStats(
            requests_sent=sent, bytes_received=received, retries={"HTTP 500": again, "x": 1}
        )
        for place, (sent, received, again) in enumerate(each)
    }


def test_rates_are_of_the_time_between() -> None:
    """Of all tokens together; one that has sent nothing yet is not in the counters."""
    meter = Meter(now_s=100.0, cpu_s=1.0)

    assert meter.read(stats((4, 1000, 1)), now_s=102.0, cpu_s=1.5) == Rates(2.0, 1.0, 500.0, 0.25)
    assert meter.read(stats((6, 1000, 1), (2, 50, 0)), now_s=102.5, cpu_s=1.5) == Rates(8.0, 2.0, 100.0, 0.0)
    assert meter.read(stats((7, 1000, 1), (2, 50, 0)), now_s=102.5, cpu_s=1.6) == Rates(8.0, 2.0, 100.0, 0.0)
    assert meter.read(stats((7, 1000, 1), (2, 50, 0)), now_s=103.5, cpu_s=1.6).requests == 1.0


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so does the server; what is empty is not set."""
    monkeypatch.setenv("TREAD_API_TOKEN", "")
    with pytest.raises(UsageError, match="TREAD_API_TOKEN"):
        Connection().desk()
    monkeypatch.setenv("TREAD_API_TOKEN", "canary")
    for base_url, server in (("", DEFAULT_BASE_URL), ("https://example.com", "https://example.com")):
        monkeypatch.setenv("TREAD_BASE_URL", base_url)
        assert f" {server} " in repr(Connection().desk())


def test_a_total_has_every_digit() -> None:
    """It is not cut like those in the table."""
    long = "1234567890.12345678901234567890"

    assert below({A: Ok(balance("a", equity=long))})[0].endswith(f"{Decimal(long):,f}")
