"""In which form a command says what it found."""

from __future__ import annotations

import enum
from typing import NamedTuple

from tread_async.errors import UsageError

__all__ = ["Form", "Forms"]


class Form(enum.Enum):
    """A table for people, and the rest for machines and spreadsheets."""

    TABLE = enum.auto()
    JSON = enum.auto()
    JSONL = enum.auto()
    CSV = enum.auto()


class Forms(NamedTuple):
    """What ``--json``, ``--jsonl`` and ``--csv`` say."""

    json: bool = False
    jsonl: bool = False
    csv: bool = False

    @property
    def one(self) -> Form:
        """The form that is wanted. Raises `UsageError` where there are several."""
        wanted = [form for form, is_wanted in zip(_SAID, self, strict=True) if is_wanted]
        if len(wanted) > 1:
            raise UsageError("--json, --jsonl and --csv exclude each other")
        return wanted[0] if wanted else Form.TABLE


_SAID = (Form.JSON, Form.JSONL, Form.CSV)
