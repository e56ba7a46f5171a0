"""What may stand in the configuration file, and how the rest is refused."""

from __future__ import annotations

import inspect
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.toml import toml
from tread_async import SessionManager, UsageError
from tread_async._config.document import Document
from tread_async._config.fields import FIELDS
from tread_async._config.reading import read
from tread_async._config.sources import Command, File, Keyring, Stdin, Variable
from tread_async._config.spelling import SOURCES
from tread_async._config.where import Place

TOKEN = {"token_env": "DESK_A_TOKEN"}


def written(folder: Path, content: str | bytes) -> Path:
    """A file that only we can write to."""
    file = folder / "tread.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(0o600)
    return file


def document_of(folder: Path, content: str | bytes) -> Document:
    found = read(Place(written(folder, content), named=True))
    assert found is not None
    return found


def refused(folder: Path, content: str | bytes) -> str:
    """The one sentence with which it is refused, less the file at its beginning."""
    with pytest.raises(UsageError) as caught:
        document_of(folder, content)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"{folder / 'tread.toml'}: ")
    return said.removeprefix(f"{folder / 'tread.toml'}: ")


def test_every_key(tmp_path: Path) -> None:
    """Each setting and each source of a token is read as what it is."""
    found = document_of(
        tmp_path,
        """
        default_profile = "prod"
        [profiles.prod]
        base_url = "https://tread.example/"
        deadline_s = 5
        max_in_flight = 16
        max_in_flight_per_token = 4
        requests_per_s = 2.5
        hedge_cached = true
        auth_scheme = "Bearer"
        headers = { User-Agent = "desk/1" }
        [profiles.prod.tokens]
        a = { token_env = "DESK_A_TOKEN" }
        b = { token_file = "~/b", proxy = "http://10.0.0.1:3128" }
        c = { token_command = "pass show 'c d'" }
        d = { token_keyring = "tread/d" }
        e = { token_stdin = true }
        [profiles.empty]
        """,
    )

    prod = found.profiles["prod"]
    assert found.default_profile == "prod"
    assert prod.settings == {
        "base_url": "https://tread.example",
        "deadline_s": 5.0,
        "max_in_flight": 16,
        "max_in_flight_per_token": 4,
        "requests_per_s": 2.5,
        "hedge_cached": True,
        "auth_scheme": "Bearer",
        "headers": {"User-Agent": "desk/1"},
    }
    kinds = [type(token.source) for token in prod.tokens.values()]
    assert kinds == [Variable, File, Command, Keyring, Stdin]
    assert [token.source.text for token in prod.tokens.values()][:4] == [
        "DESK_A_TOKEN",
        "~/b",
        "pass show 'c d'",
        "tread/d",
    ]
    assert [token.proxy for token in prod.tokens.values()][:2] == [None, "http://10.0.0.1:3128"]
    assert (found.profiles["empty"].settings, found.profiles["empty"].tokens) == ({}, {})


