"""Several jobs at once, as one await; and their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

__all__ = ["ended", "shielded", "together"]

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


async def ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancels *tasks* and returns when they are done; who is cancelled meanwhile is so afterwards."""
    for task in tasks:
        if not task.cancelling():  # a second time would disturb how it ends
            task.cancel()
    cancelled = None
    with shielded():
        while left := [task for task in tasks if not task.done()]:
            try:
                await asyncio.wait(left)
            except asyncio.CancelledError as error:  # of the task itself: no scope holds that off
                cancelled = error
    if cancelled is not None:
        raise cancelled


def shielded() -> AbstractContextManager[object]:
    """For cleaning up: under a cancelled scope every await would end at once, and leave connections open."""
    import anyio  # loaded by the first client that is opened: the older ones take 17 ms

    return anyio.CancelScope(shield=True)
