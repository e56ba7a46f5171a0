"""What is said of a contender."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = ["Kind"]


class Kind(NamedTuple):
    """A contender: its module here, packages that it needs beyond ours, what work it does, its settings."""

    module: str
    packages: tuple[str, ...]
    does: str
    settings: Mapping[str, Any] = MappingProxyType({})

    def opened(self, *arguments: str) -> AbstractAsyncContextManager[Any]:
        """Ready to be measured, in this process."""
        opened = importlib.import_module(f"benchmarks.contenders.{self.module}").opened
        context: AbstractAsyncContextManager[Any] = opened(*arguments, **self.settings)
        return context
