"""Bodies that are JSON of a kind: what cannot be meant is refused in few words, what can be is read."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.samples import ONE_TRY, READS
from tests.support.wire import Wire, reply
from tread_async import DecodeError

LONGEST_S = 0.05
DIGITS = b"7" * 1_000_000


def with_amount(name: str, amount: bytes) -> bytes:
    """A good answer to the read *name*, with *amount* where an amount stands."""
    row = b'{"symbol":"USDT","%b":%b}' % (b"size" if name == "balances" else b"amount", amount)
    if name == "balances":
        return b'{"x":{"exchange":"Gate","assets":[%b]}}' % row
    return b'{"balances":[{"account_name":"x","account_id":"1","assets":[%b]}]}' % row


AMOUNTS = {
    "a megabyte of digits": DIGITS,
    "a megabyte in a text": b'"' + DIGITS + b'"',
    "NaN": b'"NaN"',
    "sNaN": b'"sNaN"',
    "no number": b"NaN",
    "a huge exponent": b'"1e999999999"',
    "a huge exponent, no text": b"1e999999999",
    "underscores": b'"1_000"',
    "half a surrogate pair": b'"\\ud800"',
}


class LongestTurn:
    """How long the loop was held at once, in CPU seconds: a machine that stalls does not count."""

    async def __aenter__(self) -> LongestTurn:
        self.seconds = 0.0
        self._task = asyncio.create_task(self._tick())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            self.seconds = max(self.seconds, time.thread_time() - before)


async def refused(connect: Callable[..., Any], name: str, body: bytes) -> DecodeError:
    """The error of a read that is answered with *body*, which does not hold the loop."""
    async with Wire(reply(body)) as wire:
        client = await connect(wire, retry=ONE_TRY)
        async with LongestTurn() as turn:
            with pytest.raises(DecodeError, match="HTTP 200") as caught:
                await READS[name](client)

    assert turn.seconds < LONGEST_S
    assert len(str(caught.value)) < 700
    return caught.value


@pytest.mark.fault("F27")
@pytest.mark.parametrize("name", ["balances", "cached_balances"])
@pytest.mark.parametrize("amount", AMOUNTS)
async def test_an_amount_that_is_none(connect: Callable[..., Any], name: str, amount: str) -> None:
    """It is refused by the place where it stands, and not repeated."""
    error = await refused(connect, name, with_amount(name, AMOUNTS[amount]))

    if not error.malformed:
        assert "assets[0]." in str(error)
    assert not [text for text in ("7777", "nan", "1e9", "1_0", "999") if text in str(error).lower()]


@pytest.mark.fault("F27")
@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: b"[" * 100_000 + body,
        lambda body: b'{"x":' * 100_000 + body,
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: body.replace(b"Gate", b"Ga\xff"),
        lambda body: body.replace(b"Gate", b"\\ud800"),
    ],
    ids=["nested lists", "nested objects", "byte order mark", "bad UTF-8", "half a surrogate pair"],
)
async def test_bytes_that_are_no_json(connect: Callable[..., Any], name: str, spoil: Any) -> None:
    """However deep or odd, a body that is no JSON is refused at once, in one line."""
    good: Any = [{"id": "1", "name": "Gate", "exchange": "Gate"}]
    if name != "accounts":
        good = json.loads(with_amount("balances" if name == "balances" else "cached_balances", b"1"))
        good = json.loads(json.dumps(good).replace('"x"', '"Gate"'))
    error = await refused(connect, name, spoil(json.dumps(good).encode()))

    assert str(error).isprintable()


MORE = {"new_field": {"a": [1]}, "another": None}


@pytest.mark.fault("F28")
async def test_what_is_not_known_yet(connect: Callable[..., Any]) -> None:
    """Unknown fields are ignored, unknown words kept, what is absent is None; any rows are read."""
    words = {"asset_type": "swap", "market_type": "lunar"}
    rows = [{"symbol": s, "size": 1, "amount": "1", **words, **MORE} for s in ("A", "B", "C")]
    account = {"exchange": "Moon", "assets": rows, **MORE}
    cached = account | {"account_name": "x", "account_id": "1"}
    listed = {"id": "1", "name": "x", "exchange": "Moon", "margin_mode": "SIDEWAYS", **MORE}
    answers = [{"x": account}, {"balances": [cached], **MORE}, [listed, listed | {"id": "2"}]]
    async with Wire([reply(answer) for answer in answers]) as wire:
        client = await connect(wire)
        live, kept, accounts = (
            await client.balances(),
            await client.cached_balances(),
            await client.accounts(),
        )

    for found in (live["x"], kept.balances[0]):
        assert [(row.symbol, row.asset_type) for row in found.assets] == [
            ("A", "swap"), ("B", "swap"), ("C", "swap"),
        ]  # fmt: skip
    assert (kept.errors, kept.balances[0].equity, kept.balances[0].as_of) == ((), None, None)
    assert [(one.id, one.margin_mode, one.created_at) for one in accounts] == [
        ("1", "SIDEWAYS", None), ("2", "SIDEWAYS", None),
    ]  # fmt: skip


@pytest.mark.fault("F30")
@pytest.mark.parametrize(
    ("errors", "found"),
    [(None, ()), ([], ()), ([{"name": "y", "why": "down"}, 5], ({"name": "y", "why": "down"}, 5)), (..., ())],
    ids=["null", "empty", "some", "absent"],
)
@pytest.mark.parametrize("stamp", [-1, 0, 4_102_444_800_000, 2**62, None])
async def test_cached_errors_and_odd_times(
    connect: Callable[..., Any], errors: Any, found: Any, stamp: int | None
) -> None:
    """What could be read is there beside what could not, whatever the time stamp says."""
    row = {"account_name": "x", "account_id": "1", "assets": [], "timestamp_millis": stamp}
    body: dict[str, Any] = {"balances": [row]} | ({} if errors is ... else {"errors": errors})
    async with Wire(reply(body)) as wire:
        client = await connect(wire)
        answer = await client.cached_balances()

    assert [one.account_name for one in answer.balances] == ["x"]
    assert answer.errors == found
    assert (answer.balances[0].as_of is None) == (stamp in (None, 2**62))
