"""Generated scripts of failures, beside what the written rules say of them (`tests.support.retry_rules`).

Ten calls share a retry budget and the connections of one client. Of each, the requests that arrive, the
waits, the attempts and the error must be exactly those foretold. ``TREAD_SCRIPT_RUNS=10000`` runs more of
them than the 2,000 of every run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

import hypothesis
import pytest
import uvloop
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from tests.support.bench import CREATE, LEVERAGE, LIST, UPDATE, Bench
from tests.support.leaks import no_leaks
from tests.support.passing import pass_for
from tests.support.retry_rules import DEFAULTS, WRONGS, Foretold, Purse, Rules, Wrong, foretold
from tests.support.samples import DONE
from tests.support.wire import Exchange, Wire, reply
from tread_async import OutcomeUnknownError, RetryPolicy, TreadError
from tread_async._budget import RetryBudget

TOGETHER = 10
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
RUNS = int(os.environ.get("TREAD_SCRIPT_RUNS", "2000")) // TOGETHER // len(LOOPS)
REQUESTS = {"list": LIST, "leverage": LEVERAGE, "update": UPDATE, "create": CREATE}
POLICIES = [
    None,
    None,
    Rules(attempts=1),
    Rules(attempts=5, base_s=2.0, cap_s=5.0),
    Rules(attempts=5, throttled_base_s=3.0, refused_base_s=0.5, max_retry_after_s=5.0),
    Rules(attempts=2, base_s=0.5, max_retry_after_s=500.0),
]


class Script(NamedTuple):
    """One call, and what its attempts meet before one succeeds."""

    kind: str
    rules: Rules | None  # None: those of the endpoint
    wrongs: list[Wrong]
    chances: tuple[float, ...]
    deadline_s: float


CHANCE = st.sampled_from([0.0, 0.25, 0.5, 0.8, 1.0])
SCRIPT = st.builds(
    Script,
    st.sampled_from(list(REQUESTS)),
    st.sampled_from(POLICIES),
    st.lists(st.sampled_from(WRONGS), max_size=5),
    st.tuples(*[CHANCE] * 5),
    st.sampled_from([2.003, 12.003, 130.003]),  # such that no wait ends on the verge
)


class Lab(Bench):
    """A bench whose server follows a script. Its clock is moved by waits alone, so that figures are exact."""

    def __init__(self, wire: Wire) -> None:
        self._time = asyncio.get_running_loop().time()
        self._wire = wire
        self._listening = True
        self._left: list[Wrong] = []
        super().__init__(wire)
        wire.script = self._answer

    def now(self) -> float:
        return self._time

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self._time += seconds
        await self._prepare()

    async def _prepare(self) -> None:
        """Listens for the next attempt, unless it is to find nobody."""
        nobody = bool(self._left) and self._left[0].step is None
        if nobody:
            self._left.pop(0)
            self._wire.refuse()
        elif not self._listening:
            await self._wire.listen()
        self._listening = not nobody

    async def _answer(self, exchange: Exchange) -> None:
        if not self._left:
            await exchange.send(reply([] if exchange.request.method == "GET" else DONE))
            return
        step = self._left.pop(0).step
        assert step is not None
        await (exchange.send(step) if isinstance(step, bytes) else step(exchange))

    async def ask(self, script: Script, budget: RetryBudget) -> Foretold:
        """What came of it."""
        self.waits.clear()
        self._wire.requests.clear()
        self._left = list(script.wrongs)
        policy = None if script.rules is None else RetryPolicy(**script.rules._asdict())
        self.use(policy, script.chances, budget)
        await self._prepare()
        found = Foretold()
        try:
            await self.run(REQUESTS[script.kind], script.deadline_s)
            found.attempts = len(self.waits) + 1
        except TreadError as error:
            _note(found, error)
        found.waits, found.requests = list(self.waits), len(self._wire.requests)
        assert len({(one.method, one.target, one.body) for one in self._wire.requests}) <= 1
        self._an_hour_passes()
        return found

    def _an_hour_passes(self) -> None:
        """The longest for which a token is held, or refused."""
        self._time += 3601.0
        pass_for(self._lane, 3601.0)
        self.identity.accepted()


async def opened(stack: AsyncExitStack) -> Lab:
    await stack.enter_async_context(no_leaks())
    lab = Lab(await stack.enter_async_context(Wire([])))
    stack.push_async_callback(lab.transport.close)
    return lab


def _note(found: Foretold, error: TreadError) -> None:
    found.error, found.attempts = type(error).__name__, error.attempts
    cause = error.cause if isinstance(error, OutcomeUnknownError) else None
    found.cause = "" if cause is None else type(cause).__name__
    found.exhausted = error.budget_exhausted


def _without_nobody(script: Script) -> Script:
    """A read may go over a connection that is open: that nobody listens would not show."""
    if script.kind != "list":
        return script
    return script._replace(wrongs=[wrong for wrong in script.wrongs if wrong.step is not None])


async def compared(lab: Lab, scripts: list[Script], left: int) -> None:
    """Asks all of *scripts* in turn, with *left* in the budget at first."""
    budget, purse = RetryBudget(), Purse(left)
    budget.left = left
    for script in map(_without_nobody, scripts):
        rules = script.rules or DEFAULTS[script.kind]
        expected = foretold(script.kind, rules, script.wrongs, script.chances, script.deadline_s, purse)
        found = await lab.ask(script, budget)
        assert found.waits == pytest.approx(expected.waits), (script, found, expected)
        found.waits = expected.waits
        assert found == expected, (script, found, expected)
        assert budget.left == purse.left, script


@pytest.mark.fault("I4", "I6")
@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
def test_scripts(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Requests, waits, attempts, errors and what is left of the budget: all as foretold."""
    with asyncio.Runner(loop_factory=loop) as runner:
        stack = AsyncExitStack()
        lab = runner.run(opened(stack))

        @hypothesis.settings(
            max_examples=RUNS,
            deadline=None,
            database=None,
            # What fails names its one script; to shrink ten of them takes minutes.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(
            st.lists(SCRIPT, min_size=TOGETHER, max_size=TOGETHER), st.sampled_from([100, 100, 42, 9])
        )
        def check(scripts: list[Script], left: int) -> None:
            runner.run(compared(lab, scripts, left))

        try:
            check()
        finally:
            runner.run(stack.aclose())
