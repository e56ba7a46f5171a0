"""Finding what spoils a batch, without a server: what is asked for, in which parts, and what is given up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tread_async._fleet.isolation import (
    Isolation,
    halves,
    is_about_content,
    is_shared,
    timeout_of_a_part_s,
)
from tread_async.errors import (
    AuthError,
    BlockedError,
    ClientClosedError,
    DecodeError,
    NotSentError,
    OutcomeUnknownError,
    ProtocolError,
    RateLimitedError,
    ServerError,
    TreadError,
    UnprocessableError,
    UsageError,
)


def protocol(*, broken: bool = False, too_large: bool = False) -> ProtocolError:
    error = ProtocolError("x")
    error.broken, error.too_large = broken, too_large
    return error


def unknown(cause: TreadError | None) -> OutcomeUnknownError:
    error = OutcomeUnknownError("x")
    error.cause = cause
    return error


class Fleet:
    """Answers for batches without a bad member, and notes what was asked for and what was given up."""

    def __init__(
        self,
        bad: set[int],
        error: Callable[[], TreadError] = lambda: ServerError(500, "x"),
        left_s: float = 60.0,
    ) -> None:
        self.asked: list[list[int]] = []
        self.failed: dict[int, TreadError] = {}
        self.bad, self.error, self.left_s = bad, error, left_s
        self.finely: list[bool] = []
        self.splits = True

    async def ask(self, batch: list[int]) -> None:
        self.asked.append(batch)
        if self.bad & {*batch}:
            raise self.error()

    def give_up(self, batch: list[int], error: TreadError) -> None:
        assert not self.failed.keys() & {*batch}
        self.failed |= dict.fromkeys(batch, error)

    def split(self, batch: list[int], finely: bool) -> list[list[int]]:
        self.finely.append(finely)
        return halves(batch, finely) if self.splits else []

    def isolation(self) -> Isolation[int]:
        return Isolation(self.ask, self.give_up, self.split, lambda: self.left_s)

    async def run(self, *batches: list[int]) -> Fleet:
        await self.isolation().run_all([*batches])
        return self


async def test_one_is_found_by_halving() -> None:
    """Three are asked alone first: the first, the middle one and the last; then halves, to the end."""
    fleet = await Fleet({5}).run([*range(16)])

    assert fleet.asked[0] == [*range(16)]
    assert fleet.asked[1:4] == [[0], [8], [15]]
    rest = [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14]
    assert fleet.asked[4:6] == [rest[:6], rest[6:]]
    assert fleet.failed.keys() == {5}
    assert not any(fleet.finely)
    assert fleet.failed[5].__traceback__ is None


async def test_an_outage_is_not_split() -> None:
    """Where none of the three answers nothing else is asked, and each has its error."""
    fleet = await Fleet({*range(16)}).run([*range(16)])

    assert fleet.asked == [[*range(16)], [0], [8], [15]]
    assert fleet.failed.keys() == {*range(16)}


async def test_one_outage_is_looked_at_once() -> None:
    """Several batches that fail together are told by the same three."""
    fleet = await Fleet({*range(40)}).run([*range(20)], [*range(20, 40)])

    assert len(fleet.asked) == 2 + 3
    assert fleet.failed.keys() == {*range(40)}


async def test_what_answers_elsewhere_is_no_outage() -> None:
    """A batch that came through says that the server is there: nobody is asked alone to find out."""
    fleet = await Fleet({5}).run([*range(20, 30)], [*range(10)])

    assert fleet.asked[2:4] == [[*range(5)], [*range(5, 10)]]
    assert fleet.failed.keys() == {5}


@pytest.mark.parametrize(("size", "requests"), [(1, 1), (2, 3), (3, 5), (4, 7), (5, 6), (7, 10), (8, 4)])
async def test_four_or_fewer_are_each_asked(size: int, requests: int) -> None:
    """So few are split even in what may be an outage, also as the rest of those that were looked at."""
    fleet = await Fleet({*range(size)}).run([*range(size)])

    assert fleet.asked.count([0]) == 1
    assert len(fleet.asked) == requests
    assert fleet.failed.keys() == {*range(size)}


@pytest.mark.parametrize("left_s", [0.5, 0.0, -1.0])
async def test_no_time_to_split(left_s: float) -> None:
    fleet = await Fleet({1}, left_s=left_s).run([0, 1])

    assert fleet.asked == [[0, 1]]
    assert fleet.failed.keys() == {0, 1}
    assert (await Fleet({1}, left_s=0.51).run([0, 1])).failed.keys() == {1}


async def test_no_way_to_ask_for_less() -> None:
    """Where a batch has no parts it fails as it is."""
    fleet = Fleet({1})
    fleet.splits = False
    await fleet.run([0, 1])

    assert fleet.asked == [[0, 1]]
    assert fleet.failed.keys() == {0, 1}


async def test_an_answer_to_the_content_needs_no_look() -> None:
    """A refusal of a value says that the API is there; all that are refused are told apart."""
    fleet = await Fleet({*range(16)}, lambda: UnprocessableError(422, "no")).run([*range(16)])

    assert fleet.asked[:3] == [[*range(16)], [*range(8)], [*range(8, 16)]]
    assert fleet.failed.keys() == {*range(16)}


async def test_where_most_fail_each_is_asked() -> None:
    """Halving costs twice as much as asking for each: after eight failures more than successes it ends."""
    fleet = await Fleet({*range(64)}, lambda: UnprocessableError(422, "no")).run([*range(64)])

    assert fleet.finely[:8] == [False] * 8
    assert fleet.finely[8:]
    assert all(fleet.finely[8:])
    assert len(fleet.asked) == 64 + 17
    assert fleet.failed.keys() == {*range(64)}


async def test_what_succeeds_counts_against_it() -> None:
    """Half of all batches fail where one account does in each pair, and it is halved to the end."""
    fleet = await Fleet({0}, lambda: UnprocessableError(422, "no")).run([*range(512)])

    assert fleet.finely == [False] * 9
    assert len(fleet.asked) == 1 + 2 * 9


async def test_how_far_failures_lead() -> None:
    """A success takes one away; an account that fails alone adds none, and a pair that fails adds one."""
    fleet = Fleet({*range(100)}, lambda: UnprocessableError(422, "no"))
    isolation = fleet.isolation()
    await isolation.run([100])
    for first in range(0, 24, 2):
        await isolation.run([first, first + 1])

    assert fleet.finely == [False] * 9 + [True] * 3


@pytest.mark.parametrize(
    "error",
    [AuthError(401, "x"), BlockedError(403, "x"), RateLimitedError(429, "x"), NotSentError("x"), protocol()],
    ids=lambda error: type(error).__name__,
)
async def test_what_meets_all_alike_is_not_split(error: TreadError) -> None:
    fleet = await Fleet({1}, lambda: error).run([0, 1])

    assert fleet.asked == [[0, 1]]
    assert fleet.failed == {0: error, 1: error}


async def test_it_looks_at_members_that_tell() -> None:
    """Those that cannot be asked alone say nothing; where none can, they are as good as any."""
    for telling, looked in (
        (lambda n: n in (3, 4, 6, 7), [3, 6, 7]),
        (lambda n: n == 4, [4]),
        (lambda n: False, [0, 5, 9]),
    ):
        fleet = Fleet({*range(10)})
        isolation = Isolation(fleet.ask, fleet.give_up, fleet.split, lambda: 60.0, telling)
        await isolation.run([*range(10)])

        assert fleet.asked[1:] == [[n] for n in looked]
        assert fleet.failed.keys() == {*range(10)}


async def test_nothing_to_ask() -> None:
    """Empty batches are not asked for, and no batch at all is no work."""
    fleet = await Fleet(set()).run()
    await fleet.run([], [1], [])

    assert fleet.asked == [[1]]


async def test_a_bug_is_no_failure_of_a_batch() -> None:
    async def broken(_batch: list[int]) -> None:
        raise ZeroDivisionError

    fleet = Fleet(set())
    with pytest.raises(ZeroDivisionError):
        await Isolation(broken, fleet.give_up, fleet.split, lambda: 60.0).run([1, 2])

    assert fleet.failed == {}


@pytest.mark.parametrize(
    ("error", "shared", "about_content"),
    [
        (AuthError(401, "x"), True, False),
        (BlockedError(403, "x"), True, False),
        (ClientClosedError("x"), True, False),
        (NotSentError("x"), True, False),
        (RateLimitedError(429, "x"), True, False),
        (UsageError("x"), True, False),
        (ServerError(500, "x"), False, False),
        (DecodeError("x"), False, False),
        (UnprocessableError(422, "x"), False, True),
        (protocol(), True, False),
        (protocol(broken=True), False, False),
        (protocol(too_large=True), False, True),
        (unknown(None), False, False),
        (unknown(UnprocessableError(422, "x")), False, True),
        (unknown(AuthError(401, "x")), True, False),
        (unknown(protocol()), True, False),
        (unknown(protocol(too_large=True)), False, True),
    ],
    ids=repr,
)
def test_what_an_error_is_about(error: TreadError, shared: bool, about_content: bool) -> None:
    """Of a write whose outcome is unknown, what the server answered counts."""
    assert (is_shared(error), is_about_content(error)) == (shared, about_content)


@pytest.mark.parametrize(
    ("left_s", "size", "expected_s"),
    [
        (30.0, 1, 10.0),
        (30.0, 4, 10.0),
        (30.0, 8, 7.5),
        (30.0, 5, 7.5),
        (8.0, 1, 8.0),
        (-1.0, 1, 0.1),
        (0.0, 2, 0.05),
    ],
)
def test_the_time_of_a_part(left_s: float, size: int, expected_s: float) -> None:
    """What is left is shared out among the halvings to come, and never more than an attempt has."""
    assert timeout_of_a_part_s(10.0, left_s, size) == pytest.approx(expected_s)


def test_halves() -> None:
    assert halves([1, 2, 3]) == [[1], [2, 3]]
    assert halves([1, 2, 3, 4]) == [[1, 2], [3, 4]]
    assert halves([1, 2, 3], True) == [[1], [2], [3]]
