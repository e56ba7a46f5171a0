"""How a token is had from a file, a program, the keyring or standard input."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
import uvloop
from keyring.backend import KeyringBackend
from keyring.backends import fail

from tread_async import UsageError
from tread_async._config.commands import Program
from tread_async._config.environment import Environment
from tread_async._config.files import UnreadableError
from tread_async._config.sources import Command, File, Function, Keyring, Variable, shared

WHOSE = "F: profile 'p': token 'x'"


async def refused(source: Function) -> str:
    """The one sentence with which *source* gives no token, less whose it would be."""
    with pytest.raises(UsageError) as caught:
        await source()
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"{WHOSE}: ")
    return said.removeprefix(f"{WHOSE}: ")


def held(folder: Path, content: str | bytes = " canary-of-the-file\r\n", mode: int = 0o600) -> Path:
    file = folder / "a token"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(mode)
    return file


@pytest.mark.parametrize("mode", [0o600, 0o400])
async def test_a_file(tmp_path: Path, mode: int) -> None:
    """Without the blanks around it."""
    found = await File(str(held(tmp_path, mode=mode)), WHOSE)()

    assert found.reveal() == "canary-of-the-file"


async def test_a_file_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` is the home of when it is read."""
    held(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert (await File("~/a token", WHOSE)()).reveal() == "canary-of-the-file"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700, 0o601, 0o4600])
async def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """It says what to do."""
    file = held(tmp_path, mode=mode)

    assert await refused(File(str(file), WHOSE)) == f"{file} has the mode {mode:04o}; run: chmod 600 '{file}'"


async def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also to the administrator."""
    file = held(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)

    assert "belongs to another user" in await refused(File(str(file), WHOSE))


@pytest.mark.parametrize("mode", [0o720, 0o702])
async def test_a_file_in_a_folder_that_others_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    """They could put another one in its place; not so where only its owner may, as in ``/tmp``."""
    (folder := tmp_path / "a folder").mkdir()
    source = File(str(held(folder)), WHOSE)
    folder.chmod(mode)

    assert await refused(source) == (
        f"others can write to {folder}, and so replace what is in it; run: chmod go-w '{folder}'"
    )
    folder.chmod(0o1777)
    assert (await source()).reveal() == "canary-of-the-file"


async def test_a_link_is_refused(tmp_path: Path) -> None:
    """Wherever it leads."""
    link = tmp_path / "link"
    link.symlink_to(held(tmp_path))

    assert await refused(File(str(link), WHOSE)) == f"{link} is a symbolic link; name the file itself"


async def test_a_file_that_is_swapped_after_it_was_opened_is_judged_as_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one of the same name lends it no mode."""
    file = held(tmp_path, mode=0o604)
    opened = os.open

    def swapped(path: Any, *more: Any, **options: Any) -> int:
        descriptor = opened(path, *more, **options)
        if str(path) == str(file):
            file.unlink()
            held(tmp_path)
        return descriptor

    monkeypatch.setattr(os, "open", swapped)

    assert "has the mode 0604" in await refused(File(str(file), WHOSE))


@pytest.mark.parametrize(("make", "said"), [(os.mkdir, "is not a regular"), (os.mkfifo, "is not a regular")])
async def test_what_is_no_file(tmp_path: Path, make: Any, said: str) -> None:
    """Nobody waits for the other end of a pipe."""
    make(tmp_path / "it", 0o600)

    assert said in await refused(File(str(tmp_path / "it"), WHOSE))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the token is empty"),
        (" \n", "the token is empty"),
        ("canary\ncanary", "the token contains a blank"),
        ("Token canary", "the token contains a blank"),
        (b"canary\xff", "a character outside ASCII"),
        ("canary" * 11_000, "there is more than 64 KiB to read"),
    ],
)
async def test_a_file_without_a_token(tmp_path: Path, content: str | bytes, said: str) -> None:
    """Nothing of what is in it is said."""
    assert said in await refused(File(str(held(tmp_path, content)), WHOSE))


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """With its path, which is no secret."""
    said = await refused(File(f"{tmp_path}/none", WHOSE))

    assert said == f"{tmp_path}/none cannot be read: No such file or directory"


