"""Files that a command writes: replaced as a whole, or left as they are."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.command import done, in_bash
from tread_async import UsageError
from tread_async.cli.replacing import replacing
from tread_async.simulator import Simulator

PLAN = ("leverage", "plan", "--pair", "ETH:PERP-USDT", "--leverage", "7", "--account")
OLD = b"of yesterday"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """One whose clock is that of the process."""
    async with Simulator(seed=7, accounts=3, assets=3) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with something in it, and nothing beside it."""
    old = tmp_path / "old"
    old.write_bytes(OLD)
    return old


def commands(sim: Simulator, path: Path) -> tuple[tuple[str, ...], ...]:
    """Those that write a file; one account alone is asked for, so that a plan gets as far as reading."""
    return ("balances", "--parquet", str(path)), (*PLAN, sim.accounts()[0].name, "--out", str(path))


def is_as_it_was(path: Path) -> bool:
    """And nothing is beside it."""
    return path.read_bytes() == OLD and os.listdir(path.parent) == [path.name]


def holds_parquet(path: Path) -> bool:
    """And nothing is beside it."""
    return path.read_bytes().startswith(b"PAR1") and os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("place", [0, 1])
async def test_a_file_stays_where_nothing_was_read(sim: Simulator, path: Path, place: int) -> None:
    """And stderr says why, and that it was not written."""
    sim.fail(endpoint="cached_balances", status=500)
    sim.fail(endpoint="balances", status=500)
    command = commands(sim, path)[place]
    code, _, err = await done(sim, *command)

    assert code in (1, 3)
    assert f"tread {'balances' if place == 0 else 'leverage plan'}: nothing was read; {path} was not" in err
    assert is_as_it_was(path)


async def test_a_token_that_is_refused_leaves_it(sim: Simulator, path: Path) -> None:
    """A file with one row that says so is worth less than what was there."""
    sim.fail(status=401)
    code, out, err = await done(sim, "balances", "--parquet", str(path))

    assert (code, out) == (5, "")
    assert "token could not be listed: HTTP 401: " in err
    assert err.endswith(f"tread balances: nothing was read; {path} was not written\n")
    assert is_as_it_was(path)


async def test_a_part_is_written_and_said(sim: Simulator, path: Path) -> None:
    """With the row of what is missing."""
    sim.fail(endpoint="cached_balances", account=sim.accounts()[0].name, missing=True)
    code, _, err = await done(sim, "balances", "--parquet", str(path))

    assert code == 3
    assert err == f"tread balances: partial: 1 missing of 3\ntread balances: 7 rows in {path}\n"
    assert holds_parquet(path)


@pytest.mark.parametrize("place", [0, 1])
async def test_what_cannot_be_written_is_said_before_anything_is_read(
    sim: Simulator, tmp_path: Path, place: int
) -> None:
    """By name, and with code 2."""
    nowhere = tmp_path / "no" / "file"
    code, out, err = await done(sim, *commands(sim, nowhere)[place])

    assert (code, out) == (2, "")
    assert err.endswith(f": {nowhere} cannot be written: No such file or directory\n")
    assert not sim.journal.requests


async def test_a_pipe_is_written_to(sim: Simulator) -> None:
    """It cannot be replaced, and a device must not be."""
    code, out, _ = await in_bash(
        sim, f"tread {' '.join(PLAN)} {sim.accounts()[0].name} --out /dev/stdout | cat"
    )
    full = await in_bash(sim, "tread balances --parquet /dev/full")

    assert (code, out.count('"entries"')) == (0, 1)
    assert full == (2, "", "tread balances: /dev/full cannot be written: No space left on device\n")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_it_keeps_its_mode_and_a_link_stays_one(path: Path) -> None:
    """As if it had been written to."""
    path.chmod(0o640)
    link = path.with_name("link")
    link.symlink_to(path)
    with replacing(link) as file:
        assert file is not None
        file.put(lambda opened: opened.write(b"new"))

    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_interruption_leaves_nothing_behind(path: Path) -> None:
    """Neither half a file nor one beside it."""
    with pytest.raises(KeyboardInterrupt), replacing(path):
        raise KeyboardInterrupt

    assert is_as_it_was(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Nor does a file beside it come about."""
    with (
        pytest.raises(UsageError, match=f"{tmp_path} cannot be written: Is a directory"),
        replacing(tmp_path),
    ):
        raise AssertionError
