"""What the questions about cost make of what they have seen."""

from __future__ import annotations

import asyncio
import itertools
import json
import time

import pytest
import tenacity

from benchmarks import leverage_contenders
from benchmarks.answers import percentile
from benchmarks.ceiling import answer_bytes
from benchmarks.contender import JOBS
from benchmarks.contenders import AGAIN_BUSY, FIRST, KINDS, US
from benchmarks.contenders.one_by_one import OneByOne, Target
from benchmarks.contenders.wishing import wishes
from benchmarks.contending import started, turns
from benchmarks.hedging import FIRST_S, PERIOD_S, PERIODS, in_periods
from benchmarks.leverage import Truth, contradicted
from benchmarks.leverage_contenders import IN_BATCHES, ONE_BY_ONE, PAIR, SETTERS, Said
from benchmarks.measuring import other_process
from benchmarks.moving import BUSY, QUIET, STAMPS_STAND, Moving, rendered
from benchmarks.moving import Course as Changing
from benchmarks.outage import Course
from benchmarks.soak import SLOPE_OVER, Sample, remembered
from tread_async.simulator import Simulator


@pytest.mark.parametrize(("part", "value"), [(0.0, 1), (0.5, 6), (0.9, 10), (1.0, 10)])
def test_percentiles(part: float, value: float) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], part) == value


def test_contenders_take_turns() -> None:
    moments = itertools.count()

    async def run() -> int:
        return next(moments)

    assert asyncio.run(turns({"a": run, "b": run}, rounds=3)) == {"a": [0, 2, 4], "b": [1, 3, 5]}


async def test_a_contender_does_not_outlive_who_gave_up_on_it() -> None:
    """Even in the middle of a job."""

    async def give_up() -> None:
        async with started(US, "http://127.0.0.1:9", "0") as contender:
            await contender.line()
            await asyncio.wait_for(contender.run("probe_alone", seconds=60), 0.1)

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await give_up()

    assert time.monotonic() - began < 30


def test_who_holds_the_loop_is_seen_and_so_is_letting_go() -> None:
    """A result is kept while the loop is watched, so that letting go of it is no part of what is held."""
    held_s, let_go_s = 0.05, 0.2

    class Result:
        def __del__(self) -> None:
            time.sleep(let_go_s)

    class Contender:
        async def read(self) -> Result:
            await asyncio.sleep(0)
            time.sleep(held_s)  # noqa: ASYNC251 - it is what is looked for
            await asyncio.sleep(0)
            return Result()

    seen = asyncio.run(JOBS["held"](Contender(), method="read"))

    assert held_s <= seen["wall_s"] < let_go_s <= seen["let_go_s"]


def test_requests_of_an_outage() -> None:
    """Calls count where they begin and requests where they come: from its first moment, up to its last."""
    calls = [(0, 9.9, 10.1, False), (0, 10.0, 10.5, False), (1, 19.9, 22.0, True), (0, 20.0, 21.0, True)]
    course = Course(calls, [9.99, 10.0, 10.2, 19.99, 20.0], 10.0, 20.0)

    assert course.requests_per_call() == 1.5
    assert course.requests_per_s() == 0.3
    assert course.until_told_ms() == pytest.approx(2100)
    assert not course.failed_before()


def test_a_call_that_fails_before_an_outage() -> None:
    """Then something else is wrong, and nothing that is measured means what it says."""
    assert Course([(0, 9.0, 9.5, False)], [], 10.0, 20.0).failed_before()


def test_who_is_back_after_an_outage() -> None:
    """The first answer of each caller counts; failures do not, nor what was answered before the end."""
    calls = [
        *((0, 18.0, 19.9, True), (0, 20.1, 20.2, False), (0, 20.5, 21.0, True), (0, 22.0, 22.5, True)),
        *((1, 15.0, 23.0, True), (2, 29.0, 30.0, False)),
    ]
    course = Course(calls, [], 10.0, 20.0)

    assert [course.back_after_s(part) for part in (0.0, 0.5, 0.9)] == [1.0, 3.0, 10.0]


def test_callers_ask_again_whatever_comes() -> None:
    """Answers and failures are told, and a call that the end cuts off is one that failed."""
    turns = iter([True, False, True])

    async def ask() -> None:
        good = next(turns, None)
        if good is None:
            await asyncio.sleep(60)
        elif not good:
            raise ValueError

    told = asyncio.run(wishes(ask, 1, 0.001, 0.2))

    assert [good for *_, good in told] == [True, False, True, False]
    assert all(caller == 0 and began <= ended for caller, began, ended, _ in told)


def test_calls_are_counted_in_the_period_they_begin_in() -> None:
    """What begins before the first period or after the last counts nowhere."""
    first, last = FIRST_S + 100.0, FIRST_S + 100.0 + PERIODS * PERIOD_S
    begun = [first - 0.1, first, first + PERIOD_S, last - 0.1, last]

    periods = in_periods([(0, moment, moment + 0.25, moment < last) for moment in begun], 100.0)

    assert [len(period) for period in periods] == [1, 1, *([0] * (PERIODS - 3)), 1]
    assert periods[0] == [pytest.approx(250)]
    with pytest.raises(RuntimeError, match="failed"):
        in_periods([(0, first, first + 0.25, False)], 100.0)


