"""What is imported when: little with the package, the rest on opening, nothing during a call."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

import tread_async
from tread_async import AccountKey
from tread_async.simulator import Simulator

NEED_AN_EXTRA = {"tracing"}
PUBLIC_MODULES = sorted(
    {path.stem for path in Path(tread_async.__file__).parent.glob("*.py") if not path.stem.startswith("_")}
    - NEED_AN_EXTRA
)

# What takes long, and what is for some only.
PUT_OFF = {"aiohttp", "anyio", "tenacity", "email", "statistics", "typer", "rich", "hypothesis"} | {
    "prometheus_client", "opentelemetry",
}  # fmt: skip

CALLS = """
import asyncio, sys
from tread_async import ALL, SessionManager, TreadClient

async def main(kind, url, token, account_id):
    if kind == "client":
        client, accounts = TreadClient(token, base_url=url), {"account_ids": [account_id]}
    else:
        client, accounts = SessionManager({"a": token}, base_url=url), {"accounts": ALL}
    async with client:
        opened = set(sys.modules)
        await client.accounts()
        await client.set_leverage("5", pair="ETH:PERP-USDT", **accounts)
    print("opened:", *opened)
    print("later:", *set(sys.modules) - opened)

asyncio.run(main(*sys.argv[1:]))
"""


def loaded_by(script: str) -> set[str]:
    """The modules of a process that ran *script*."""
    script = f"{script}\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "script",
    [
        "import tread_async",
        "from tread_async import *",
        "from tread_async import *; TreadClient('t'); SessionManager({'a': 't'}, hedge_cached=True)",
    ],
)
def test_what_takes_long_is_not_loaded_before_a_client_is_opened(script: str) -> None:
    """Neither aiohttp, anyio nor tenacity; and the simulator and the command never."""
    loaded = loaded_by(script)

    assert "tread_async" in loaded
    assert not PUT_OFF & loaded
    assert not {"tread_async.simulator", "tread_async.cli"} & loaded


@pytest.mark.parametrize(
    "script",
    [
        "import tread_async; tread_async.__version__; hasattr(tread_async, '__wrapped__')",
        "from tread_async.errors import TreadError",
        "from tread_async.simulator import Simulator",
        "from tread_async.cli import main",
    ],
)
def test_who_wants_no_client_does_not_wait_for_it(script: str) -> None:
    """A part by itself, and what tools look for in every module."""
    assert not {"msgspec", "tread_async.client"} & loaded_by(script)


def test_every_pytest_of_an_environment_loads_the_plugin_and_little_else() -> None:
    """Neither the client nor the simulator, before one of its fixtures is used."""
    loaded = {name for name in loaded_by("import tread_async._pytest_plugin") if "tread_async" in name}

    assert loaded == {"tread_async", "tread_async._version", "tread_async._pytest_plugin"}


def test_public_modules_are_attributes_from_the_start() -> None:
    """`tread_async.rules` needs no import of its own."""
    script = f"import tread_async; [getattr(tread_async, name) for name in {PUBLIC_MODULES}]"

    assert {f"tread_async.{name}" for name in PUBLIC_MODULES} <= loaded_by(script)


@pytest.mark.parametrize(
    "names", ["from tread_async import *; names = dir()", "import tread_async; names = dir(tread_async)"]
)
def test_a_star_and_dir_give_all_names(names: str) -> None:
    """Also where no name was asked for before."""
    loaded_by(f"{names}; import tread_async; assert {{*tread_async.__all__}} <= {{*names}}, names")


@pytest.mark.parametrize("name", ["Client", "_Client", "__wrapped__"])
def test_a_name_that_is_not_there(name: str) -> None:
    """It is refused as by any module."""
    with pytest.raises(AttributeError, match=f"module 'tread_async' has no attribute '{name}'"):
        getattr(tread_async, name)
    with pytest.raises(ImportError, match=f"cannot import name '{name}' from 'tread_async'"):
        exec(f"from tread_async import {name}")


@pytest.mark.parametrize(
    "use", ["from tread_async import TreadClient", "hasattr(tread_async, 'TreadClient')"]
)
def test_a_part_that_does_not_load_is_no_name_that_is_not_there(tmp_path: Path, use: str) -> None:
    """The reason is shown, such as another package in an unknown version."""
    (tmp_path / "msgspec.py").touch()
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tread_async; {use}"

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert "module 'msgspec' has no attribute 'Struct'" in run.stderr
    assert run.stderr.splitlines()[-1] == "ImportError: tread_async does not load"


def test_what_a_test_puts_in_place_of_a_name_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a name is asked for that is not there, such as a part that is not loaded yet."""
    monkeypatch.setattr(tread_async, "TreadClient", None)

    assert not hasattr(tread_async, "not_there")
    assert "TreadClient" in dir(tread_async)
    assert tread_async.TreadClient is None


def test_what_is_put_in_place_of_a_name_before_it_is_loaded_stays() -> None:
    """It is an attribute like any other."""
    loaded_by("import tread_async as t; t.TreadClient = 5; t.Balance; assert t.TreadClient == 5")


def test_what_was_pickled_is_read_in_a_new_process() -> None:
    """It names the module that it is from, not the package."""
    pickled = pickle.dumps((AccountKey("desk", "main"), AccountKey))

    script = f"import pickle; key, kind = pickle.loads({pickled!r}); assert kind is type(key)"
    assert "tread_async.keys" in loaded_by(script)


@pytest.mark.parametrize("kind", ["client", "manager"])
async def test_no_call_imports_anything(kind: str) -> None:
    """An import holds the event loop, so all is done on opening: also what repeats and closing need."""
    async with Simulator(seed=7) as sim:
        sim.fail(status=500, times=2)
        arguments = (kind, sim.url, sim.tokens[0], sim.accounts()[0].id)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CALLS, *arguments, stdout=PIPE, stderr=PIPE
        )
        out, problem = await child.communicate()

        assert len(sim.journal.requests) > 3, problem.decode()
    opened, later = out.decode().splitlines()
    assert {"aiohttp", "tenacity"} < set(opened.split())
    assert later == "later:"
