"""Several jobs at once, as one await."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

__all__ = ["together"]

T = TypeVar("T")


async def together(jobs: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """What *jobs* give, in their order. The first to fail ends the others and is raised as it is.

    A task group alone would wrap that error in a group, and drop a job that was cancelled silently.
    """
    if len(jobs) == 1:
        return [await jobs[0]()]
    tasks: list[asyncio.Task[T]] = []
    failures: list[Exception] = []

    async def run(job: Callable[[], Awaitable[T]]) -> T:
        try:
            return await job()
        except Exception as error:
            failures.append(error)
            for task in tasks:
                task.cancel()
            raise asyncio.CancelledError from None

    async with asyncio.TaskGroup() as group:
        tasks += [group.create_task(run(job)) for job in jobs]
    if failures:
        raise failures[0]
    if any(task.cancelled() for task in tasks):
        raise asyncio.CancelledError
    return [task.result() for task in tasks]