async def test_a_program() -> None:
    """Its arguments are words; no shell makes something else of them."""
    assert (await Command("printf ' %s\\n' '$HOME;canary|x'", WHOSE)()).reveal() == "$HOME;canary|x"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sh -c 'echo canary; exit 3'", "its token_command exited with 3"),
        ("sh -c 'echo canary; kill -9 $$'", "its token_command was ended by signal 9"),
        ("/not/there canary", "its token_command cannot be started: No such file or directory"),
        ("/ canary", "its token_command cannot be started: Permission denied"),
        ("true", "the token is empty"),
        ("yes canary", "there is more than 64 KiB to read"),
    ],
)
async def test_a_program_that_gives_no_token(command: str, said: str) -> None:
    """Neither what it wrote nor how it is called is said: a secret may stand in both."""
    assert await refused(Command(command, WHOSE)) == said


async def test_what_a_program_says_is_heard(capfd: pytest.CaptureFixture[str]) -> None:
    """Its standard error is ours: it says best what is wrong."""
    await refused(Command("sh -c 'echo the store is locked >&2; exit 2'", WHOSE))

    assert capfd.readouterr() == ("", "the store is locked\n")


@pytest.mark.parametrize(
    "command",
    ["sleep 30", "sh -c 'sleep 2 & echo canary'", "sh -c 'exec >&-; sleep 30'", "sh -c 'setsid sleep 2'"],
)
def test_a_program_that_does_not_end(command: str) -> None:
    """Nor is a child waited for that it leaves behind with its output open."""
    began = time.monotonic()
    with pytest.raises(UnreadableError, match=r"did not end within 0\.2 s"):
        Program(command, within_s=0.2).output()

    assert time.monotonic() - began < 1.5


def _wait_for(file: Path) -> list[int]:
    while not file.exists() or not file.read_text().endswith("\n"):
        time.sleep(0.005)
    return [int(number) for number in file.read_text().split()]


def _is_there(process: int) -> bool:
    """Whether it runs; a child of ours that has ended and was not waited for counts, too."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return False
    return state[0] != "Z" or int(state[1]) == os.getpid()


def _until_gone(processes: list[int]) -> None:
    give_up = time.monotonic() + 2
    while any(map(_is_there, processes)):
        assert time.monotonic() < give_up, "it is still there"
        time.sleep(0.005)


LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
WITH_A_CHILD = "sh -c 'sleep 30 & echo $$ $! > {}; sleep 30'"


@LOOPS
def test_a_program_and_its_children_end_with_who_asked_for_it(
    tmp_path: Path, loop: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody who is cancelled leaves no process behind: when the call has ended, they have."""

    async def cancelled() -> list[int]:
        task = asyncio.ensure_future(Command(WITH_A_CHILD.format(tmp_path / "both"), WHOSE)())
        processes = await asyncio.to_thread(_wait_for, tmp_path / "both")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not _is_there(processes[0])
        return processes

    with asyncio.Runner(loop_factory=loop) as runner:
        processes = runner.run(cancelled())
    _until_gone(processes)

    assert not caplog.records or {record.levelname for record in caplog.records} == {"DEBUG"}


def test_a_program_and_its_children_end_when_the_time_is_up(tmp_path: Path) -> None:
    """It left them nobody else to end them."""
    with pytest.raises(UnreadableError, match="did not end"):
        Program(WITH_A_CHILD.format(tmp_path / "both"), within_s=0.3).output()

    _until_gone(_wait_for(tmp_path / "both"))


def test_what_a_program_leaves_running_on_purpose(tmp_path: Path) -> None:
    """An agent that it starts may answer the next one."""
    command = f"sh -c 'sleep 30 > /dev/null & echo $! > {tmp_path}/pid; echo canary'"
    assert Program(command).output() == b"canary\n"
    agent = _wait_for(tmp_path / "pid")[0]
    time.sleep(0.2)  # as long as it takes to end

    assert _is_there(agent)
    os.kill(agent, signal.SIGKILL)


async def test_a_program_that_is_cancelled_at_any_time() -> None:
    """Also while it is being started."""
    for ticks in range(12):
        task = asyncio.ensure_future(Command("sleep 30", WHOSE)())
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert not _children()


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


