"""What holds where the file, the environment and a caller say different things.

A setting is taken from the environment before the file. Tokens, headers and their server are not mixed
like that, since a variable that was left over from yesterday would trade on other accounts, or show the
secrets of one server to another: where both say something about those, it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from tread_async._codec import settings
from tread_async._config.document import Document, Profile, Token, listed
from tread_async._config.environment import Environment
from tread_async._config.fields import FIELDS
from tread_async._config.sources import Variable
from tread_async.errors import UsageError

__all__ = ["API_TOKEN", "Chosen", "Value", "choose"]

API_TOKEN: Final = "TREAD_API_TOKEN"  # noqa: S105 - its name
_PROFILE: Final = "TREAD_PROFILE"


class Value(NamedTuple):
    value: Any
    origin: str

    def __repr__(self) -> str:
        return f"<Value of {self.origin}>"  # a header may be a secret


class Chosen(msgspec.Struct, frozen=True):
    """What holds.

    Attributes:
        profile: Its name; the value is ``None`` where there is none.
        settings: In the order of `FIELDS`.
        tokens: By name; all of one origin.
    """

    profile: Value
    settings: Mapping[str, Value]
    tokens: Mapping[str, Token]
    tokens_from: str


def choose(document: Document, file: str, environment: Environment, profile: str | None = None) -> Chosen:
    """What holds of *document*, which stands in *file*, for *profile*. Raises `UsageError`."""
    named = _named(document, environment, profile)
    _check_named(named, document, file, environment)
    given = document.profiles.get(named.value) or Profile({}, {})
    origin = f"profile {named.value}"
    values = {name: _value(name, given.settings, environment, origin) for name in FIELDS}
    whose = f"profile {named.value!r} of {file}"
    _refuse_another_server(given, values["base_url"].value, whose)
    if given.tokens:
        _refuse_another_token(given, environment, whose)
        return Chosen(named, values, given.tokens, origin)
    lone = {"token": Token(Variable(API_TOKEN, API_TOKEN))} if environment.has(API_TOKEN) else {}
    return Chosen(named, values, lone, _variable(API_TOKEN))


def _named(document: Document, environment: Environment, profile: str | None) -> Value:
    if profile is not None:
        return Value(profile, "--profile")
    if environment.has(_PROFILE):
        return Value(environment.get(_PROFILE), _variable(_PROFILE))
    if document.default_profile is not None:
        return Value(document.default_profile, "default_profile")
    return Value(None, "default")


def _check_named(named: Value, document: Document, file: str, environment: Environment) -> None:
    known = listed(document.profiles)
    if named.value is None and document.profiles and not environment.has(API_TOKEN):
        raise UsageError(
            f"no profile is chosen: name one with --profile, {_PROFILE} or, in {file}, default_profile; "
            f"there are {known}"
        )
    if named.value is not None and named.value not in document.profiles:
        raise UsageError(f"there is no profile {named.value!r} in {file}; there are {known}")


def _refuse_another_token(given: Profile, environment: Environment, whose: str) -> None:
    if environment.has(API_TOKEN) and not _names(given, API_TOKEN):
        raise UsageError(
            f"{API_TOKEN} is set, and {whose} has tokens of its own: unset the variable, "
            "or choose a profile without tokens"
        )


def _refuse_another_server(given: Profile, base_url: str, whose: str) -> None:
    own = [key for key, has in (("tokens", given.tokens), ("headers", given.settings.get("headers"))) if has]
    at_home = given.settings.get("base_url", FIELDS["base_url"].default)
    if own and _server(base_url) != _server(at_home):
        raise UsageError(
            f"TREAD_BASE_URL is another server than that of {whose}, whose {' and '.join(own)} go nowhere "
            "else: unset the variable, or make a profile for that server"
        )


def _server(base_url: str) -> tuple[str, str]:
    """Behind one host each path may be the server of somebody else."""
    return settings.origin(base_url), urlsplit(base_url).path


def _names(profile: Profile, variable: str) -> bool:
    """Whether a token of *profile* is that of *variable*, which then says nothing else."""
    sources = [token.source for token in profile.tokens.values()]
    return any(isinstance(source, Variable) and source.text == variable for source in sources)


def _value(name: str, given: Mapping[str, Any], environment: Environment, profile: str) -> Value:
    field, variable = FIELDS[name], f"TREAD_{name.upper()}"
    if field.of_text is not None and environment.has(variable):
        value, problem = _parsed(field.checked, field.of_text, environment.get(variable) or "")
        if problem:
            raise UsageError(f"{variable}: {problem}")
        return Value(value, _variable(variable))
    if name in given:
        return Value(given[name], profile)
    return Value(field.default, "default")


def _parsed(checked: Callable[[Any], Any], of_text: Callable[[str], Any], text: str) -> tuple[Any, str]:
    """What *text* means; or what is wrong with it."""
    try:
        return checked(of_text(text)), ""
    except UsageError as error:
        error.with_traceback(None)  # its frames hold the text
        return None, error.message


def _variable(name: str) -> str:
    return f"environment variable {name}"