def test_defaults_are_those_of_the_manager() -> None:
    """So a setting that is left out is what it is in code."""
    arguments = inspect.signature(SessionManager).parameters

    for name, field in FIELDS.items():
        assert (arguments[name].default or {}) == (field.default or {})


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("profile = 1", "the key 'profile' is not known; did you mean profiles?"),
        ("profiles = 1", "profiles is a table, not int"),
        ("xyz = 1", "the key 'xyz' is not known; known are default_profile, profiles"),
        (
            'default_profile = "canary"\n[profiles.a]',
            "default_profile names none of the profiles; there are 'a'",
        ),
        ("default_profile = []", "default_profile names none of the profiles; there are none"),
        ("[profiles]\na = 5", "profile 'a' is a table, not int"),
        ('[profiles.""]', "profile '': its name is empty"),
        (
            "[profiles.a]\nbase_ulr = 5",
            "profile 'a': the key 'base_ulr' is not known; did you mean base_url?",
        ),
        ("[profiles.a]\nbase_url = 5", "profile 'a': base_url is a text, not int"),
        ("[profiles.a]\ndeadline_s = nan", "profile 'a': deadline_s is a number of seconds above 0"),
        ("[profiles.a]\nmax_in_flight = 0", "profile 'a': max_in_flight is a whole number from 1 to 1000"),
        (
            "[profiles.a]\nmax_in_flight_per_token = true",
            "profile 'a': max_in_flight_per_token is a whole number from 1 to 1000",
        ),
        ("[profiles.a]\nrequests_per_s = 'canary'", "profile 'a': requests_per_s is a number"),
        ("[profiles.a]\nhedge_cached = 'false'", "profile 'a': hedge_cached is true or false"),
        ("[profiles.a]\nauth_scheme = 'Token canary'", "profile 'a': auth_scheme is one word"),
        (
            "[profiles.a]\nheaders = { Authorization = 'canary' }",
            "profile 'a': headers: the header Authorization is set by the library",
        ),
        ("[profiles.a]\ntokens = 'canary'", "profile 'a': tokens is a table, not str"),
        ("[profiles.a.tokens]\n'x/y' = {}", "profile 'a': token 'x/y': its name has a slash"),
        ("[profiles.a.tokens]\nx = 5", "profile 'a': token 'x' is a table, not int"),
        ("[profiles.a.tokens.x]", "profile 'a': token 'x': it does not say where it comes from; give one of"),
        (
            "[profiles.a.tokens.x]\ntoken_env = 'A'\ntoken_stdin = true",
            "profile 'a': token 'x': it has token_env and token_stdin; give one of",
        ),
        (
            "[profiles.a.tokens.x]\ntoken_fiel = '/a'",
            "the key 'token_fiel' is not known; did you mean token_file?",
        ),
        (
            "[profiles.a.tokens.x]\ntoken_env = 'canary'",
            "token 'x': token_env is the name of a variable in capital",
        ),
        (
            "[profiles.a.tokens.x]\ntoken_file = 'canary'",
            "token 'x': token_file is a path that begins with / or ~/",
        ),
        ("[profiles.a.tokens.x]\ntoken_keyring = 'canary'", "token 'x': token_keyring is SERVICE/USER"),
        ("[profiles.a.tokens.x]\ntoken_keyring = 'canary/'", "token 'x': token_keyring is SERVICE/USER"),
        ("[profiles.a.tokens.x]\ntoken_command = ['canary']", "token 'x': token_command is a text, not list"),
        ('[profiles.a.tokens.x]\ntoken_command = "\'canary"', "token 'x': token_command is a program"),
        ("[profiles.a.tokens.x]\ntoken_command = ' '", "token 'x': token_command is empty"),
        ("[profiles.a.tokens.x]\ntoken_stdin = false", "token 'x': token_stdin is true, or left out"),
        (
            "[profiles.a.tokens]\nx = { token_stdin = true }\ny = { token_stdin = true }",
            "profile 'a': token_stdin is there for one token only",
        ),
        (
            "[profiles.a.tokens.x]\ntoken_env = 'A'\nproxy = 'http://canary:canary@10.0.0.1'",
            "token 'x': a proxy with a user name and password in its URL is not supported",
        ),
        ("[profiles.a.tokens.x]\ntoken_env = 'A'\nproxy = 5", "token 'x': proxy is a text, not int"),
        (
            "[profiles.a]\nbase_url = 'http://127.0.0.1:1'\n"
            "[profiles.a.tokens.x]\ntoken_env = 'A'\nproxy = 'http://10.0.0.1:3128'",
            "token 'x': a proxy is only used for an https base_url",
        ),
        ("a = 1\na = 'canary'\n", "it is not TOML (line 2, column 13)"),
        ("[profiles.canary", "it is not TOML"),
        ("a = " + "9" * 5000, "it is not TOML"),
        ("a = " + "[" * 5000, "it is not TOML"),
        (b"\xff", "it is not UTF-8"),
        ("#" * 1_100_000, "there is more than 1024 KiB to read"),
    ],
)
def test_what_is_refused(tmp_path: Path, document: str | bytes, said: str) -> None:
    """With the file, the profile, the token and the key, and with no value."""
    assert said in refused(tmp_path, document)


