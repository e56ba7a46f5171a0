"""Packages that only some have."""

from __future__ import annotations

import importlib
from types import ModuleType

from tread_async.errors import UsageError

__all__ = ["needed"]


def needed(module: str, *, extra: str) -> ModuleType:
    """The module, imported.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise UsageError(f"this needs {module}: pip install 'tread-async[{extra}]'") from None
