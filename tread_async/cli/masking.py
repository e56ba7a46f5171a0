"""A token that was typed in the place of a name is not repeated on the screen."""

from __future__ import annotations

import re
import sys
from typing import Final

from tread_async._codec.redaction import sanitised
from tread_async.secret import Secret

__all__ = ["masked"]

_LIKE_A_TOKEN: Final = re.compile(r"[A-Za-z0-9]{25,}")  # those of Tread are 40 hex digits


def masked(sentence: str) -> str:
    """*sentence* made safe to show, without whatever looks like a token in the arguments of the command."""
    found = {word for argument in sys.argv[1:] for word in _LIKE_A_TOKEN.findall(argument)}
    return sanitised(sentence, [Secret(word) for word in found])
