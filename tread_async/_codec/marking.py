"""Several accounts decoded in one call, of which each is surely in a text of its own."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

import msgspec

from tread_async._amounts import AmountDecoder
from tread_async.models import CachedAccount

__all__ = ["one_in_each"]

_MARK: Final = secrets.token_hex(8)  # no body has it but by a guess of 64 bits
_BEFORE: Final = b'{"%b":[' % _MARK.encode()
_BETWEEN: Final = b"]}," + _BEFORE


class _Marked(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename={"accounts": _MARK}):
    accounts: tuple[CachedAccount, ...]


_marked: Final = AmountDecoder(tuple[_Marked, ...], amounts_are_text=True)


def one_in_each(texts: Sequence[memoryview]) -> list[CachedAccount]:
    """The one account of each of *texts*; none of them where that is not what they hold.

    Each text stands in an object between two marks, and these objects have no other key. So if all of them
    decode, none of the marks is part of a text or of anything in it: what stands between two is a list of
    accounts by itself, wherever the body was cut.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: the texts are no such lists.
    """
    found: tuple[_Marked, ...] = _marked.decode(b"[%b%b]}]" % (_BEFORE, _BETWEEN.join(texts)))
    accounts = [account for marked in found for account in marked.accounts]
    alone = len(found) == len(texts) and all(len(marked.accounts) == 1 for marked in found)
    # The shape of transfers is unknown, and here numbers are read as texts.
    return accounts if alone and not any(account.transfers for account in accounts) else []
