"""By hand: aiohttp and msgspec, with the retry of tenacity as its documentation shows it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import tenacity

from benchmarks.contenders.aiohttp_msgspec import ByHand, made
from benchmarks.contenders.one_by_one import Target

__all__ = ["opened"]

retried = tenacity.retry(
    stop=tenacity.stop_after_attempt(5),
    wait=tenacity.wait_random_exponential(multiplier=1, max=60),
    reraise=True,
)


class _Retrying(ByHand):
    @retried
    async def read(self, target: Target) -> object:
        return await super().read(target)


def opened(url: str, tokens: str) -> AbstractAsyncContextManager[ByHand]:
    """One session, with as many connections as are wanted."""
    return made(_Retrying, url, tokens)
