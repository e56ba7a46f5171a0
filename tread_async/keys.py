"""How an account is named among many tokens."""

from __future__ import annotations

import enum
from typing import Final

import msgspec

__all__ = ["ALL", "AccountKey", "AllAccounts"]


class AllAccounts(enum.Enum):
    """The type of `ALL`."""

    ALL = "every account of every token"


ALL: Final = AllAccounts.ALL
"""Every account of every token. A write takes it only where it is said: no list ever means all."""


class AccountKey(msgspec.Struct, frozen=True, order=True, gc=False, cache_hash=True):
    """One account: the credential that reaches it, and its name as the server spells it.

    Its text is ``credential/name``. A credential has no slash in its name, an account may.
    """

    credential: str
    name: str

    def __str__(self) -> str:
        return f"{self.credential}/{self.name}"
