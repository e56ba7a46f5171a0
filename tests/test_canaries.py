"""The search for canaries finds them wherever they show, and finds nothing where they do not."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from tests.support.canaries import CANARY, Watch, spellings, watching
from tests.support.samples import SECRETS
from tread_async import Secret, UsageError
from tread_async.simulator import Simulator

# A key that no test uses, and without the word: the search that runs for these tests must not find it.
HIDDEN: Final = 'k7/Q"9+x=w\\Z'

SHOWING: Final = """
import asyncio, logging, sys, traceback

import pytest

from tests.support.wire import TOKEN, Wire, reply
from tread_async import Secret, TreadClient, TreadError, UsageError
from tread_async._codec import settings
from tread_async.simulator import Simulator

quiet = logging.getLogger("quiet")
quiet.propagate = False

def test_clean():
    Secret(TOKEN)
    print("nothing to see")
    logging.getLogger("x").debug("nor here: %s", Secret(TOKEN))
    with pytest.raises(UsageError):
        TreadClient(TOKEN + " ")

def test_logged():
    logging.getLogger("x").debug("with %s", TOKEN)

def test_logged_apart():
    quiet.warning("with it", extra={"token": TOKEN})

def test_logged_with_an_error():
    try:
        raise ValueError(TOKEN)
    except ValueError:
        logging.exception("it failed")

def test_printed():
    print(TOKEN.encode().hex())

def test_printed_to_stderr():
    print(TOKEN, file=sys.stderr)

def test_printed_and_read(capsys):
    print(TOKEN)
    capsys.readouterr()

def test_raised():
    with pytest.raises(TreadError):
        raise TreadError(f"no account for {TOKEN}")

def test_noted():
    error = TreadError("no account")
    error.token = TOKEN

def test_held_by_a_frame():
    with pytest.raises(UsageError):
        settings.base_url(f"https://{TOKEN}@host")

def test_raised_from():
    try:
        raise TreadError("no account") from ValueError(TOKEN)
    except TreadError:
        pass

async def test_of_a_simulator(sim):
    print(sim.tokens[0])

async def test_key_of_a_simulator():
    async with Simulator(accounts=2) as sim:
        print(sim.accounts()[1].api_key)

async def test_through_the_client():
    async with Wire(reply()) as wire, TreadClient(TOKEN, base_url=wire.url) as client:
        print(client._calls._identity.header())
"""


def test_every_test_is_searched(tmp_path: Path) -> None:
    """The fixture applies by itself: each test that shows a secret fails, and no other."""
    (tmp_path / "test_showing.py").write_text(SHOWING)
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "-c", f"{root}/pyproject.toml", str(tmp_path)]
    options = ["--rootdir", str(tmp_path), "-p", "tests.conftest", "-p", "no:cacheprovider"]
    run = subprocess.run([*command, *options], cwd=root, capture_output=True, text=True, timeout=60)

    names = set(re.findall(r"def (test_\w+)", SHOWING)) - {"test_clean"}
    assert set(re.findall(r"^ERROR \S*::(test_\w+)", run.stdout, flags=re.MULTILINE)) == names, run.stdout
    assert f"{len(names) + 1} passed, {len(names)} errors" in run.stdout


ESCAPES: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "in a URL": lambda text: quote(text, safe=""),
    "in JSON": json.dumps,
    "in JSON, in a URL": lambda text: quote(json.dumps(text)),
    "in JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "in a repr": lambda text: repr([text]),
    "in hex": lambda text: text.encode().hex(),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64, one on": lambda text: base64.b64encode(f"a{text}b".encode()).decode(),
    "in base64, two on": lambda text: base64.b64encode(f"ab{text}".encode()).decode(),
    "in base64, three on": lambda text: base64.urlsafe_b64encode(f"abc{text}def".encode()).decode(),
}


@pytest.mark.parametrize("escape", ESCAPES)
def test_spellings(escape: str) -> None:
    """A secret is found in every spelling, and in the middle of a longer text."""
    watch = Watch({HIDDEN})

    assert len(watch.finds([f"before {ESCAPES[escape](HIDDEN)} after"])) >= 1
    assert watch.finds([f"before {ESCAPES[escape]('another text')} after"]) == []


def test_every_secret_of_a_test_is_a_canary() -> None:
    """One word finds all of them, cut or whole."""
    assert [secret for secret in SECRETS if CANARY not in secret] == []
    assert spellings(CANARY) >= {CANARY, "Y2FuYXJ5", CANARY.encode().hex()}


def test_a_simulator_is_learnt() -> None:
    """Its tokens, and keys of each user's accounts."""
    with watching() as watch:
        sim = Simulator(tokens=2, accounts=5)

    assert watch.secrets >= {*sim.tokens, sim.accounts(0)[0].api_key, sim.accounts(1)[2].api_key}


def test_nothing_stays_behind() -> None:
    """After a watch errors, simulators and loggers are made as before it."""
    before = (UsageError("x").__init__, Simulator.__init__, pytest.CaptureFixture.readouterr)
    with watching() as watch:
        UsageError("one")
        Secret("no error")
    UsageError("two")

    assert [error.message for error in watch.errors] == ["one"]
    assert (UsageError("x").__init__.__func__, Simulator.__init__) == (before[0].__func__, before[1])
