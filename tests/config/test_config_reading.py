"""Sources of tokens that hang: whoever waits may leave, and nothing is held twice."""

from __future__ import annotations

import asyncio
import functools
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from tests.support.canaries import shown
from tests.support.samples import spellings
from tests.support.wire import TOKEN
from tread_async import TreadClient
from tread_async._config.files import is_readable
from tread_async._config.sources import Command, File, Function, Keyring, Stdin
from tread_async._config.threads import READINGS, Readings

WHOSE = "F: profile 'p': token 'x'"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """What is written to it comes in on standard input, of which nothing has been read before."""
    monkeypatch.setattr(Stdin, "_taken", None)
    before, (reader, writer) = os.dup(0), os.pipe()
    os.dup2(reader, 0)
    os.close(reader)
    yield writer
    _all_end(functools.partial(os.close, writer))
    os.dup2(before, 0)
    os.close(before)


def _all_end(let: Callable[[], None]) -> None:
    """Lets what hangs go on, and waits until nothing is read any more."""
    let()
    while not all(reading.ended for reading in READINGS._under_way.values()):
        time.sleep(0.005)


class Prompt(KeyringBackend):
    """A keyring that asks somebody who is not there, with the password in its hands."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.answered = threading.Event()
        self.asked = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        password = TOKEN
        self.answered.wait(20)
        return password

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


@pytest.fixture
def prompt() -> Iterator[Prompt]:
    before = keyring.get_keyring()
    keyring.set_keyring(prompt := Prompt())
    yield prompt
    _all_end(prompt.answered.set)
    keyring.set_keyring(before)


def file_with(folder: Path, content: str) -> Path:
    file = folder / "token"
    file.touch(mode=0o600)
    file.write_text(content)
    return file


@pytest.fixture
def hanging(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Function]:
    """A source that has read the token, and hangs before it gives it."""
    file, goes_on = file_with(tmp_path, TOKEN), threading.Event()
    if request.param is Command:
        yield Command(f"sh -c 'cat {file}; sleep 30'", WHOSE)
    elif request.param is Keyring:
        request.getfixturevalue("prompt")
        yield Keyring("tread/x", WHOSE)
    elif request.param is Stdin:
        os.write(request.getfixturevalue("typed"), TOKEN.encode())
        yield Stdin("", WHOSE)
    else:
        read = os.read

        def slow(descriptor: int, most: int) -> bytes:
            content = read(descriptor, most)
            if os.fstat(descriptor).st_ino == file.stat().st_ino:
                goes_on.wait(20)
            return content

        monkeypatch.setattr(os, "read", slow)
        yield File(str(file), WHOSE)
        _all_end(goes_on.set)


@pytest.mark.parametrize("hanging", [Command, File, Keyring, Stdin], indirect=True)
async def test_a_call_that_is_cancelled_while_it_waits_for_its_token(hanging: Function) -> None:
    """No frame through which it passes holds anything of the token."""
    async with TreadClient(hanging, base_url="http://127.0.0.1:1") as client:
        call = asyncio.ensure_future(client.balances())
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call

    assert "sources.py" in shown(caught.value)
    assert not [form for form in spellings(TOKEN) if form in shown(caught.value)]


@pytest.mark.parametrize("hanging", [File, Keyring, Stdin], indirect=True)
async def test_what_hangs_holds_one_thread(hanging: Function) -> None:
    """However often it is asked for in vain."""
    before = threading.active_count()
    for _ in range(20):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hanging(), 0.005)

    assert threading.active_count() <= before + 1
    assert not [one for reading in READINGS._under_way.values() for one in reading._waiters]


async def test_who_asks_meanwhile_gets_the_same_answer(prompt: Prompt) -> None:
    """Nobody is asked twice for one password; once it is there, the next question is a new one."""
    one, two, other = (Keyring(text, WHOSE) for text in ("tread/x", "tread/x", "tread/y"))
    asked = [asyncio.ensure_future(source()) for source in (one, two, other)]
    await asyncio.sleep(0.1)
    asked.pop(0).cancel()
    assert prompt.asked == 2
    prompt.answered.set()

    assert [token.reveal() for token in await asyncio.gather(*asked)] == [TOKEN, TOKEN]
    await one()
    assert prompt.asked == 3


def test_two_event_loops_ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs is one reading, also while its thread is being started."""
    readings, start, answers = Readings(), threading.Thread.start, []

    def slowly(thread: threading.Thread) -> None:
        start(thread)
        time.sleep(0.1)

    def ask() -> None:
        answers.append(asyncio.run(readings.result("it", lambda: (time.sleep(0.3), object())[1])))

    askers = [threading.Thread(target=ask) for _ in range(2)]
    monkeypatch.setattr(threading.Thread, "start", slowly)
    for asker in askers:
        start(asker)
    for asker in askers:
        asker.join()

    assert len({*answers}) == 1


def test_an_event_loop_that_is_gone(prompt: Prompt) -> None:
    """It is not told, and the others are."""

    loop = asyncio.new_event_loop()
    left = loop.create_task(Keyring("tread/x", WHOSE)())
    loop.run_until_complete(asyncio.sleep(0.05))
    loop.close()

    async def stay() -> str:
        asked = [asyncio.ensure_future(Keyring("tread/x", WHOSE)()) for _ in range(5)]
        await asyncio.sleep(0.05)
        prompt.answered.set()
        async with asyncio.timeout(5):
            return {token.reveal() for token in await asyncio.gather(*asked)}.pop()

    assert asyncio.run(stay()) == TOKEN
    assert not left.done()
    left._log_destroy_pending = False  # type: ignore[attr-defined]


async def test_standard_input_that_does_not_block(typed: int) -> None:
    """A pipe may be shared with a program that made it so: what has come so far is not the token."""
    os.set_blocking(0, False)
    asked = asyncio.ensure_future(Stdin("", WHOSE)())
    os.write(typed, b"canary-1-")
    await asyncio.sleep(0.1)
    os.write(typed, b"canary-2\n")
    await asyncio.sleep(0.1)
    assert not asked.done()
    os.dup2(os.open(os.devnull, os.O_WRONLY), typed)

    assert (await asked).reveal() == "canary-1-canary-2"


def test_what_is_readable(typed: int) -> None:
    """Within the time that is given."""
    assert not is_readable(0, 0.01)
    os.write(typed, b"x")
    assert is_readable(0, 0.01)


FORKED = """
import asyncio, os, sys
from tread_async._config.sources import Stdin

async def asks():
    asked = asyncio.ensure_future(Stdin("", "x")())
    await asyncio.sleep(0.2)
    if os.fork():
        print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
        os._exit(0)
    asyncio._set_running_loop(None)
    reader, writer = os.pipe()
    os.write(writer, b"of-the-child")
    os.close(writer)
    os.dup2(reader, 0)
    found = asyncio.run(asyncio.wait_for(Stdin("", "x")(), 3))
    os._exit(0 if found.reveal() == "of-the-child" else 3)

asyncio.run(asks())
"""


def test_forked_while_standard_input_is_read() -> None:
    """The child waits for no thread of its parent."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(FORKED)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()

    assert said == b"0\n"
