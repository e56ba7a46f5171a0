"""What stands in a configuration file, checked: profiles, their settings and their tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from tread_async._codec import arguments as check
from tread_async._codec import settings
from tread_async._config.fields import FIELDS
from tread_async._config.sources import Source, Stdin
from tread_async._config.spelling import SOURCES, source
from tread_async.errors import UsageError
from tread_async.secret import Secret

__all__ = ["Document", "Profile", "Token", "document", "listed"]

_FOR_A_SECRET: Final = frozenset({"token", "api_token", "api_key", "key", "secret", "password"})
_NO_TOKEN_HERE: Final = (
    f"a token itself does not stand in this file; say where it is with one of {', '.join(SOURCES)}"
)

T = TypeVar("T")


class Token(msgspec.Struct, frozen=True):
    source: Source
    proxy: str | None = None


class Profile(msgspec.Struct, frozen=True):
    """The settings that the file gives, and the tokens by name."""

    settings: Mapping[str, Any]
    tokens: Mapping[str, Token]

    def __repr__(self) -> str:
        return f"<Profile of {len(self.tokens)} tokens>"  # a header may be a secret


class Document(msgspec.Struct, frozen=True):
    default_profile: str | None = None
    profiles: Mapping[str, Profile] = {}


def document(data: Mapping[str, Any], file: str) -> Document:
    """The document that was decoded as *data*. Raises `UsageError`, which repeats no value.

    Whoever catches that drops its frames: they hold the values.
    """
    _only(data, ("default_profile", "profiles"), file)
    profiles = {
        name: _profile(name, table, file)
        for name, table in _table(data.get("profiles", {}), f"{file}: profiles").items()
    }
    default = data.get("default_profile")
    if default is not None and default not in list(profiles):
        raise UsageError(f"{file}: default_profile names none of the profiles; there are {listed(profiles)}")
    return Document(default, profiles)


def listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


def _profile(name: str, given: object, file: str) -> Profile:
    whose = f"{file}: profile {name!r}"
    _said_of(whose, "its name", lambda: check.required_text(name, "its name"))
    table = _table(given, whose)
    _only(table, (*FIELDS, "tokens"), whose)
    chosen = {
        key: _said_of(whose, key, lambda key=key: FIELDS[key].checked(table[key]))  # type: ignore[misc]
        for key in FIELDS
        if key in table
    }
    base_url = chosen.get("base_url", FIELDS["base_url"].default)
    tables = _table(table.get("tokens", {}), f"{whose}: tokens")
    tokens = {name: _token(name, one, base_url, whose) for name, one in tables.items()}
    if sum(isinstance(token.source, Stdin) for token in tokens.values()) > 1:
        raise UsageError(f"{whose}: token_stdin is there for one token only: standard input is read once")
    return Profile(chosen, tokens)


def _token(name: str, given: object, base_url: str, profile: str) -> Token:
    whose = f"{profile}: token {name!r}"
    _said_of(whose, "its name", lambda: check.credential_name(name))
    if isinstance(given, str):
        raise UsageError(f"{whose}: {_NO_TOKEN_HERE}")
    table = _table(given, whose)
    _only(table, (*SOURCES, "proxy"), whose)
    keys = [key for key in SOURCES if key in table]
    if len(keys) != 1:
        said = f"has {' and '.join(keys)}" if keys else "does not say where it comes from"
        raise UsageError(f"{whose}: it {said}; give one of {', '.join(SOURCES)}")
    found = _said_of(whose, keys[0], lambda: source(keys[0], table[keys[0]], whose))
    proxy = table.get("proxy")
    if proxy is not None:
        _said_of(whose, "proxy", lambda: settings.proxy(_text(proxy, "proxy"), base_url))
    return Token(found, proxy)


def _said_of(whose: str, key: str, checked: Callable[[], T]) -> T:
    """What *checked* returns; what it refuses is said with the place, and with the key."""
    try:
        return checked()
    except UsageError as error:
        error.with_traceback(None)  # its frames hold the value
        problem = error.message
    raise UsageError(f"{whose}: {problem if key in problem else f'{key}: {problem}'}")


def _table(given: object, what: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise UsageError(f"{what} is a table, not {type(given).__name__}")
    return given


def _text(given: object, what: str) -> Secret:
    return Secret(check.required_text(given, what))


def _only(table: Mapping[str, Any], known: tuple[str, ...], whose: str) -> None:
    """Refuses a key that means nothing: a setting that is misspelt would silently be the default."""
    for key in table:
        if key in known:
            continue
        if key.lower() in _FOR_A_SECRET:
            raise UsageError(f"{whose}: {key}: {_NO_TOKEN_HERE}")
        raise UsageError(f"{whose}: the key {key!r} is not known{_meant(key, known)}")


def _meant(key: str, known: tuple[str, ...]) -> str:
    import difflib

    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
