"""A manager of what is configured, at work."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import FAST, ONE_TRY
from tests.support.toml import toml
from tread_async import AuthError, Config, SessionManager, Setting, UsageError
from tread_async._rates import RATES


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for somebody who has set none."""
    for name in ("TREAD_API_TOKEN", "TREAD_BASE_URL", "TREAD_PROFILE", "TREAD_DEADLINE_S"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Path]:
    """Writes profiles to the file that ``TREAD_CONFIG`` names."""
    file = tmp_path / "tread.toml"
    monkeypatch.setenv("TREAD_CONFIG", str(file))

    def write(profiles: dict[str, Any], **more: Any) -> Path:
        file.write_text(toml({"profiles": profiles, **more}))
        file.chmod(0o600)
        return file

    return write


def put(folder: Path, name: str, token: str) -> str:
    """A file of ours with *token* in it."""
    file = folder / name
    file.touch(mode=0o600)
    file.write_text(f"{token}\n")
    return str(file)


def users(*tokens: str) -> list[User]:
    return [User(token=token, accounts=[Held(name=f"of-{token}")]) for token in tokens]


async def test_tokens_of_every_kind(
    configured: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sends its own requests; accounts are called by the names in the file."""
    monkeypatch.setenv("DESK_C", "canary-c")
    async with FleetServer(*users("canary-a", "canary-b", "canary-c")) as server:
        tokens = {
            "a": {"token_file": put(tmp_path, "a", "canary-a")},
            "b": {"token_command": f"cat '{put(tmp_path, 'b', 'canary-b')}'"},
            "c": {"token_env": "DESK_C"},
        }
        configured({"p": {"base_url": server.url, "tokens": tokens}})
        async with SessionManager.from_config("p", retry=FAST) as desk:
            listing = await desk.accounts()
        async with SessionManager.from_config("p", tokens=["c", "a"]) as some:
            of_some = await some.accounts()

    assert [str(key) for key in listing.accounts] == ["a/of-canary-a", "b/of-canary-b", "c/of-canary-c"]
    assert [str(key) for key in of_some.accounts] == ["a/of-canary-a", "c/of-canary-c"]


@pytest.mark.parametrize("kind", ["token_file", "token_command"])
async def test_a_token_that_is_replaced(configured: Callable[..., Path], tmp_path: Path, kind: str) -> None:
    """A 401 asks for it once more, so that nothing has to be started again."""
    file = put(tmp_path, "a", "canary-1")
    source = {"token_file": file} if kind == "token_file" else {"token_command": f"cat '{file}'"}
    async with FleetServer(*users("canary-1")) as server:
        configured({"p": {"base_url": server.url, "tokens": {"a": source}}}, default_profile="p")
        async with SessionManager.from_config(retry=FAST) as desk:
            before = await desk.accounts()
            server.users = users("canary-2")  # type: ignore[assignment]
            put(tmp_path, "a", "canary-2")
            after = await desk.accounts(refresh=True)

    assert [str(key) for key in before.accounts] == ["a/of-canary-1"]
    assert [str(key) for key in after.accounts] == ["a/of-canary-2"]
    assert server.refused == ["canary-1"]


async def test_a_token_that_cannot_be_had_is_an_outcome_of_its_own(
    configured: Callable[..., Path], tmp_path: Path
) -> None:
    """The others go on; nothing is sent for it."""
    file = put(tmp_path, "b", "canary-b")
    os.chmod(file, 0o644)
    async with FleetServer(*users("canary-a", "canary-b")) as server:
        tokens = {"a": {"token_file": put(tmp_path, "a", "canary-a")}, "b": {"token_file": file}}
        path = configured({"p": {"base_url": server.url, "tokens": tokens}})
        async with SessionManager.from_config("p", retry=ONE_TRY) as desk:
            listing = await desk.accounts()

    assert [str(key) for key in listing.accounts] == ["a/of-canary-a"]
    assert str(listing.unlisted["b"]).endswith(
        f"{path}: profile 'p': token 'b': {file} has the mode 0644; run: chmod 600 {file}"
    )
    assert type(listing.unlisted["b"]) is UsageError


async def test_the_variable_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token is called as ever."""
    async with FleetServer(*users("canary-a")) as server:
        monkeypatch.setenv("TREAD_API_TOKEN", "canary-a\n")
        monkeypatch.setenv("TREAD_BASE_URL", server.url)
        async with SessionManager.from_config(tokens=["token"]) as desk:
            listing = await desk.accounts()

    assert [str(key) for key in listing.accounts] == ["token/of-canary-a"]


async def test_what_is_said_in_code_holds(
    configured: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the environment, which holds before the file; ``None`` is as configured."""
    tokens = {"a": {"token_file": put(tmp_path, "a", "canary-a")}}
    async with FleetServer(*users("canary-a")) as server:
        configured({"p": {"base_url": server.url, "deadline_s": 5, "requests_per_s": 7, "tokens": tokens}})
        monkeypatch.setenv("TREAD_DEADLINE_S", "6")
        found = [
            SessionManager.from_config("p", **given)._wiring.deadline_s("accounts", None)
            for given in ({"deadline_s": 4.0}, {"deadline_s": None})
        ]
        async with SessionManager.from_config("p") as one, SessionManager.from_config("p") as two:
            await asyncio.gather(one.accounts(), two.accounts())
            rates = [[member.requests_per_s for member in one.members] for one in RATES._budgets.values()]

    assert found == [4.0, 6.0]
    assert rates == [[7.0, 7.0]]  # both share the rate of the token


def test_what_cannot_be_said_in_code(configured: Callable[..., Path]) -> None:
    """Another server for the tokens of a profile, and names that are not in a list."""
    configured({"p": {"tokens": {"a": {"token_env": "A"}, "b": {"token_env": "B"}}}})
    wrong: Any = {"base_url": "http://127.0.0.1:1"}

    with pytest.raises(UsageError, match="base_url stands in the profile"):
        Config.load("p").arguments(wrong)
    with pytest.raises(UsageError, match="tokens is a list of names"):
        Config.load("p", tokens="a")
    with pytest.raises(UsageError, match=r"no token is called that; .* there are 'a', 'b'"):
        Config.load("p", tokens=["a", "c"])
    with pytest.raises(UsageError, match="profile is empty"):
        Config.load("")


def test_a_variable_of_a_token_that_is_not_used_may_be_missing(
    configured: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that is used it is said when the manager is made."""
    monkeypatch.setenv("DESK_A", "canary-a")
    configured({"p": {"tokens": {"a": {"token_env": "DESK_A"}, "b": {"token_env": "DESK_B"}}}})

    assert SessionManager.from_config("p", tokens=["a"]).credentials == ("a",)
    with pytest.raises(
        UsageError, match="profile 'p': token 'b': the variable that token_env names is not set"
    ):
        SessionManager.from_config("p")


def test_no_token_at_all(configured: Callable[..., Path], tmp_path: Path) -> None:
    """It says what a new user has to do."""
    file = configured({"p": {}})
    with pytest.raises(UsageError, match=r"^there is no API token; set TREAD_API_TOKEN .*the profile 'p' of"):
        SessionManager.from_config("p")
    file.write_text("")
    with pytest.raises(
        UsageError, match=r"^there is no API token; set TREAD_API_TOKEN .*'tread config init'"
    ):
        SessionManager.from_config(path=file)


def test_settings_are_fit_to_be_shown(
    configured: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No token and no header's value is among them."""
    monkeypatch.setenv("DESK_A", "canary-a")
    tokens = {
        "a": {"token_env": "DESK_A", "proxy": "http://10.0.0.1:3128"},
        "b": {"token_command": "pass show b"},
        "c": {"token_stdin": True},
    }
    path = configured({"p": {"headers": {"X-Desk": "canary"}, "tokens": tokens}}, default_profile="p")
    found = Config.load()

    assert (found.path, found.profile) == (path, "p")
    assert found.settings[0] == Setting("profile", "p", "default_profile")
    assert found.settings[-4:] == (
        Setting("headers", {"X-Desk": "<hidden>"}, "profile p"),
        Setting(
            "tokens.a", {"token_env": "DESK_A", "set": True, "proxy": "http://10.0.0.1:3128"}, "profile p"
        ),
        Setting("tokens.b", {"token_command": "pass show b"}, "profile p"),
        Setting("tokens.c", {"token_stdin": True}, "profile p"),
    )
    assert "canary" not in repr(found)
    assert found.credentials["a"].proxy is not None


async def test_a_token_that_is_refused_again(configured: Callable[..., Path], tmp_path: Path) -> None:
    """The program is asked once more, and not for every request after that."""
    count = tmp_path / "count"
    command = f"sh -c 'echo x >> {count}; echo canary-old'"
    async with FleetServer(*users("canary-new")) as server:
        configured({"p": {"base_url": server.url, "tokens": {"a": {"token_command": command}}}})
        async with SessionManager.from_config("p", retry=FAST) as desk:
            listings = [await desk.accounts(refresh=True) for _ in range(3)]

    assert all(type(listing.unlisted["a"]) is AuthError for listing in listings)
    assert (server.refused, count.read_text()) == (["canary-old"], "x\nx\n")
