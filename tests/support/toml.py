"""Values as TOML, in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def toml(document: Mapping[str, Any]) -> str:
    """The document whose tables are *document*."""
    return "".join(f"{_text(name)} = {_value(value)}\n" for name, value in document.items())


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(name)} = {_value(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value)
