"""A text that does not show itself."""

from __future__ import annotations

import hmac
from typing import Any, Final, NoReturn

__all__ = ["Secret"]

_HIDDEN: Final = "Secret(<hidden>)"


class Secret:
    """Holds a token, key or password; only `reveal` gives it out.

    Its repr, str and format are fixed, it compares in constant time, and it refuses to be
    pickled or copied. CPython cannot wipe a string from memory: this guards against showing,
    not against a debugger.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"a secret is a str, not {type(text).__name__}")
        self._text = text

    @classmethod
    def of(cls, text: Secret | str) -> Secret:
        """*text* itself if it is a `Secret`, otherwise wrapped."""
        return text if isinstance(text, Secret) else cls(text)

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return _HIDDEN

    def __format__(self, spec: str) -> str:
        return _HIDDEN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode("utf-8", "surrogatepass"), other._bytes())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def _bytes(self) -> bytes:
        return self._text.encode("utf-8", "surrogatepass")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret is neither pickled nor copied; call reveal() where it is needed")
