"""Writes that are refused of accounts that have the value all the same: said in words, never hidden."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.command import done, only_lines
from tread_async.simulator import Simulator

PAIR = "ETH:PERP-USDT"
SET = ("leverage", "set", "5", "--pair", PAIR)


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """Whose accounts have a leverage of 5 already, and which refuses to set it."""
    async with Simulator(seed=7, accounts=3, assets=3) as opened:
        await done(opened, *SET, "--all", "--yes")
        opened.fail(endpoint="set_leverage", status=403)
        yield opened


def named(sim: Simulator, count: int) -> list[str]:
    return [part for account in sim.accounts()[:count] for part in ("--account", account.name)]


@pytest.mark.parametrize(("count", "verbs"), [(1, ("was", "has")), (2, ("were", "have"))])
async def test_one_and_several_are_told_alike(sim: Simulator, count: int, verbs: tuple[str, str]) -> None:
    """Each line, the count below and the words on stderr have the refusal; the code is that of the state."""
    code, out, err = await done(sim, *SET, *named(sim, count), "--yes")

    *lines, total = out.splitlines()
    assert code == 0
    assert total == f"{count} there all the same"
    assert len(lines) == 1 + count
    assert all("has it" in line for line in lines[1:])
    assert all("refused; it has 5 all the same: HTTP 403: " in line for line in lines[1:])
    assert "applied" not in out
    was, has = verbs
    remark = f"tread leverage set: {count} of {count} {was} refused and {has} it all the same: HTTP 403: "
    assert err.splitlines()[-1].startswith(remark)


@pytest.mark.parametrize(("count", "outcome"), [(1, "not_applied"), (2, "applied")])
async def test_machines_are_told(sim: Simulator, count: int, outcome: str) -> None:
    """What is known of the call, and what the server answered."""
    arguments = (*SET, *named(sim, count), "--yes")
    document = json.loads((await done(sim, *arguments, "--json"))[1])
    lines = only_lines((await done(sim, *arguments, "--jsonl"))[1])
    sheet = [*csv.DictReader((await done(sim, *arguments, "--csv"))[1].splitlines())]

    for record in (*document["outcomes"].values(), *lines):
        assert (record["outcome"], record["status"], record["verification"]) == (outcome, 403, "confirmed")
        assert set(record) >= {"error", "message", "seen"}
    assert [line["status"] for line in sheet] == ["403"] * count
    assert document["counts"][outcome] == count


async def test_who_does_not_have_it_is_not_applied() -> None:
    """However many others have it."""
    async with Simulator(seed=7, accounts=3, assets=3) as sim:
        await done(sim, *SET, *named(sim, 2), "--yes")
        sim.fail(endpoint="set_leverage", status=403)
        code, out, err = await done(sim, *SET, "--all", "--yes")

    assert code == 3
    assert out.endswith("\n2 there all the same, 1 not applied\n")
    assert "2 of 3 were refused and have it all the same: HTTP 403" in err


async def test_a_write_without_an_answer_is_told_from_a_refusal() -> None:
    """Nobody acknowledged it, and it is there."""
    async with Simulator(seed=7, accounts=1, assets=3) as sim:
        sim.fail(endpoint="set_leverage", drop="after", times=100)
        code, out, err = await done(sim, *SET, "--all", "--yes")

    assert code == 0
    assert "not acknowledged; it has 5 all the same: " in out
    assert "1 of 1 was not acknowledged and has it all the same: " in err


async def test_a_plan_is_applied_to_accounts_that_have_it(sim: Simulator, tmp_path: Path) -> None:
    """Somebody else has set it since the plan was made."""
    path = tmp_path / "plan.json"
    await done(sim, "leverage", "plan", "--pair", PAIR, "--leverage", "6", *named(sim, 2), "--out", str(path))
    path.write_text(path.read_text().replace('"wanted": "6"', '"wanted": "5"'))
    code, out, err = await done(sim, "leverage", "apply", str(path), "--yes")

    assert code == 0
    assert "refused; it has 5 all the same: HTTP 403: " in out
    assert "tread leverage apply: 2 of 2 were refused and have it all the same: HTTP 403: " in err
