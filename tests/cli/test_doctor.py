"""`tread doctor` as a process: its lines, its document, its exit code, and how it is stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.authority import Authority
from tests.support.command import done, on_a_terminal, started
from tests.support.samples import LISTED, well
from tests.support.toml import toml
from tests.support.wire import TOKEN, Wire, reply
from tread_async.cli.doctor.findings import Finding, Verdict, code_of_findings
from tread_async.simulator import Simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """None of its cached balances is old; its clock is that of the process."""
    async with Simulator(accounts=4, assets=4, seed=12) as opened:
        yield opened


async def test_a_line_for_each_check(sim: Simulator) -> None:
    """On stdout, without colours, however long; and a last one that counts."""
    code, out, err = await done(sim, "doctor")

    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line[:13].strip() for line in lines[:-1]] == ["ok"] * 12
    assert [line[13:35].strip() for line in lines[:4]] == ["DNS", "TCP 127.0.0.1", "TLS", "token token"]
    assert lines[-1] == f"{sim.url}: 12 ok, 0 warning, 0 failed, 0 not checked"
    assert "\x1b" not in out
    assert sim.tokens[0] not in out


async def test_what_to_do_stands_below(sim: Simulator) -> None:
    """The sentence is never cut."""
    sim.fail(status=403, body=b"<html>no</html>", headers={"Content-Type": "text/html"})
    code, out, err = await done(sim, "doctor", COLUMNS="40")

    assert (code, err) == (1, "")
    failed, todo = out.splitlines()[3:5]
    assert failed.startswith("failed       token token            a firewall answered, not the API")
    assert failed.endswith("That is no verdict on the token, which may be fine")
    assert todo.startswith(" " * 13 + "-> send another User-Agent")
    assert out.splitlines()[-1].endswith("3 ok, 0 warning, 1 failed, 8 not checked")


async def test_no_colours_in_a_file(sim: Simulator) -> None:
    """Whatever FORCE_COLOR says: as of every command whose output programs read."""
    _, out, _ = await done(sim, "doctor", FORCE_COLOR="1")

    assert "keep-alive" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
async def test_colours_on_a_terminal(sim: Simulator, more: dict[str, str], coloured: bool) -> None:
    """Unless NO_COLOR says no."""
    async with on_a_terminal(sim, "doctor", columns=80, lines=24, **more) as terminal:
        said = await terminal.rest()

    assert "keep-alive" in said
    assert ("\x1b[32mok" in said) == coloured
    assert ("\x1b" in said) == coloured


async def test_one_document(sim: Simulator) -> None:
    """With ``--json``: the same findings, with their figures, and the exit code."""
    name = sim.accounts()[0].name
    sim.fail(endpoint="cached_balances", account=name, stale_s=600)
    code, out, err = await done(sim, "doctor", "--json")

    document = json.loads(out)
    assert (code, err) == (0, "")
    assert list(document) == ["base_url", "exit_code", "counts", "findings"]
    assert (document["base_url"], document["exit_code"]) == (sim.url, 0)
    assert document["counts"] == {"ok": 11, "warning": 1, "failed": 0, "not checked": 0}
    findings = {finding["check"]: finding for finding in document["findings"]}
    assert all(
        list(one) == ["check", "verdict", "said", "details", "todo", "figures"] for one in findings.values()
    )
    assert findings["cached token"]["verdict"] == "warning"
    assert findings["cached token"]["figures"]["oldest_age_s"] > 600
    assert sim.tokens[0] not in out


@pytest.mark.parametrize(("status", "code"), [(401, 5), (429, 6), (500, 1)])
async def test_exit_codes(sim: Simulator, status: int, code: int) -> None:
    """Of a token that is refused, of a limit, and of anything else."""
    sim.fail(status=status)

    assert (await done(sim, "doctor", "--json"))[0] == code


@pytest.mark.parametrize(
    ("codes", "code"),
    [([], 0), ([1], 1), ([1, 6], 6), ([6, 1, 5], 5), ([5, 5], 5), ([1, 2], 2), ([2, 1], 2), ([2, 6], 6)],
)
def test_the_code_of_several(codes: list[int], code: int) -> None:
    """That of which most can be done about; a warning has none."""
    findings = [Finding(check="", verdict=Verdict.FAILED, said="", code=one) for one in codes]
    findings.append(Finding(check="", verdict=Verdict.WARNING, said="", code=5))

    assert code_of_findings(findings) == code


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ((), {"TREAD_API_TOKEN": ""}, "tread doctor: "),
        ((), {"TREAD_BASE_URL": "http://example.com"}, "use https"),
        (("--deadline", "0"), {}, "--deadline"),
    ],
)
async def test_wrong_usage(
    sim: Simulator, arguments: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    """Code 2, nothing on stdout, and nothing is sent."""
    code, out, err = await done(sim, "doctor", *arguments, **environment)

    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert sim.journal.requests == []


async def test_a_token_file_that_cannot_be_used(sim: Simulator, tmp_path: Path) -> None:
    """The code of wrong usage, as of the other commands, and advice that helps."""
    token, config = tmp_path / "token", tmp_path / "config.toml"
    config.write_text(f'[profiles.p]\nbase_url="{sim.url}"\n[profiles.p.tokens.a]\ntoken_file="{token}"\n')
    environment = {"TREAD_CONFIG": str(config), "TREAD_PROFILE": "p", "TREAD_API_TOKEN": ""}
    code, out, err = await done(None, "doctor", **environment)
    other, _, _ = await done(None, "balances", **environment)

    assert (code, other, err) == (2, 2, "")
    assert f"{token} cannot be read: No such file" in out
    assert "-> mend what it names, in the configuration or the environment; nothing was sent\n" in out
    assert sim.journal.requests == []


async def test_a_server_that_hangs(sim: Simulator) -> None:
    """The time is up: what was found until then stands there, and the rest was not checked."""
    sim.fail(endpoint="cached_balances", delay_s=60)
    code, out, err = await done(sim, "doctor", "--deadline", "1")

    assert (code, err) == (1, "")
    assert "ok           token token            4 accounts" in out
    assert "failed       deadline               the 1 s were up; what has no line was not checked" in out
    assert "live token" not in out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_it_is_stopped(sim: Simulator, number: signal.Signals, code: int) -> None:
    """In the middle, without a word more; the lines until then were there already."""
    sim.fail(delay_s=60)
    async with started(sim, "doctor") as process:
        assert process.stdout is not None
        seen = [(await process.stdout.readline()).decode() for _ in range(3)]
        process.send_signal(number)
        out, err = await process.communicate()

    assert seen[2].startswith("ok           TLS")
    assert (process.returncode, out, err) == (code, b"", b"")


async def test_nobody_reads(sim: Simulator) -> None:
    """As for `| head -1`: quietly, and with the code of SIGPIPE."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    async with started(sim, "doctor", stdout=write_end) as process:
        os.close(write_end)
        _, err = await process.communicate()

    assert (process.returncode, err) == (141, b"")


