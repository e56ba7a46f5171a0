"""What `tread watch` refuses, with which code it ends, and what its help costs."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from tests.support.balances import balance
from tests.support.command import done
from tread_async import (
    AccountError,
    AccountKey,
    AuthError,
    Failed,
    Missing,
    NotSentError,
    Ok,
    RateLimitedError,
    ServerError,
    Snapshot,
    Stale,
    TransportError,
    UsageError,
)
from tread_async.cli import watch
from tread_async.cli.ending import code_of, code_of_snapshot
from tread_async.cli.watch_choice import Choice, Sort, Source

KEYS = [AccountKey("desk", name) for name in "abc"]
OK, STALE, MISSING = Ok(balance()), Stale(balance()), Missing()
REFUSED = Failed(AuthError(401, "no"))
THROTTLED = Failed(RateLimitedError(429, "no"))
BROKEN = Failed(ServerError(500, "no"))


@pytest.mark.parametrize(
    ("choice", "environment", "said"),
    [
        ({}, {"TREAD_API_TOKEN": ""}, "there is no API token; set TREAD_API_TOKEN in the environment"),
        ({}, {"TREAD_BASE_URL": "http://example.com"}, "https"),
        ({"source": Source.AUTO}, {}, "--source auto needs --max-age"),
        ({"json": True, "sort": Sort.PNL}, {}, "--json has --account"),
        ({"json": True, "exchange": "OKX"}, {}, "--json has --account"),
        ({"json": True, "symbol": "ETH"}, {}, "--json has --account"),
        ({"json": True, "min_notional": Decimal(0)}, {}, "--json has --account"),
        ({"interval_s": 0.0}, {}, "interval_s"),
    ],
)
async def test_wrong_usage_is_a_sentence_and_code_2(
    choice: dict[str, Any],
    environment: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Nothing is sent, and nothing stands on stdout."""
    for name, value in ({"TREAD_API_TOKEN": "canary-of-the-watch"} | environment).items():
        monkeypatch.setenv(name, value)
    code = await watch.run(Choice(**choice))

    out, err = capfd.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("tread watch: ")
    assert said in err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--min-notional", "NaN"), ("--min-notional", "much"), ("--rounds", "0"), ("--sort", "name")],
)
async def test_a_wrong_value_is_named(option: str, value: str) -> None:
    """With its option, on stderr."""
    code, out, err = await done(None, "watch", option, value)

    assert (code, out) == (2, "")
    assert option in err
    assert "Traceback" not in err


def still_to_wait() -> NotSentError:
    """What a call gets while the wait of an earlier 429 lasts."""
    error = NotSentError("the server asked to wait")
    error.retry_after_s = 20.0
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no"), 2),
        (AuthError(401, "no"), 5),
        (RateLimitedError(429, "no"), 6),
        (still_to_wait(), 6),
        (NotSentError("no"), 1),
        (ServerError(500, "no"), 1),
        (TransportError("no"), 1),
    ],
)
def test_an_error_has_its_code(error: Any, code: int) -> None:
    """As the documentation has them."""
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("outcomes", "more", "code"),
    [
        ([OK, OK], {}, 0),
        ([], {}, 0),
        ([OK, STALE], {}, 4),
        ([STALE, STALE], {}, 4),
        ([OK, MISSING], {}, 3),
        ([STALE, MISSING], {}, 3),
        ([OK, REFUSED], {}, 3),
        ([STALE, THROTTLED], {}, 3),
        ([REFUSED, REFUSED], {}, 5),
        ([THROTTLED], {}, 6),
        ([BROKEN, BROKEN], {}, 1),
        ([REFUSED, THROTTLED], {}, 3),
        ([MISSING], {}, 3),
        ([], {"unlisted": {"desk": AuthError(401, "no")}}, 5),
        ([OK], {"unlisted": {"desk": AuthError(401, "no")}}, 3),
        ([STALE], {"unlisted": {"desk": AuthError(401, "no")}}, 3),
        ([STALE], {"errors": {"desk": ("what",)}}, 3),
        ([STALE], {"unexpected": (KEYS[0],), "of_all": True}, 3),
        ([STALE], {"unexpected": (KEYS[0],)}, 4),
        ([Failed(AccountError("no"))], {}, 1),
    ],
)
def test_a_snapshot_has_its_code(outcomes: list[Any], more: dict[str, Any], code: int) -> None:
    """Partial is more than stale; where nothing was read, the reason counts, if there is one for all."""
    snapshot = Snapshot(outcomes=dict(zip(KEYS, outcomes, strict=False)), **more)

    assert code_of_snapshot(snapshot) == code


def test_help_loads_no_aiohttp() -> None:
    """Neither that of all commands nor that of the watch; each option has an example."""
    script = (
        "import sys; from tread_async.cli import main\n"
        "for arguments in (['--help'], ['watch', '--help']):\n"
        "    sys.argv[1:] = arguments\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code\n"
        "print(*sorted(name.split('.')[0] for name in sys.modules), file=sys.stderr)"
    )
    helped = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "tread_async" in helped.stderr.split()
    assert "aiohttp" not in helped.stderr.split()
    assert "until Ctrl-C" in helped.stdout
    assert helped.stdout.count("Example:") == 15