@pytest.mark.parametrize(
    "document",
    [
        "token = 'canary'",
        "[profiles.a]\ntoken = 'canary'",
        "[profiles.a]\nAPI_KEY = 'canary'",
        "[profiles.a.tokens]\nx = 'canary'",
        "[profiles.a.tokens.x]\ntoken = 'canary'",
        "[profiles.a.tokens.x]\ntoken_env = 'A'\npassword = 'canary'",
    ],
)
def test_a_token_itself_is_refused(tmp_path: Path, document: str) -> None:
    """It says where a token may stand instead."""
    said = refused(tmp_path, document)

    assert "a token itself does not stand in this file" in said
    assert all(key in said for key in SOURCES)


SECRETS = st.sampled_from(
    ["canary", "~/canary", "/canary/x", "https://canary", "'canary", "canary canary", ""]
)
LEAVES = st.one_of(
    SECRETS, st.integers(), st.floats(), st.booleans(), st.lists(SECRETS, max_size=2), st.text(max_size=4)
).filter(lambda value: not isinstance(value, str) or value.isprintable())
NAMES = st.one_of(
    st.sampled_from(
        ["a", "x/y", "token", "profil", "", "é", "\x7f", 'q"', *FIELDS, *SOURCES, "proxy", "tokens"]
    ),
)


