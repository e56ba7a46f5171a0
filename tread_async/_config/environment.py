"""The environment, in a wrapping that shows none of it: a token may stand there."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["Environment"]


class Environment:
    """The variables of the process. One that is empty counts as not set."""

    __slots__ = ("_variables",)

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self._variables = variables

    def __repr__(self) -> str:
        return "<Environment>"

    def get(self, name: str) -> str | None:
        return self._variables.get(name) or None

    def has(self, name: str) -> bool:
        return self.get(name) is not None
