"""What `tread watch` refuses, with which code it ends, and what its help costs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.support.balances import balance
from tread_async import (
    AccountError,
    AccountKey,
    AuthError,
    Failed,
    Missing,
    Ok,
    RateLimitedError,
    ServerError,
    Snapshot,
    Stale,
    TransportError,
    UsageError,
)
from tread_async.cli.app import app
from tread_async.cli.ending import code_of, code_of_snapshot

KEYS = [AccountKey("desk", name) for name in "abc"]
OK, STALE, MISSING = Ok(balance()), Stale(balance()), Missing()
REFUSED = Failed(AuthError(401, "no"))
THROTTLED = Failed(RateLimitedError(429, "no"))
BROKEN = Failed(ServerError(500, "no"))


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ((), {"TREAD_API_TOKEN": ""}, "there is no API token; set TREAD_API_TOKEN in the environment"),
        ((), {"TREAD_BASE_URL": "http://example.com"}, "https"),
        (("--source", "auto"), {}, "--source auto needs --max-age"),
        (("--json", "--sort", "pnl"), {}, "--json has --account"),
        (("--json", "--exchange", "OKX"), {}, "--json has --account"),
        (("--json", "--symbol", "ETH"), {}, "--json has --account"),
        (("--json", "--min-notional", "0"), {}, "--json has --account"),
        (("--interval", "0"), {}, "interval_s"),
        (("--min-notional", "NaN"), {}, "is not a number"),
        (("--min-notional", "much"), {}, "is not a number"),
        (("--rounds", "0"), {}, "--rounds"),
        (("--sort", "name"), {}, "--sort"),
    ],
)
def test_wrong_usage_is_a_sentence_and_code_2(
    arguments: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    """Nothing is sent, and nothing stands on stdout."""
    token = {"TREAD_API_TOKEN": "canary-of-the-watch", "NO_COLOR": "1"}
    done = CliRunner().invoke(app, ["watch", *arguments], env=token | environment)

    assert (done.exit_code, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
    assert "canary" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no"), 2),
        (AuthError(401, "no"), 5),
        (RateLimitedError(429, "no"), 6),
        (ServerError(500, "no"), 1),
        (TransportError("no"), 1),
    ],
)
def test_an_error_has_its_code(error: Any, code: int) -> None:
    """As the README has them."""
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
        "import sys; from typer.testing import CliRunner; from tread_async.cli.app import app\n"
        "for arguments in (['--help'], ['watch', '--help']):\n"
        "    done = CliRunner().invoke(app, arguments)\n"
        "    print(done.output)\n"
        "assert done.exit_code == 0\n"
        "print(*sorted(name.split('.')[0] for name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "tread_async" in done.stderr.split()
    assert "aiohttp" not in done.stderr.split()
    assert "until Ctrl-C" in done.stdout
    assert done.stdout.count("Example:") == 12