def tables(known: list[str], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Tables of which most keys mean something."""
    return st.dictionaries(st.one_of(st.sampled_from(known), NAMES), inner, max_size=3)


RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "base_url": st.sampled_from(["https://a.example", "http://127.0.0.1:1"]),
    "deadline_s": st.floats(0.1, 100),
    "max_in_flight": st.integers(1, 1000),
    "headers": st.just({"User-Agent": "canary"}),
}
ONE_TOKEN = st.one_of(
    st.just(TOKEN),
    st.builds(lambda key, value: {key: value}, st.sampled_from([*SOURCES]), LEAVES),
    tables([*SOURCES, "proxy"], LEAVES),
    LEAVES,
)
ONE_PROFILE = st.one_of(
    st.fixed_dictionaries({"tokens": st.dictionaries(NAMES, ONE_TOKEN, max_size=2)}, optional=RIGHT),
    tables([*FIELDS, "tokens"], st.one_of(LEAVES, tables([*SOURCES], LEAVES))),
    LEAVES,
)
DOCUMENTS = st.one_of(
    st.fixed_dictionaries(
        {"profiles": st.dictionaries(NAMES, ONE_PROFILE, max_size=2)}, optional={"default_profile": LEAVES}
    ),
    tables(["profiles", "default_profile"], LEAVES),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(
    content=st.one_of(DOCUMENTS.map(toml), st.text(max_size=30).map("x = 'canary'\n".__add__), st.binary())
)
@example(content="")
@example(content='profiles = {"a" = {"tokens" = {"x" = {"token_env" = "A"}}}}')
def test_any_file_is_a_document_or_one_sentence(tmp_path: Path, content: str | bytes) -> None:
    """Nothing else is ever raised, and the sentence has the file and no value."""
    file = written(tmp_path, content if isinstance(content, bytes) else content.encode())
    problem, found = "", None
    try:
        found = read(Place(file, named=True))
    except UsageError as error:
        problem = str(error)

    assert isinstance(found, Document) or problem.startswith(f"{file}: ")
    assert "\n" not in problem
    assert "canary" not in repr((found, problem))


def test_some_of_these_files_are_right(tmp_path: Path) -> None:
    """Or the property above would hold for a reader that refuses everything."""
    seen = set()

    @settings(max_examples=200, deadline=None, database=None)
    @given(DOCUMENTS)
    def look(document: dict[str, Any]) -> None:
        try:
            seen.add(len(document_of(tmp_path, toml(document)).profiles))
        except UsageError:
            seen.add(-1)

    look()
    assert {-1, 1} <= seen


def test_where_there_is_no_file(tmp_path: Path) -> None:
    """That is a mistake only where somebody named it."""
    missing = tmp_path / "not there"

    assert read(Place(missing, named=False)) is None
    with pytest.raises(UsageError, match="there is no such file"):
        read(Place(missing, named=True))
    assert read(Place(Path(os.devnull), named=True)) is None


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """Also where nobody named it: it may be there."""
    with pytest.raises(UsageError, match="it cannot be opened: Not a directory"):
        read(Place(written(tmp_path, "") / "tread.toml", named=False))


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    """They could have the tokens sent to a server of theirs, or run a command."""
    written(tmp_path, "").chmod(mode)

    with pytest.raises(UsageError, match="run: chmod go-w"):
        read(Place(tmp_path / "tread.toml", named=True))


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
@pytest.mark.parametrize("of_the_link", [True, False])
def test_a_file_in_a_folder_that_others_can_write_to_is_refused(
    tmp_path: Path, mode: int, of_the_link: bool
) -> None:
    """They could put another one in its place; not so where only its owner may, as in ``/tmp``."""
    (folder := tmp_path / "of the file").mkdir()
    (other := tmp_path / "of the link").mkdir()
    (link := other / "link").symlink_to(written(folder, ""))
    open_to_all = other if of_the_link else folder
    open_to_all.chmod(mode)

    with pytest.raises(UsageError) as caught:
        read(Place(link, named=True))
    assert str(caught.value) == (
        f"{link}: others can write to {open_to_all}, and so replace what is in it; "
        f"run: chmod go-w '{open_to_all}'"
    )
    open_to_all.chmod(mode | stat.S_ISVTX)
    assert read(Place(link, named=True)) == Document()


def test_a_file_in_a_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose it is to put another one in its place."""
    file, state = written(tmp_path, ""), os.stat
    fields = [*state(tmp_path)]
    fields[stat.ST_UID] = os.geteuid() + 1
    with monkeypatch.context() as patched:
        patched.setattr(
            os,
            "stat",
            lambda path, **options: (
                os.stat_result(fields) if str(path) == str(tmp_path) else state(path, **options)
            ),
        )
        with pytest.raises(UsageError, match="belongs to another user, who can replace what is in it"):
            read(Place(file, named=True))


def test_a_file_that_is_swapped_after_it_was_opened_is_judged_as_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one of the same name lends it no mode."""
    file = written(tmp_path, "")
    file.chmod(0o622)
    opened = os.open

    def swapped(path: Any, *more: Any, **options: Any) -> int:
        descriptor = opened(path, *more, **options)
        if str(path) == str(file):
            file.unlink()
            written(tmp_path, "")
        return descriptor

    monkeypatch.setattr(os, "open", swapped)

    with pytest.raises(UsageError, match="run: chmod go-w"):
        read(Place(file, named=True))


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The administrator's is not."""
    file = written(tmp_path, "")
    os.chown(file, *([12345] * 2)) if os.geteuid() == 0 else monkeypatch.setattr(os, "geteuid", lambda: 12345)

    with pytest.raises(UsageError, match="it belongs to another user"):
        read(Place(file, named=True))


def test_a_file_that_others_may_read_or_that_is_linked_to_is_read(tmp_path: Path) -> None:
    """There is no secret in it, and dotfiles are often links."""
    written(tmp_path, "").chmod(0o644)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "tread.toml")

    assert read(Place(link, named=False)) == Document()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file(tmp_path: Path, make: Any) -> None:
    """Nobody waits for the other end of a pipe."""
    make(tmp_path / "it", 0o700)

    with pytest.raises(UsageError, match="it is not a regular file"):
        read(Place(tmp_path / "it", named=True))
