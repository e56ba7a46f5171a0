"""`tread config`, and commands that use what is configured."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import tomllib
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import done, on_a_terminal, only_lines, started, surroundings
from tests.support.toml import toml
from tread_async import Config
from tread_async.cli import config
from tread_async.cli.config_example import EXAMPLE
from tread_async.simulator import Simulator


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration is, for this process and those it starts. It is not there yet."""
    for name in ("TREAD_API_TOKEN", "TREAD_BASE_URL", "TREAD_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TREAD_CONFIG", str(tmp_path / "of the desk" / "tread.toml"))
    return tmp_path / "of the desk" / "tread.toml"


@pytest.fixture
def configure(file: Path) -> Callable[..., None]:
    """Writes one profile, the default."""

    def write(tokens: dict[str, Any], **settings: Any) -> None:
        file.parent.mkdir()
        document = {"default_profile": "p", "profiles": {"p": {**settings, "tokens": tokens}}}
        file.write_text(toml(document))
        file.chmod(0o600)

    return write


def put(folder: Path, name: str, token: str) -> dict[str, str]:
    """A token that is in a file."""
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(token)
    return {"token_file": str(path)}


def test_show(
    configure: Callable[..., None],
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A line for each setting, with where it comes from. No token is asked for, no secret shown."""
    monkeypatch.setenv("TREAD_DEADLINE_S", "7")
    configure({"a": {"token_command": "exit 1"}}, max_in_flight=16, headers={"X-Desk": "canary"})
    code = asyncio.run(config.show(None, as_json=False))

    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert (code, err, lines[0]) == (0, "", str(file))
    assert [line.split(maxsplit=2) for line in lines[1:5]] == [
        ["profile", "p", "default_profile"],
        ["base_url", "https://app.tread.fi", "default"],
        ["deadline_s", "7.0", "environment variable TREAD_DEADLINE_S"],
        ["max_in_flight", "16", "profile p"],
    ]
    assert lines[-2].split() == ["headers", "X-Desk:", "<hidden>", "profile", "p"]
    assert lines[-1].split() == ["tokens.a", "token_command:", "exit", "1", "profile", "p"]


def test_show_as_json(configure: Callable[..., None], file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The same for a program, with the values as they are."""
    configure({"a": {"token_stdin": True}})
    code = asyncio.run(config.show("p", as_json=True))

    shown = json.loads(capfd.readouterr().out)
    assert (code, shown["path"]) == (0, str(file))
    assert shown["settings"] == [setting._asdict() for setting in Config.load("p").settings]
    assert shown["settings"][0] == {"name": "profile", "value": "p", "origin": "--profile"}


def test_show_without_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """All is as by default, and it says where the file would be."""
    monkeypatch.delenv("TREAD_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("TREAD_API_TOKEN", "canary")
    code = asyncio.run(config.show(None, as_json=False))

    lines = capfd.readouterr().out.splitlines()
    assert (code, lines[0]) == (0, f"{tmp_path}/tread/config.toml (not there)")
    assert lines[-1].startswith("tokens.token ")
    assert lines[-1].endswith(" environment variable TREAD_API_TOKEN")


def test_what_is_shown_has_no_control_characters(
    configure: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    """The file may be somebody else's work, such as one that was sent."""
    configure({"a\u202eb": {"token_file": "/c\u202ed"}})
    code = asyncio.run(config.show(None, as_json=False))

    said = capfd.readouterr().out.splitlines()[-1]
    assert (code, said.split()) == (0, ["tokens.a", "b", "token_file:", "/c", "d", "profile", "p"])


async def test_the_command_shows_its_settings(configure: Callable[..., None], file: Path) -> None:
    """As a process: the result on stdout, and nothing on stderr."""
    configure({"a": {"token_command": "exit 1"}})
    (shown, out, err), located = await asyncio.gather(
        done(None, "config", "show", "--profile", "p", "--json"), done(None, "config", "path")
    )

    assert (shown, err, len(only_lines(out))) == (0, "", 1)
    assert located == (0, f"{file}\n", "")


def test_nobody_reads(configure: Callable[..., None]) -> None:
    """It ends as programs do whose reader is gone."""
    configure({"a": {"token_command": "exit 1"}})
    reader, writer = os.pipe()
    os.close(reader)
    tread = (sys.executable, "-c", "from tread_async.cli import main; main()", "config", "show")
    ended = subprocess.run(tread, env=surroundings(None), stdout=writer, stderr=PIPE, text=True, check=False)
    os.close(writer)

    assert (ended.returncode, ended.stderr) == (141, "")


def test_init_writes_an_example_once(file: Path) -> None:
    """Only we can read it, it means nothing as it is, and the next one leaves it alone."""
    first = asyncio.run(done(None, "config", "init"))
    file.write_text(f"{file.read_text()}# mine\n")
    second = asyncio.run(done(None, "config", "init"))

    assert first == (0, "", f"tread config: wrote {file}; edit it, then see: tread config show\n")
    assert second == (2, "", f"tread config: {file} is there already and is left as it is\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == f"{EXAMPLE}# mine\n"
    assert tomllib.loads(EXAMPLE) == {}


def test_init_where_nothing_can_be_written(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It says why; and a link that leads nowhere is there already."""
    file.parent.touch()
    assert config.init() == 2
    assert "cannot be written: " in capfd.readouterr().err
    file.parent.unlink()
    file.parent.mkdir()
    file.symlink_to("nowhere")

    assert config.init() == 2
    assert "is there already" in capfd.readouterr().err


def test_the_example_is_right_when_it_is_taken_from_its_comments(file: Path) -> None:
    """Every setting is in it, with a value that works, and every source of a token."""
    file.parent.mkdir()
    lines = [line[1:] if line[:1] == "#" and line[1:2] != " " else line for line in EXAMPLE.splitlines()]
    file.write_text("\n".join(lines))
    file.chmod(0o600)
    found = Config.load()

    assert found.profile == "prod"
    assert {setting.origin for setting in found.settings[1:]} == {"profile prod"}
    assert [setting.value for setting in found.settings if setting.name.startswith("tokens.")] == [
        {"token_command": "pass show tread/desk-a", "proxy": "http://10.0.0.1:3128"},
        {"token_file": "~/.tread/desk-b"},
        {"token_env": "DESK_C_TOKEN", "set": False},
        {"token_keyring": "tread/desk-d"},
        {"token_stdin": True},
    ]


async def watched(*arguments: str, **environment: str) -> tuple[int | None, list[str], str]:
    """The accounts of one round of a watch."""
    code, out, err = await done(None, "watch", "--rounds", "1", "--json", *arguments, **environment)
    return code, [*only_lines(out)[0]["changes"]] if out else [], err


async def test_a_watch_of_several_tokens(configure: Callable[..., None], tmp_path: Path) -> None:
    """Its accounts are called by the tokens' names; --token takes some of them."""
    async with Simulator(tokens=2, accounts=1) as sim:
        tokens = {name: put(tmp_path, name, token) for name, token in zip("ab", sim.tokens, strict=True)}
        configure(tokens, base_url=sim.url)
        both, one, none = await asyncio.gather(
            watched(), watched("--profile", "p", "--token", "b"), watched("--token", "canary")
        )
        names = [sim.accounts(user)[0].name for user in range(2)]

    assert both == (0, [f"a/{names[0]}", f"b/{names[1]}"], "")
    assert one == (0, [f"b/{names[1]}"], "")
    assert none == (
        2,
        [],
        "tread watch: no token is called that; it is a name, never the token itself: there are 'a', 'b'\n",
    )


async def test_a_token_on_standard_input(configure: Callable[..., None]) -> None:
    """It is read to its end, once."""
    async with Simulator(accounts=1) as sim:
        configure({"a": {"token_stdin": True}}, base_url=sim.url)
        async with started(
            None, "watch", "--rounds", "2", "--interval", "0.1", "--json", stdin=PIPE
        ) as process:
            out, err = await process.communicate(f"{sim.tokens[0]}\n".encode())

    assert (process.returncode, err) == (0, b"")
    assert [*only_lines(out.decode())[0]["changes"]] == [f"a/{sim.accounts()[0].name}"]


async def test_a_token_on_standard_input_that_is_refused(configure: Callable[..., None]) -> None:
    """It is asked for again, and is still what was piped in."""
    async with Simulator(accounts=1) as sim:
        configure({"a": {"token_stdin": True}}, base_url=sim.url)
        async with started(None, "watch", "--rounds", "1", "--json", stdin=PIPE) as process:
            out, err = await process.communicate(b"canary\n")

    assert (process.returncode, err) == (5, b"")
    assert b"the server refused this token" in out


async def test_a_program_reads_nothing_of_what_is_piped_in(
    configure: Callable[..., None], tmp_path: Path
) -> None:
    """It is for somebody else."""
    async with Simulator(accounts=1) as sim:
        file = put(tmp_path, "a", sim.tokens[0])["token_file"]
        configure({"a": {"token_command": f"sh -c 'cat; cat {file}'"}}, base_url=sim.url)
        async with started(None, "watch", "--rounds", "1", "--json", stdin=PIPE) as process:
            _, err = await process.communicate(b"canary\n")

    assert (process.returncode, err) == (0, b"")


async def test_a_watch_that_waits_for_standard_input_can_be_ended(configure: Callable[..., None]) -> None:
    """Ctrl-C does not wait for whoever should have written the token."""
    configure({"a": {"token_stdin": True}}, base_url="http://127.0.0.1:1", deadline_s=60)
    async with started(None, "watch", "--json", stdin=PIPE) as process:
        await asyncio.sleep(1.5)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(5):
            await process.wait()
        assert process.stderr is not None
        said = await process.stderr.read()

    assert (process.returncode, said) == (130, b"")


async def test_no_token_is_typed_on_a_terminal(configure: Callable[..., None]) -> None:
    """It would show while it is typed."""
    async with Simulator(accounts=1) as sim:
        configure({"a": {"token_stdin": True}}, base_url=sim.url)
        settings = {"TREAD_API_TOKEN": "", "TREAD_BASE_URL": ""}
        async with on_a_terminal(
            sim, "watch", "--rounds", "1", "--json", columns=200, lines=20, **settings
        ) as terminal:
            said = await terminal.rest()

        assert not sim.journal.requests
    assert "a token typed here would show" in said
    assert terminal.process.returncode == 2


def test_standard_input_that_is_closed(configure: Callable[..., None]) -> None:
    """What has its number now, such as a connection, is not read in its place."""
    configure({"a": {"token_stdin": True}}, base_url="http://127.0.0.1:1")
    tread = (
        sys.executable,
        "-c",
        "from tread_async.cli import main; main()",
        "watch",
        "--rounds",
        "1",
        "--json",
    )
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *tread], env=surroundings(None), capture_output=True, text=True
    )

    assert (ended.returncode, ended.stderr) == (2, "")
    assert "token 'a': standard input is closed" in ended.stdout


async def test_without_a_token(file: Path) -> None:
    """One sentence says what to do, and the code is 2."""
    code, out, err = await done(None, "watch", TREAD_CONFIG=os.devnull)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("tread watch: there is no API token; set TREAD_API_TOKEN in the environment, or ")


def test_a_file_that_cannot_work(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One sentence, the code of usage, and nothing on stdout."""
    file.parent.mkdir()
    file.write_text("token = 'canary'")
    file.chmod(0o600)
    code = asyncio.run(config.show(None, as_json=True))

    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith(f"tread config: {file}: token: a token itself does not stand in this file; ")
