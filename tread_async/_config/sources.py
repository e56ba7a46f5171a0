"""Where a token comes from, and how it is had from there."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import sys
from collections.abc import Callable
from typing import ClassVar, Final, TypeAlias

import msgspec

from tread_async._codec import settings
from tread_async._config.commands import Program
from tread_async._config.environment import Environment
from tread_async._config.files import UnreadableError, patiently_read, secret_bytes, token_bytes
from tread_async._config.threads import READINGS, Reading
from tread_async.errors import UsageError
from tread_async.secret import Secret

__all__ = ["Command", "File", "Function", "Keyring", "Source", "Stdin", "Variable", "shared"]

_KILLED_WITHIN_S: Final = 1.0

Found: TypeAlias = tuple[Secret | None, str]
"""A token; or why there is none."""


class _Source(msgspec.Struct, frozen=True):
    """A way to a token.

    Attributes:
        text: What the configuration says of it; no secret.
        whose: The token's name and where it is configured, for sentences.
    """

    key: ClassVar[str]
    text: str
    whose: str

    def __repr__(self) -> str:
        return f"<{self.key} of {self.whose}>"


class Variable(_Source, frozen=True):
    """A variable of the environment, which is read when a manager is made."""

    key: ClassVar[str] = "token_env"

    def token(self, environment: Environment) -> Secret:
        """The token. Raises `UsageError`."""
        # The name of the variable is not said: somebody may have put the token in its place.
        found, problem = None, "the variable that token_env names is not set"
        if environment.has(self.text):
            found, problem = _token_in((environment.get(self.text) or "").encode("utf-8", "surrogateescape"))
        if found is None:
            raise UsageError(f"{self.whose}: {problem}")
        return found


class Function(_Source, frozen=True):
    """A token function: asked for the token when it is first needed, and after a 401."""

    async def __call__(self) -> Secret:
        """The token. Raises `UsageError`."""
        found, problem = await self._token()
        if found is None:
            raise UsageError(f"{self.whose}: {problem}")
        return found

    async def _token(self) -> Found:
        # Not cut short when nobody waits any more: a keyring's prompt or a disk that hangs cannot be.
        return await READINGS.result((self.key, self.text), self._found)

    def _found(self) -> Found:
        return _settled(self.key, self._content)

    def _content(self) -> bytes:
        """The token, and maybe blanks around it; called in a thread. Raises `UnreadableError`."""
        raise NotImplementedError


class File(Function, frozen=True):
    """A file that is ours alone."""

    key: ClassVar[str] = "token_file"

    def _content(self) -> bytes:
        return secret_bytes(os.path.expanduser(self.text))


class Command(Function, frozen=True):
    """What a program writes to its standard output; no shell is between."""

    key: ClassVar[str] = "token_command"

    async def _token(self) -> Found:
        program = Program(self.text)
        reading = Reading(lambda: _settled(self.key, program.output))
        try:
            return await reading.result()
        except asyncio.CancelledError:
            program.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_KILLED_WITHIN_S):
                    await reading.result()
            raise


class Keyring(Function, frozen=True):
    """A password of the system's keyring, known by ``service/user``."""

    key: ClassVar[str] = "token_keyring"

    def _content(self) -> bytes:
        try:
            import keyring
        except ImportError:
            raise UnreadableError(
                "token_keyring needs the extra keyring: pip install 'tread-async[keyring]'"
            ) from None
        service, _, user = self.text.rpartition("/")
        try:
            password = keyring.get_password(service, user)
        except BaseException as error:  # each backend has its own, and some give up with SystemExit
            raise UnreadableError(f"the keyring failed with {type(error).__name__}") from None
        if password is None:
            raise UnreadableError(
                "the keyring has no such password; store it with: keyring set SERVICE USER, "
                "where token_keyring is SERVICE/USER"
            )
        return password.encode("utf-8", "surrogatepass")


class Stdin(Function, frozen=True):
    """Standard input, which is read once: what came is the token as long as the process lives."""

    key: ClassVar[str] = "token_stdin"
    _taken: ClassVar[Secret | None] = None

    def _content(self) -> bytes:
        if Stdin._taken is None:
            Stdin._taken = Secret(_standard_input().decode("utf-8", "replace"))
        return Stdin._taken.reveal().encode()


def _standard_input() -> bytes:
    # By its number: a buffered reader that waits in a thread would hold the process up when it ends.
    if sys.__stdin__ is None:  # the number may be that of something else by now
        raise UnreadableError("standard input is closed")
    try:
        if os.isatty(0):
            raise UnreadableError("a token typed here would show; pipe it in: pass show tread | tread ...")
        return token_bytes(functools.partial(patiently_read, 0))
    except OSError as error:
        raise UnreadableError(f"standard input cannot be read: {error.strerror}") from None


def _settled(key: str, content: Callable[[], bytes]) -> Found:
    """The token in *content*. The errors of it stay here, since their frames hold what was read."""
    try:
        return _token_in(content())
    except UnreadableError as error:
        return None, str(error)
    except BaseException as error:  # whoever waits for a thread that is gone waits for ever
        return None, f"its {key} failed with {type(error).__name__}"


def _token_in(content: bytes) -> Found:
    """The token that *content* is but for blanks around it; or why it cannot be one."""
    try:
        return settings.token(content.decode("utf-8", "replace").strip()), ""
    except UsageError as error:
        error.with_traceback(None)  # its frames hold the text
        return None, error.message


Source: TypeAlias = Variable | Function


@functools.cache
def shared(source: Function) -> Function:
    """The first one that was equal to *source*: clients that share a token function share its rate."""
    return source
