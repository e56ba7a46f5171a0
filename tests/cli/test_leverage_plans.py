"""`tread leverage plan` and `apply` as a process, with the file between them."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import done, on_a_terminal, only_lines, started, until
from tread_async.simulator import Simulator

PAIR = "ETH:PERP-USDT"
WANTED = ("--pair", PAIR, "--leverage", "7", "--all")


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """One whose clock is that of the process."""
    async with Simulator(seed=7, accounts=6, assets=3) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


async def made(sim: Simulator, path: Path, **changes: Any) -> str:
    """The path of a plan, of which somebody has edited *changes*."""
    await done(sim, "leverage", "plan", *WANTED, "--out", str(path))
    edit(path, changes)
    return str(path)


def document(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def edit(path: Path, changes: dict[str, Any]) -> None:
    path.write_text(json.dumps(document(path) | changes))


async def test_a_plan_is_made_read_and_applied(sim: Simulator, path: Path) -> None:
    """Only what differs is sent, and afterwards nothing differs."""
    await done(sim, "leverage", "set", "7", "--pair", PAIR, "--account", sim.accounts()[0].name, "--yes")
    sim.journal.clear()
    code, out, err = await done(sim, "leverage", "plan", *WANTED, "--out", str(path))
    assert (code, err) == (0, f"tread leverage plan: 5 changes in {path}\n")
    assert out.endswith("\n5 to change, 1 so already, 0 unknown\n")
    assert not sim.journal.changes

    code, out, err = await done(sim, "leverage", "apply", str(path), "--yes")
    again = await done(sim, "leverage", "plan", *WANTED, "--jsonl")
    nothing = await done(sim, "leverage", "apply", await made(sim, path), "--yes")

    assert code == 0
    assert err == f"At {sim.url}: sets 5 leverages of 5 accounts (5 of token).\n"
    assert "5 applied\n1 were so already" in out
    assert {change.name for change in sim.journal.changes} == {one.name for one in sim.accounts()[1:]}
    assert [line["verdict"] for line in only_lines(again[1])] == ["already"] * 6
    assert (nothing[0], nothing[2]) == (0, "")


async def test_the_file_is_what_json_shows_and_has_no_secret(sim: Simulator, path: Path) -> None:
    """So either makes a plan that can be applied."""
    code, out, _ = await done(sim, "leverage", "plan", *WANTED, "--json", "--out", str(path))

    assert code == 0
    assert document(path) == json.loads(out)
    assert json.loads(out)["counts"] == {"change": 6, "already": 0, "unknown": 0}
    assert json.loads(out)["base_url"] == sim.url
    assert sim.tokens[0] not in out


async def test_a_wish_from_a_file(sim: Simulator, tmp_path: Path) -> None:
    """Each account has a leverage of its own, exact to the last digit."""
    first, second = sim.accounts()[:2]
    wish = tmp_path / "wish.json"
    wish.write_text(f'{{"{PAIR}": {{"{first.name}": 2.10, "token/{second.name}": "3"}}}}')
    code, out, _ = await done(sim, "leverage", "plan", str(wish), "--jsonl")

    assert code == 0
    assert [(line["account"], line["wanted"]) for line in only_lines(out)] == [
        (first.name, "2.10"), (second.name, "3"),
    ]  # fmt: skip


async def test_what_is_unknown_is_said_and_left_alone(path: Path) -> None:
    """An account without a position of the pair: the plan is a part, and so is what comes of it."""
    async with Simulator(seed=7, accounts=2, assets=1) as sim:
        planned = await done(sim, "leverage", "plan", *WANTED, "--out", str(path))
        applied = await done(sim, "leverage", "apply", str(path), "--yes", "--json")

    assert (planned[0], applied[0]) == (3, 3)
    assert "no open position says its leverage" in planned[1]
    assert json.loads(applied[1])["left_unknown"] == 2
    assert json.loads(applied[1])["ok"] is False
    assert not sim.journal.count("set_leverage")


async def test_a_dry_run_shows_the_plan(sim: Simulator, path: Path) -> None:
    """And sends no write."""
    code, out, err = await done(sim, "leverage", "apply", await made(sim, path), "--dry-run")

    assert code == 0
    assert "6 to change" in out
    assert err.endswith("This is a dry run: no write was sent.\n")
    assert not sim.journal.changes


async def test_it_asks(sim: Simulator, path: Path) -> None:
    """And a no is heeded."""
    plan = await made(sim, path)
    async with on_a_terminal(sim, "leverage", "apply", plan, columns=120, lines=30) as terminal:
        said = await terminal.until("Go on? [y/N] ")
        terminal.type("n\n")
        await terminal.rest()

    assert terminal.process.returncode == 1
    assert "sets 6 leverages of 6 accounts (6 of token)" in said
    assert not sim.journal.changes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_url": "https://app.tread.fi"}, "the plan was made for https://app.tread.fi, not for http"),
        ({"made_at": "2026-01-01T00:00:00Z"}, "older than 600 s; make a new one; nothing was sent"),
        ({"made_at": "2999-01-01T00:00:00Z"}, "in the future"),
        ({"made_at": "2026-01-01T00:00:00"}, "made_at has no time zone"),
        ({"version": 2}, "is not a leverage plan"),
        ({"entries": [{"account": "x"}]}, "is not a leverage plan"),
    ],
)
async def test_a_plan_that_does_not_fit_is_refused(
    sim: Simulator, path: Path, changes: dict[str, Any], said: str
) -> None:
    """In a sentence, with code 2, and nothing is sent."""
    code, out, err = await done(sim, "leverage", "apply", await made(sim, path, **changes), "--yes")

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("tread leverage apply: ")
    assert said in err
    assert not sim.journal.changes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"account": "other/x"}, "the plan is for the tokens other, not in use"),
        ({"wanted": "NaN"}, "leverage"),
        ({"wanted": "-5"}, "leverage"),
        ({"pair": "ETH"}, "pair is"),
    ],
)
async def test_an_entry_that_somebody_edited_is_checked(
    sim: Simulator, path: Path, change: dict[str, str], said: str
) -> None:
    """As what is given to `set` is."""
    await made(sim, path)
    entries = document(path)["entries"]
    entries[2] |= change
    code, out, err = await done(sim, "leverage", "apply", await made(sim, path, entries=entries), "--yes")

    assert (code, out) == (2, "")
    assert said in err
    assert not sim.journal.changes


async def test_two_entries_for_one_account(sim: Simulator, path: Path) -> None:
    """Nobody knows which is meant."""
    await made(sim, path)
    entries = document(path)["entries"]
    plan = await made(sim, path, entries=[*entries, entries[0] | {"wanted": "9"}])
    code, _, err = await done(sim, "leverage", "apply", plan, "--yes")

    assert code == 2
    assert "twice; nothing was sent" in err
    assert not sim.journal.changes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say a file, or --pair, --leverage and the accounts"),
        (("--pair", PAIR, "--all"), "say a file, or --pair, --leverage and the accounts"),
        (("--pair", PAIR, "--leverage", "5"), "say either --account"),
        (("wish.json", "--pair", PAIR), "say either a file, or"),
        (("/no/such/wish.json",), "/no/such/wish.json cannot be read: No such file or directory"),
        ((*WANTED, "--out", "/no/such/plan.json"), "/no/such/plan.json cannot be written: No such file"),
        ((*WANTED, "--max-age", "0"), "--max-age is above zero and at most 86400"),
    ],
)
async def test_wrong_usage_of_plan(sim: Simulator, arguments: tuple[str, ...], said: str) -> None:
    """It is a sentence, and code 2."""
    code, out, err = await done(sim, "leverage", "plan", *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("tread leverage plan: ")
    assert said in err


@pytest.mark.parametrize(
    "text", ["no JSON", "[]", '{"ETH:PERP-USDT": 5}', "{}", '{"ETH:PERP-USDT": {"x": true}}', "\udc80"]
)
async def test_a_wish_that_is_none(sim: Simulator, tmp_path: Path, text: str) -> None:
    """It is wrong usage, too."""
    wish = tmp_path / "wish.json"
    wish.write_bytes(text.encode(errors="surrogateescape"))
    code, out, err = await done(sim, "leverage", "plan", str(wish))

    assert (code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (f'{{"{PAIR}": {{"a": 3, "a": 4}}}}', f"{PAIR}: a is there 2 times"),
        (f'{{"{PAIR}": {{"a": 3}}, "{PAIR}": {{"b": 3}}}}', f"{PAIR} is there 2 times"),
        (f'{{"{PAIR}": {{"a": 0}}}}', f"{PAIR} of a: leverage is above zero"),
        ('{"ETH": {"a": 3}}', "ETH of a: pair is BASE"),
        (f'{{"{PAIR}": {{"a": [3]}}}}', f"{PAIR} of a: leverage is an int, a str or a Decimal"),
        (f'{{"{PAIR}": 3}}', "has no accounts"),
        ("[]", "is not {pair: {account: leverage}}"),
    ],
)
async def test_a_wish_that_cannot_be_meant_is_refused(
    sim: Simulator, tmp_path: Path, wish: str, said: str
) -> None:
    """The sentence has the file, and the pair and account that are wrong."""
    path = tmp_path / "wish.json"
    path.write_text(wish)
    code, out, err = await done(sim, "leverage", "plan", str(path))

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert str(path) in err
    assert said in err
    assert not sim.journal.requests


@pytest.mark.parametrize(
    ("entry", "said"),
    [({"wanted": "0"}, "leverage is above zero"), ({"pair": "ETH"}, "pair is BASE")],
)
async def test_an_entry_of_a_plan_that_cannot_be_set_is_named(
    sim: Simulator, path: Path, entry: dict[str, str], said: str
) -> None:
    """By its pair and account."""
    await made(sim, path)
    first, *rest = document(path)["entries"]
    edit(path, {"entries": [first | entry, *rest]})
    code, _, err = await done(sim, "leverage", "apply", str(path), "--yes")

    assert code == 2
    assert f"{path}: {entry.get('pair', PAIR)} of {first['account']}: {said}" in err
    assert "nothing was sent" in err
    assert not sim.journal.changes


@pytest.mark.parametrize("age_s", [1e9, 86400.5, 0, -1])
async def test_no_plan_is_good_for_more_than_a_day(sim: Simulator, path: Path, age_s: float) -> None:
    """Whatever somebody asks for, or has written into the file."""
    asked = await done(sim, "leverage", "plan", *WANTED, "--max-age", str(age_s))
    code, _, err = await done(sim, "leverage", "apply", await made(sim, path, max_age_s=age_s), "--yes")

    assert (asked[0], code) == (2, 2)
    assert "--max-age is above zero and at most 86400" in asked[2]
    assert "max_age_s is above zero and at most 86400; nothing was sent" in err
    assert not sim.journal.changes


async def test_ctrl_c_during_an_apply_says_what_is_known(sim: Simulator, path: Path) -> None:
    """As `leverage set` does: requests that had left are unknown, and each account has its outcome."""
    plan = await made(sim, path)
    sim.fail(endpoint="set_leverage", delay_s=60)
    async with started(sim, "leverage", "apply", plan, "--yes", "--json") as process:
        await until(lambda: sim.journal.count("set_leverage") >= 1)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()

    report = json.loads(out)
    assert process.returncode == 130
    assert report["counts"]["unknown"] >= 1
    assert sum(report["counts"].values()) == 6
    assert b"Interrupted; this is what is known of each account." in err
