"""A token in the place of a name, an account or a profile: no refusal repeats it."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.command import done
from tread_async.cli.masking import masked
from tread_async.simulator import Simulator

TOKEN = "0123456789abcdef0123456789abcdef01234567"
LETTERS = st.text("abcXYZ0189", min_size=25, max_size=60)


@pytest.mark.parametrize(
    "arguments",
    [
        ("balances", TOKEN),
        ("balances", "--account", TOKEN),
        ("balances", "--account", f"desk-a/{TOKEN}"),
        ("balances", "--profile", TOKEN),
        ("balances", "--token", TOKEN),
        ("balances", f"--profile={TOKEN}"),
        ("balances", "--exchange", TOKEN),
        ("balances", "--min-notional", TOKEN),
        ("balances", "--source", TOKEN),
        ("accounts", "list", "--account", TOKEN),
        ("accounts", "archive", TOKEN, "--yes"),
        ("doctor", "--profile", TOKEN),
        ("watch", "--account", TOKEN, "--rounds", "1"),
        ("leverage", "show", "--account", TOKEN),
        ("leverage", "set", "5", "--pair", "ETH:PERP-USDT", "--account", TOKEN, "--yes"),
        (TOKEN,),
    ],
)
async def test_a_token_in_the_arguments_is_not_on_the_screen(arguments: tuple[str, ...]) -> None:
    """The command refuses, and stands for it with asterisks."""
    async with Simulator(seed=7, accounts=2, assets=1) as sim:
        code, out, err = await done(sim, *arguments)

    assert code not in (0, None)
    assert TOKEN not in out + err
    assert "Traceback" not in err


@given(LETTERS, st.sampled_from(["{}", "--token={}", "desk/{}"]))
def test_only_what_looks_like_a_token_is_masked(token: str, form: str) -> None:
    """And only where it is of the arguments: what the server calls an account is shown."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["tread", "balances", form.format(token), "a-short-name"])
        said = masked(f"there is no account {token!r}, nor 'a-short-name', nor {'q' * 30!r}")

    assert said == f"there is no account '***', nor 'a-short-name', nor '{'q' * 30}'"