@pytest.mark.parametrize("more", [(), ("--json",)])
async def test_no_token_shows(more: tuple[str, ...]) -> None:
    """Although the server has it where names of fields, accounts and hosts of errors stand."""
    account = LISTED | {"name": f"of {TOKEN}", TOKEN: 1, f"x{TOKEN}x": TOKEN}
    answers = [reply([account]), reply({"message": f"no {TOKEN}"}, 500), reply({TOKEN: {"exchange": TOKEN}})]
    async with Wire(answers) as wire:
        environment = {"TREAD_API_TOKEN": TOKEN, "TREAD_BASE_URL": wire.url}
        code, out, err = await done(None, "doctor", *more, **environment)

    assert (code, err) == (1, "")
    assert all(text in out for text in ("unknown Account[", "x***x", "missing: 1 (of ***)"))
    assert "no ***" in out
    assert TOKEN not in out


@pytest.mark.parametrize(("command", "options"), [("doctor", 4), ("simulate", 9)])
async def test_help_costs_nothing(command: str, options: int) -> None:
    """Neither aiohttp, the client nor the simulator is loaded for it, and each option has an example."""
    script = (
        "import sys; from tread_async.cli import main\n"
        f"sys.argv[1:] = [{command!r}, '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    helped = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "tread_async.cli.app" in helped.stderr.split()
    assert not {"aiohttp", "tread_async.simulator", "tread_async.client"} & set(helped.stderr.split())
    assert helped.stdout.count("Example:") == options + 1


async def test_https_with_an_authority_of_the_machine(tmp_path: Path) -> None:
    """The store that the library uses is the one that is looked at."""
    trust, store = Authority(), tmp_path / "store.pem"
    trust.authority.cert_pem.write_to_path(str(store))
    async with Wire(
        well, ssl=trust.server("localhost", "127.0.0.1", days=(-1, 60)), name="localhost"
    ) as wire:
        environment: dict[str, Any] = {"TREAD_API_TOKEN": TOKEN, "TREAD_BASE_URL": wire.url}
        _, out, err = await done(None, "doctor", SSL_CERT_FILE=str(store), **environment)
        code, untrusted, _ = await done(None, "doctor", **environment)

    assert err == ""
    assert "ok           TLS                    TLSv1.3, localhost by a certificate for" in out
    assert code == 1
    assert "failed       TLS                    the server's certificate is of an authority" in untrusted


async def test_a_token_that_cannot_be_had_has_the_code_of_other_commands(
    sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is wrong usage, as for `tread balances`."""
    profile = {"base_url": sim.url, "tokens": {"desk-a": {"token_file": str(tmp_path / "none")}}}
    path = tmp_path / "tread.toml"
    path.write_text(toml({"default_profile": "p", "profiles": {"p": profile}}))
    path.chmod(0o600)
    monkeypatch.delenv("TREAD_API_TOKEN", raising=False)
    monkeypatch.delenv("TREAD_BASE_URL", raising=False)
    codes = [(await done(None, command, TREAD_CONFIG=str(path)))[0] for command in ("balances", "doctor")]

    assert codes == [2, 2]
