"""What a desk is made of, as the configuration file and the environment say it.

Which of the two holds, and where a token may come from, is in ``docs/configuration.md``.
"""

from __future__ import annotations

import os
import ssl as tls
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypedDict

import msgspec

from tread_async._codec import arguments as check
from tread_async._config.choosing import API_TOKEN, Chosen, choose
from tread_async._config.document import Document, Token, listed
from tread_async._config.environment import Environment
from tread_async._config.reading import read
from tread_async._config.sources import Source, Variable, shared
from tread_async._config.where import place_of
from tread_async._identity import Credential
from tread_async._policy import RetryPolicy
from tread_async.errors import UsageError
from tread_async.hooks import Hooks

__all__ = ["Config", "Overrides", "Setting"]

_HIDDEN: Final = "<hidden>"


class Overrides(TypedDict, total=False):
    """What `SessionManager.from_config` takes in place of what is configured."""

    deadline_s: float | None
    retry: RetryPolicy | None
    max_in_flight: int | None
    max_in_flight_per_token: int | None
    requests_per_s: float | None
    auth_scheme: str | None
    headers: Mapping[str, str] | None
    ssl: tls.SSLContext | None
    hedge_cached: bool | None
    hooks: Hooks | Iterable[Hooks] | None


class Setting(NamedTuple):
    """One thing that is configured, fit to be shown.

    Attributes:
        name: Such as ``base_url``; of a token, ``tokens.`` and its name.
        value: Of a token it says where it comes from, of headers the names only.
        origin: ``--profile``, ``environment variable TREAD_...``, ``profile ...`` or ``default``.
    """

    name: str
    value: Any
    origin: str


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A profile of the configuration file, and what the environment says to it.

    Attributes:
        path: Where the file is, or would be.
        profile: Its name, or ``None`` where no profile is chosen.
        settings: What holds, and why.
    """

    path: Path
    profile: str | None
    settings: tuple[Setting, ...]
    _chosen: Chosen
    _tokens: Mapping[str, Token]

    def __repr__(self) -> str:
        return f"<Config of profile {self.profile!r}, {self.path}>"

    @classmethod
    def load(
        cls,
        profile: str | None = None,
        *,
        path: str | os.PathLike[str] | None = None,
        tokens: Iterable[str] = (),
    ) -> Self:
        """Reads the file and the environment. No token is asked for.

        Args:
            profile: By default ``TREAD_PROFILE``, or else the file's ``default_profile``.
            path: The file; by default ``TREAD_CONFIG``, or else the platform's folder for configuration.
            tokens: The names of the only tokens to use; empty for all.

        Raises:
            UsageError: something cannot work, or the file and the environment contradict each other.
        """
        if profile is not None:
            check.required_text(profile, "profile")
        environment = Environment()
        place = place_of(path, environment)
        document = read(place) or Document()
        chosen = choose(document, str(place.path), environment, profile)
        some = _picked(chosen, tokens)
        return cls(
            path=place.path,
            profile=chosen.profile.value,
            settings=tuple(_shown(chosen, some, environment)),
            _chosen=chosen,
            _tokens=some,
        )

    def arguments(self, overrides: Overrides | None = None) -> dict[str, Any]:
        """The settings as arguments of `SessionManager`; *overrides* hold where they are not ``None``."""
        given = {name: value for name, value in (overrides or {}).items() if value is not None}
        if "base_url" in given:
            raise UsageError("base_url stands in the profile: its tokens are for that server alone")
        return {name: one.value for name, one in self._chosen.settings.items()} | given

    @property
    def credentials(self) -> dict[str, Credential]:
        """The tokens by name. Those of a variable are read now, the others when they are needed.

        Raises:
            UsageError: there is none, or a variable is not set.
        """
        if not self._tokens:
            raise UsageError(self._no_token())
        environment = Environment()
        return {name: _credential(token, environment) for name, token in self._tokens.items()}

    def _no_token(self) -> str:
        if self.profile is None:
            where = f"name your tokens in {self.path}, of which 'tread config init' writes an example"
        else:
            where = f"name tokens in the profile {self.profile!r} of {self.path}"
        return f"there is no API token; set {API_TOKEN} in the environment, or {where}"


def _picked(chosen: Chosen, names: Iterable[str]) -> Mapping[str, Token]:
    if isinstance(names, str):
        raise UsageError("tokens is a list of names, such as ['desk-a']")
    wanted = set(names)
    if chosen.tokens and not wanted <= chosen.tokens.keys():
        # Not repeated: somebody may have put the token in place of its name.
        known = listed(chosen.tokens)
        raise UsageError(f"no token is called that; it is a name, never the token itself: there are {known}")
    return {name: token for name, token in chosen.tokens.items() if not wanted or name in wanted}


def _credential(token: Token, environment: Environment) -> Credential:
    source = token.source
    given = source.token(environment) if isinstance(source, Variable) else shared(source)
    return Credential(given, proxy=token.proxy)


def _shown(chosen: Chosen, tokens: Mapping[str, Token], environment: Environment) -> Iterator[Setting]:
    yield Setting("profile", *chosen.profile)
    for name, (value, origin) in chosen.settings.items():
        yield Setting(name, dict.fromkeys(value, _HIDDEN) if name == "headers" else value, origin)
    for name, token in tokens.items():
        shown = _source_shown(token.source, environment)
        if token.proxy is not None:
            shown["proxy"] = token.proxy
        yield Setting(f"tokens.{name}", shown, chosen.tokens_from)


def _source_shown(source: Source, environment: Environment) -> dict[str, str | bool]:
    if isinstance(source, Variable):
        return {source.key: source.text, "set": environment.has(source.text)}
    return {source.key: source.text or True}  # there is nothing to say of standard input
