from collections.abc import Collection
from typing import Any, Generic, Literal, TypeVar

from tread_async._codec.endpoints import BALANCES_BY_ACCOUNT, CACHED_BALANCES_BY_ACCOUNT

A = TypeVar("A")


class Remembered(Generic[A]):
    def __init__(self, endpoint: Any) -> None:
        self.endpoint = endpoint

    def keep_only(self, names: Collection[str]) -> None: ...


def remembered(source: Literal["live", "cached"]) -> Remembered[Any]:
    return Remembered(BALANCES_BY_ACCOUNT if source == "live" else CACHED_BALANCES_BY_ACCOUNT)
