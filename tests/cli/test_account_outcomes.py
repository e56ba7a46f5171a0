"""What `tread accounts create` and `archive` say where the answer to a write is lost, as a process."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.command import done, on_a_terminal, started, until
from tests.support.toml import toml
from tests.support.tunnel import Tunnel
from tests.support.wire import Wire
from tread_async import TreadClient
from tread_async.simulator import Simulator

SECRETS = {"TREAD_ACCOUNT_API_KEY": "canary-key", "TREAD_ACCOUNT_API_SECRET": "canary-secret"}
NEW = ("accounts", "create", "new", "--exchange", "Gate", "--yes")
UNKNOWN = "it is not known whether it was applied, see 'tread accounts list' before you try again"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """One whose clock is that of the process."""
    async with Simulator(seed=7, accounts=3, assets=1) as opened:
        yield opened


def listing_fails(sim: Simulator, *which: int, status: int = 400) -> None:
    for nth in which:
        sim.fail(endpoint="accounts", nth=nth, status=status)


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_a_create_that_was_seen_is_applied_whatever_comes_after(sim: Simulator, status: int) -> None:
    """Its answer is lost; one listing has shown it, and no other is to be had."""
    sim.fail(endpoint="create_account", drop="after")
    listing_fails(sim, 2, 3, 4)
    listing_fails(sim, *range(6, 12), status=status)
    code, out, err = await done(sim, *NEW, "--json", **SECRETS)

    document = json.loads(out)
    shown = document["accounts"]["token/new"]
    assert (code, document["outcome"]) == (0, "applied")
    assert (shown["account_id"], shown["exchange"]) == (sim.accounts()[-1].id, "Gate")
    assert [change.kind for change in sim.journal.changes] == ["create"]
    assert "HTTP" not in err


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_an_archive_that_was_seen_is_applied_whatever_comes_after(sim: Simulator, status: int) -> None:
    """It is shown with the name that it has now, and the rest as it was confirmed."""
    before = sim.accounts()[0]
    sim.fail(endpoint="archive_account", drop="after")
    listing_fails(sim, 3, 4, 5)  # the first is for the question, the second of the library
    listing_fails(sim, *range(7, 12), status=status)
    code, out, err = await done(sim, "accounts", "archive", before.name, "--yes", "--json")

    document = json.loads(out)
    after = sim.accounts()[0]
    ((key, shown),) = document["accounts"].items()
    assert (code, document["outcome"]) == (0, "applied")
    assert key == f"token/{after.name}" != f"token/{before.name}"
    assert (shown["account_id"], shown["exchange"], shown["archived"]) == (before.id, before.exchange, True)
    assert "HTTP" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_create_is_unknown_while_it_is_looked_up(
    sim: Simulator, number: signal.Signals
) -> None:
    """That is said, and the code is that of the signal."""
    sim.fail(endpoint="create_account", drop="after")
    listing_fails(sim, 2, 3, 4)
    sim.fail(endpoint="accounts", nth=5, delay_s=60)
    async with started(sim, *NEW, **SECRETS) as process:
        await until(lambda: sim.journal.count("accounts") == 5)
        process.send_signal(number)
        out, err = await process.communicate()

    assert (process.returncode, out) == (128 + number, b"")
    assert UNKNOWN in err.decode()


async def test_an_interrupted_archive_is_unknown_while_it_is_looked_up(sim: Simulator) -> None:
    """As a create is."""
    sim.fail(endpoint="archive_account", drop="after")
    listing_fails(sim, 3, 4, 5)
    sim.fail(endpoint="accounts", nth=6, delay_s=60)
    async with started(sim, "accounts", "archive", sim.accounts()[0].name, "--yes") as process:
        await until(lambda: sim.journal.count("accounts") == 6)
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()

    assert (process.returncode, out) == (128 + signal.SIGTERM, b"")
    assert UNKNOWN in err.decode()


async def test_a_create_whose_name_another_has_is_not_applied(sim: Simulator) -> None:
    """Which only the last listing has shown: it is no unknown."""
    name = sim.accounts()[0].name
    sim.fail(endpoint="accounts", nth=1, missing=True, account=name)
    sim.fail(endpoint="create_account", drop="before")
    listing_fails(sim, 2, 3, 4)
    code, out, err = await done(sim, "accounts", "create", name, "--exchange", "Gate", "--yes", **SECRETS)

    assert (code, out) == (1, "")
    assert "was there before" in err
    assert "not known" not in err
    assert not sim.journal.changes


async def test_a_create_that_was_acknowledged_and_is_not_listed_says_so(sim: Simulator) -> None:
    """It may be there, and that is more than nothing."""
    listing_fails(sim, *range(2, 12), status=401)
    code, out, err = await done(sim, *NEW, **SECRETS)

    assert (code, out) == (7, "")
    assert f"{UNKNOWN}: the server said that it is done" in err
    assert [change.kind for change in sim.journal.changes] == ["create"]


async def test_no_other_account_is_archived_than_the_one_that_was_confirmed(sim: Simulator) -> None:
    """While somebody thinks about it, another account may get the name."""
    name = sim.accounts()[0].name
    async with on_a_terminal(sim, "accounts", "archive", name, columns=200, lines=30) as terminal:
        await terminal.until("Go on? [y/N] ")
        async with TreadClient(sim.tokens[0], base_url=sim.url) as other:
            await other.archive_account(name)
            await other.create_account(name=name, exchange="Gate", api_key="k-of-it", api_secret="s-of-it")
        terminal.type("y\n")
        said = await terminal.rest()

    assert terminal.process.returncode == 1
    assert "nothing was sent" in said
    assert [change.kind for change in sim.journal.changes] == ["archive", "create"]


@pytest.mark.parametrize("command", [NEW, ("accounts", "archive", "new", "--yes")])
async def test_the_proxy_of_the_token_is_not_gone_round(command: tuple[str, ...], tmp_path: Path) -> None:
    """Its token may only be used from there: where the proxy refuses, the server hears nothing."""
    path = tmp_path / "tread.toml"
    refusal = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with Tunnel(refusal) as proxy, Wire([b""]) as server:
        token = {"token_env": "DESK_A", "proxy": proxy.url}
        profile = {"base_url": f"https://127.0.0.1:{server.port}", "deadline_s": 2.0, "tokens": {"a": token}}
        path.write_text(toml({"default_profile": "p", "profiles": {"p": profile}}))
        path.chmod(0o600)
        environment = {"DESK_A": "canary-token-a", "TREAD_CONFIG": str(path)}
        code, _, _ = await done(None, *command, **environment, **SECRETS)

    assert code == 1
    assert {request.target for request in proxy.asked} == {f"127.0.0.1:{server.port}"}
    assert not server.connections