@pytest.mark.parametrize("way", ["accounts", "gathered"])
async def test_one_by_one_so_many_at_once(way: str) -> None:
    """With workers or with a task for each, every account is read once."""
    read: list[str] = []
    at_once: list[int] = []

    class Reading(OneByOne):
        under_way = 0

        async def read(self, target: Target) -> object:
            self.under_way += 1
            at_once.append(self.under_way)
            await asyncio.sleep(0)
            self.under_way -= 1
            read.append(target.path)
            return target.path

    reading = Reading("no url", "0")
    reading._accounts = [Target("0", str(number)) for number in range(20)]

    assert sorted(await getattr(reading, way)(at_once=3)) == sorted(read)
    assert len(read) == 20
    assert max(at_once) == 3


@pytest.mark.parametrize(("name", "refused", "requests"), [(ONE_BY_ONE, 1, 121), (IN_BATCHES, 50, 4)])
async def test_by_hand_one_refused_account_keeps_its_request_from_being_applied(
    name: str, refused: int, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the one account, or of a batch of 50; one request more lists the accounts."""
    once = tenacity.retry(stop=tenacity.stop_after_attempt(1), reraise=True)
    monkeypatch.setattr(leverage_contenders, "retried", once)
    async with Simulator(seed=1, accounts=120) as simulator:
        account = simulator.accounts()[7]
        simulator.fail(endpoint="set_leverage", account=account.id, status=422)
        said = await SETTERS[name].set(simulator.url, simulator.tokens[0])

        assert list(said.values()).count(Said.NOT_APPLIED) == refused
        assert list(said.values()).count(Said.APPLIED) == 120 - refused
        assert said[account.name] is Said.NOT_APPLIED
        assert len(simulator.journal.requests) == requests


def test_outcomes_are_held_against_the_server() -> None:
    accounts = {
        name: {"leverage": {PAIR: leverage} if leverage else {}}
        for name, leverage in {"set": "5", "other": "3", "bare": None, "done": "5", "lost": "5"}.items()
    }
    truth = Truth(accounts, [], [{"kind": "leverage", "name": "done"}, {"kind": "created", "name": "bare"}])
    said = {
        "set": Said.APPLIED,
        "other": Said.APPLIED,
        "bare": Said.NOT_APPLIED,
        "done": Said.NOT_APPLIED,
    }

    assert contradicted(said, truth) == {
        "applied, but the server has another leverage": 1,
        "not applied, but the server has a change": 1,
        "no outcome": 1,
    }
    assert not contradicted(dict.fromkeys(accounts, Said.UNKNOWN), truth)


def test_memory_is_not_judged_by_a_warm_up(capsys: pytest.CaptureFixture[str]) -> None:
    """A line through few requests is that of a process that warms up."""
    samples = [Sample(at * SLOPE_OVER // 10, 50.0 + 2 * at / 10, 9, 9) for at in range(11)]

    assert list(remembered(samples, SLOPE_OVER).values()) == [False]
    assert remembered(samples, SLOPE_OVER - 1) == {}
    assert "not judged" in capsys.readouterr().out


@pytest.mark.parametrize(("course", "changed"), [(QUIET, 2), (STAMPS_STAND, 2), (BUSY, 200)])
async def test_accounts_move_from_one_answer_to_the_next(course: Changing, changed: int) -> None:
    """So many are priced anew, and the stamps of all move on, or stand."""
    (texts,) = await rendered(tokens=1, accounts=200, assets=2)
    moving = Moving(texts, course, 1)
    answers = [json.loads(moving.cached())["balances"] for _ in range(4)]
    stamps = [[account.pop("timestamp_millis") for account in answer] for answer in answers]

    for one, other in itertools.pairwise(answers):
        assert [a == b for a, b in zip(one, other, strict=True)].count(False) == changed
    for earlier, later in itertools.pairwise(stamps):
        step = 1000 if course.stamps_move else 0
        assert {b - a for a, b in zip(earlier, later, strict=True)} == {step}


async def test_who_reads_again_remembers_and_who_reads_first_does_not() -> None:
    """One account in a hundred changes for each contender, whatever others read; or all of them."""
    same = {}
    async with other_process("benchmarks.fleet_server", "100") as url:
        for name in (US, FIRST, AGAIN_BUSY):
            async with KINDS[name].opened(url, "1") as ours:
                *_, before, after = [(await ours.whole()).ok for _ in range(4)]
            kept = [after[key].wire.assets is before[key].wire.assets for key in before]
            same[name] = kept.count(True)

    assert same == {US: 99, FIRST: 0, AGAIN_BUSY: 0}


def test_how_long_an_answer_is_that_begins() -> None:
    """Answers of one server are not all of one length, so it says so with each."""
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n"

    assert answer_bytes(head + b"{") == len(head) + 12
    with pytest.raises(RuntimeError, match="its length"):
        answer_bytes(head[:-2])
