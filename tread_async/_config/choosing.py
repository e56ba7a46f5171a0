"""What holds where the file, the environment and a caller say different things.

A setting is taken from the environment before the file. Tokens and their server are not mixed like that,
since a variable that was left over from yesterday would trade on other accounts, or show the tokens of
one server to another: where both say something about those, it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from tread_async._codec import settings
from tread_async._config.document import Document, Profile, Token, listed
from tread_async._config.environment import Environment
from tread_async._config.fields import FIELDS
from tread_async._config.sources import Variable
from tread_async.errors import UsageError

__all__ = ["API_TOKEN", "Chosen", "Value", "choose"]

API_TOKEN: Final = "TREAD_API_TOKEN"  # noqa: S105 - its name
PROFILE: Final = "TREAD_PROFILE"


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
    if named.value is None and document.profiles and not environment.has(API_TOKEN):
        raise UsageError(
            f"no profile is chosen: name one with --profile, {PROFILE} or, in {file}, default_profile; "
            f"there are {listed(document.profiles)}"
        )
    if named.value is not None and named.value not in document.profiles:
        raise UsageError(
            f"there is no profile {named.value!r} in {file}; there are {listed(document.profiles)}"
        )
    whose = f"profile {named.value!r} of {file}"
    given = document.profiles.get(named.value) or Profile({}, {})
    values = {name: _value(name, given.settings, environment, f"profile {named.value}") for name in FIELDS}
    if not given.tokens:
        lone = {"token": Token(Variable(API_TOKEN, API_TOKEN), None)} if environment.has(API_TOKEN) else {}
        return Chosen(named, values, lone, _variable(API_TOKEN))
    if environment.has(API_TOKEN) and not _names(given, API_TOKEN):
        raise UsageError(
            f"{API_TOKEN} is set, and {whose} has tokens of its own: unset the variable, "
            "or choose a profile without tokens"
        )
    at_home = given.settings.get("base_url", FIELDS["base_url"].default)
    if settings.origin(values["base_url"].value) != settings.origin(at_home):
        raise UsageError(
            f"TREAD_BASE_URL is another server than that of {whose}, whose tokens go nowhere else: "
            "unset the variable, or make a profile for that server"
        )
    return Chosen(named, values, given.tokens, f"profile {named.value}")


def _named(document: Document, environment: Environment, profile: str | None) -> Value:
    if profile is not None:
        return Value(profile, "--profile")
    if environment.has(PROFILE):
        return Value(environment.get(PROFILE), _variable(PROFILE))
    if document.default_profile is not None:
        return Value(document.default_profile, "default_profile")
    return Value(None, "default")


def _value(name: str, given: Mapping[str, Any], environment: Environment, profile: str) -> Value:
    variable, of_text = f"TREAD_{name.upper()}", FIELDS[name].of_text
    if of_text is not None and environment.has(variable):
        return Value(_checked(name, variable, environment), _variable(variable))
    if name in given:
        return Value(given[name], profile)
    return Value(FIELDS[name].default, "default")


def _checked(name: str, variable: str, environment: Environment) -> Any:
    value, problem = _parsed(name, environment.get(variable) or "")
    if problem:
        raise UsageError(f"{variable}: {problem}")
    return value


def _parsed(name: str, text: str) -> tuple[Any, str]:
    field_ = FIELDS[name]
    try:
        return field_.checked(field_.of_text(text) if field_.of_text else text), ""
    except UsageError as error:
        error.with_traceback(None)  # its frames hold the text
        return None, error.message


def _variable(name: str) -> str:
    return f"environment variable {name}"


def _names(profile: Profile, variable: str) -> bool:
    """Whether a token of *profile* is that of *variable*, which then says nothing else."""
    sources = [token.source for token in profile.tokens.values()]
    return any(isinstance(source, Variable) and source.text == variable for source in sources)
