"""``tread watch``: every account of a token, again and again, until it is stopped."""

from __future__ import annotations

import time

from tread_async.cli.connecting import Connection
from tread_async.cli.ending import code_of_snapshot, ended
from tread_async.cli.watch_choice import Choice
from tread_async.cli.watch_metrics import served
from tread_async.cli.watch_outputs import Output, opened
from tread_async.cli.watch_rates import Meter
from tread_async.errors import UsageError
from tread_async.keys import ALL
from tread_async.manager import SessionManager

__all__ = ["run"]


async def run(choice: Choice, connection: Connection = Connection()) -> int:  # noqa: B008 - immutable
    """Watches, and returns the exit code. See `code_of_snapshot` and `ended`."""
    return await ended("watch", _watch(choice, connection))


async def _watch(choice: Choice, connection: Connection) -> int:
    if choice.problem is not None:
        raise UsageError(choice.problem)
    with served(choice.metrics) as hooks:
        async with connection.desk(hooks=hooks) as desk:
            with opened(choice) as output:
                return await _follow(desk, choice, output)


async def _follow(desk: SessionManager, choice: Choice, output: Output) -> int:
    meter = Meter(now_s=time.monotonic(), cpu_s=time.process_time())
    updates = desk.watch(
        choice.accounts or ALL,
        interval_s=choice.interval_s,
        source=choice.source.value,
        max_age_s=choice.max_age_s,
        changes_only=choice.changes_only,
    )
    shown = 0
    async with updates:
        async for update in updates:
            rates = meter.read(desk.stats, now_s=time.monotonic(), cpu_s=time.process_time())
            await output.show(update, rates)
            shown += 1
            if shown == choice.rounds:
                return code_of_snapshot(update.snapshot)
    raise AssertionError("updates end with an error only")