@LOOPS
def test_starting_a_program_holds_nobody_up(loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take long to do so, the longer the more memory there is."""
    start = subprocess.Popen.__init__

    def slow(*args: Any, **options: Any) -> None:
        time.sleep(0.3)
        start(*args, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", slow)

    async def ticks() -> int:
        task, count = asyncio.ensure_future(Command("printf canary", WHOSE)()), 0
        while not task.done():
            await asyncio.sleep(0.01)
            count += 1
        assert (await task).reveal() == "canary"
        return count

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(ticks()) > 10


class Memory(KeyringBackend):
    """A keyring that is forgotten."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.passwords: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password


@pytest.fixture
def keep() -> Iterator[Callable[[KeyringBackend], None]]:
    """Puts a keyring in place of the system's."""
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


async def test_a_keyring(keep: Callable[[KeyringBackend], None]) -> None:
    """The service may have slashes in it."""
    keep(Memory())
    keyring.set_password("https://app.tread.fi", "desk-a", "canary-of-the-keyring\n")
    found = await Keyring("https://app.tread.fi/desk-a", WHOSE)()

    assert found.reveal() == "canary-of-the-keyring"
    assert "keyring set SERVICE USER" in await refused(Keyring("tread/desk-b", WHOSE))


@pytest.mark.parametrize(
    "failure", [RuntimeError("canary"), SystemExit("canary"), KeyboardInterrupt("canary")]
)
async def test_a_keyring_that_gives_up(
    keep: Callable[[KeyringBackend], None], monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    """In whatever way, nobody waits for what does not come."""
    keep(backend := Memory())
    monkeypatch.setattr(backend, "get_password", lambda service, user: throw(failure))

    async with asyncio.timeout(5):
        assert await refused(Keyring("tread/x", WHOSE)) == f"the keyring failed with {type(failure).__name__}"


def throw(failure: BaseException) -> None:
    raise failure


async def test_a_source_that_fails_as_nobody_thought_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is said with the source, too."""
    source = File(str(held(tmp_path)), WHOSE)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", lambda descriptor: throw(MemoryError("canary")))
        async with asyncio.timeout(5):
            said = await refused(source)

    assert said == "its token_file failed with MemoryError"


async def test_where_there_is_no_keyring(
    keep: Callable[[KeyringBackend], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one of the system, nor the library."""
    keep(fail.Keyring())
    assert await refused(Keyring("tread/x", WHOSE)) == "the keyring failed with NoKeyringError"
    monkeypatch.setitem(sys.modules, "keyring", None)
    said = await refused(Keyring("tread/x", WHOSE))

    assert said == "token_keyring needs the extra keyring: pip install 'tread-async[keyring]'"


def test_a_variable() -> None:
    """Without the blanks around it."""
    environment = Environment({"DESK_A": " canary-of-the-variable\n"})

    assert Variable("DESK_A", WHOSE).token(environment).reveal() == "canary-of-the-variable"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "the variable that token_env names is not set"),
        ({"CANARY": ""}, "the variable that token_env names is not set"),
        ({"CANARY": "canary canary"}, "the token contains a blank"),
        ({"CANARY": "canary\udcff"}, "a character outside ASCII"),
    ],
)
def test_a_variable_without_a_token(variables: dict[str, str], said: str) -> None:
    """Its name is not said: it may be a token that somebody put in the wrong place."""
    with pytest.raises(UsageError) as caught:
        Variable("CANARY", WHOSE).token(Environment(variables))

    assert said in str(caught.value)
    assert str(caught.value).startswith(WHOSE)
    assert "CANARY" not in str(caught.value)


def test_equal_sources_are_one_function() -> None:
    """So that several managers of one profile keep to one rate."""
    assert shared(Command("true", WHOSE)) is shared(Command("true", WHOSE))
    assert shared(Command("true", WHOSE)) is not shared(Command("true", "F: profile 'p': token 'y'"))
    assert shared(File("true", WHOSE)) is not shared(Command("true", WHOSE))
    assert "true" not in repr(Command("true", WHOSE))
