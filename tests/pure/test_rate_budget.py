"""The rate of a token, with the time put in: even, never above, hardly below, shared by whoever should."""

from __future__ import annotations

import gc
import math
import os
import pickle
import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rates import gaps, most_in
from tread_async._rates import Budget, Registry, Turn
from tread_async.secret import Secret

ORIGIN = "https://app.tread.fi:443"
TOKEN = Secret("canary-token-0123456789abcdef")
WAY_S = 0.015


class Client:
    def __init__(self, requests_per_s: float | None) -> None:
        self.requests_per_s = requests_per_s


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A budget with clients of some rates, whose clock is put forward by hand."""

    def __init__(self, *rates: float | None) -> None:
        self.clock = Clock()
        self.budget = Budget(self.clock)
        self.clients = [Client(rate) for rate in rates]
        for client in self.clients:
            self.budget.join(client)
        self.turn = self.budget.turn()
        self.sent: list[float] = []

    def take(self, turn: Turn | None = None, *, write: bool = False) -> bool:
        taken = self.budget.take(turn or self.turn, write=write)
        if taken:
            self.sent.append(self.clock.now)
        return taken

    def left_s(self, turn: Turn | None = None, *, write: bool = False) -> float:
        return self.budget.left_s(turn or self.turn, write=write)

    def wait(self, late_s: float = 0.0) -> None:
        """Until a request may leave, and a little longer."""
        self.clock.now += max(0.0, self.left_s()) + late_s

    def send(self, count: int) -> list[float]:
        """The moments of so many requests, one after the other without a pause."""
        before = len(self.sent)
        while len(self.sent) < before + count:
            self.wait(1e-9)
            self.take()
        return self.sent[before:]


@pytest.mark.parametrize("rate", [0.1, 1.0, 2.5, 50.0, 10_000.0])
def test_even_from_the_start(rate: float) -> None:
    """The first leaves at once, and each after an even wait, the second like the hundredth.

    Who begins to wait when a request could have left long ago has been kept waiting by nobody.
    """
    moments = Bench(rate).send(100)

    assert moments[0] == pytest.approx(1000.0)
    assert gaps(moments) == [pytest.approx(1 / (0.97 * rate), rel=1e-4)] * 99


def test_no_burst_after_a_pause() -> None:
    """Time in which nobody sent is not saved up."""
    bench = Bench(50.0)
    bench.send(3)
    bench.budget.rest(bench.turn)
    for _ in range(2):
        bench.clock.now += 60.0
        assert bench.take()
    assert not bench.take()
    assert bench.left_s() == pytest.approx(1 / 48.5)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["late", "late", "late", "pause", "give up", "other loop", "asked to wait"]),
        st.floats(0.0, 0.25) | st.sampled_from([0.0, 0.0, 0.001, 0.0149, 0.0151, 0.05]),
    ),
    min_size=10,
    max_size=60,
)


@given(st.floats(0.5, 500.0) | st.integers(1, 30).map(float), STEPS)
def test_never_above(rate: float, steps: list[tuple[str, float]]) -> None:
    """However late loops are and callers come and go, no second has more than the rate at the server.

    A second of the server has what left in that second and `WAY_S` before it.
    """
    bench = Bench(rate)
    turns = [bench.turn, bench.budget.turn()]
    left: list[float] = []
    for what, seconds in steps:
        turn = turns[what == "other loop"]
        if what == "pause":
            bench.budget.rest(turn)
            bench.clock.now += seconds * 10
        elif what == "asked to wait":
            bench.budget.close_for(seconds)
        else:
            bench.clock.now += max(0.0, bench.left_s(turn)) + seconds
        for _ in range(50):
            if not bench.budget.take(turn, write=False):
                break
            if what == "give up":
                bench.budget.refund()
                break
            left.append(bench.clock.now)

    assert not left or most_in(left, 1.0 + WAY_S) <= math.ceil(rate)
    assert not left or rate >= 1 or most_in(left, 1 / rate + WAY_S) == 1


@given(st.floats(0.5, 10_000.0), st.lists(st.floats(0.0, 0.0149), min_size=60, max_size=60))
def test_hardly_below(rate: float, late_s: list[float]) -> None:
    """With somebody always waiting at least 95 % of the rate is used, however late a loop wakes them."""
    bench = Bench(rate)
    for seconds in late_s:
        bench.wait(seconds)
        while bench.take():
            pass
    took_s = bench.sent[-1] - bench.sent[0] - 0.015  # the last may be late

    assert took_s <= 0 or (len(bench.sent) - 1) / took_s >= 0.95 * rate


def test_half_a_request() -> None:
    """A rate with a fraction is one request more in some seconds and one less in others."""
    moments = Bench(2.5).send(100)

    assert (most_in(moments, 1.0), most_in(moments, 2.0), most_in(moments, 4.0)) == (3, 5, 10)


def test_the_lowest_rate_holds() -> None:
    """Of the clients that are open the slowest counts; one without a rate counts for nothing."""
    bench = Bench(50.0, None, 10.0)
    slow = gaps(bench.send(5))[-1]
    bench.budget.leave(bench.clients[2])
    bench.send(1)
    fast = gaps(bench.send(5))[-1]
    bench.budget.join(Client(None))

    assert (slow, fast) == (pytest.approx(1 / 9.7), pytest.approx(1 / 48.5))
    assert gaps(bench.send(5))[-1] == pytest.approx(1 / 48.5)


def test_asked_to_wait() -> None:
    """Nothing leaves before the moment that the server named, the latest counts, and no burst follows."""
    bench = Bench(1000.0)
    bench.budget.close_for(60.0)
    bench.budget.close_for(20.0)
    closed_s = bench.budget.closed_s
    moments = bench.send(20)

    assert closed_s == pytest.approx(60.0)
    assert moments[0] == pytest.approx(1060.0)
    assert gaps(moments) == [pytest.approx(1 / 970, rel=1e-3)] * 19


def test_not_sent_after_all() -> None:
    """A request that was taken and not sent takes no time from the next."""
    bench = Bench(50.0)
    taken = []
    for _ in range(10):
        taken.append(bench.take())
        bench.budget.refund()

    assert (taken, bench.take(), bench.take()) == ([True] * 10, True, False)
    assert bench.left_s() == pytest.approx(1 / 48.5)


def test_loops_take_turns() -> None:
    """Of two loops that ask at the same moments, always in the same order, each sends half."""
    bench = Bench(50.0)
    other, counts = bench.budget.turn(), [0, 0]
    for _ in range(2000):
        for place, turn in enumerate([bench.turn, other]):
            counts[place] += bench.take(turn)
        bench.clock.now += 0.001

    assert counts[0] == pytest.approx(counts[1], abs=1)
    assert sum(counts) == pytest.approx(2 * 48.5, abs=2)


def test_a_write_on_another_loop() -> None:
    """A write overtakes the reads of all loops, although its own was served last."""
    bench = Bench(50.0)
    other = bench.budget.turn()
    assert bench.take(other)
    bench.left_s(other, write=True)
    assert bench.left_s() == pytest.approx(1 / 48.5 + 0.005)
    assert bench.left_s(other, write=True) == pytest.approx(1 / 48.5)
    bench.clock.now += 1 / 48.5 + 1e-9

    assert (bench.take(), bench.take(other, write=True)) == (False, True)


def test_a_loop_that_hangs() -> None:
    """One that waits and is never heard of again costs the others no slot."""
    bench = Bench(50.0)
    assert bench.take()
    bench.left_s(bench.budget.turn())
    hung = bench.budget.turn()
    bench.left_s(hung)
    moments = bench.send(98)

    assert moments[-1] - moments[0] == pytest.approx(97 / 48.5, abs=0.01)


def test_loops_that_come_and_go() -> None:
    """Nothing is kept of a loop whose clients are gone."""
    bench = Bench(50.0)
    for _ in range(100):
        bench.left_s(bench.budget.turn())
        gc.collect(0)

    assert len(bench.budget._turns) <= 2
    assert bench.take()


def joined(registry: Registry, rate: float | None = 50.0, source: object = TOKEN) -> tuple[Budget, Client]:
    budget, client = registry.budget(ORIGIN, source), Client(rate)  # type: ignore[arg-type]
    budget.join(client)
    return budget, client


def test_whose_rate_is_whose() -> None:
    """One server and one token are one budget; another server, token or process is another."""
    registry = Registry()
    mine = registry.budget(ORIGIN, TOKEN)

    assert registry.budget(ORIGIN, Secret(TOKEN.reveal())) is mine
    assert registry.budget(ORIGIN, Secret("another")) is not mine
    assert registry.budget("https://app.tread.fi:444", TOKEN) is not mine
    assert Registry().budget(ORIGIN, TOKEN) is not mine


def test_a_child_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a fork the child does not count what its parent sends, or wake its loops."""
    registry = Registry()
    mine = registry.budget(ORIGIN, TOKEN)
    monkeypatch.setattr(os, "getpid", lambda: -1)

    assert registry.budget(ORIGIN, TOKEN) is not mine


def test_a_child_has_locks_of_its_own() -> None:
    """After a fork no lock is held by a thread that the child does not have."""
    registry = Registry()
    kept, in_use = registry.budget(ORIGIN, TOKEN), registry.budget(ORIGIN, Secret("another"))
    kept.close_for(60)
    registry.leave(kept, Client(None))
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with registry._lock, kept._lock, in_use._lock:
            held.set()
            over.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    registry.renew_locks()
    free = [one._lock.acquire(blocking=False) for one in (registry, kept, in_use)]
    over.set()
    thread.join()

    assert free == [True] * 3


class Vault:
    """Gives tokens; every vault is equal to every other."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vault)

    __hash__ = None  # type: ignore[assignment]

    def token(self) -> str:
        return "x"

    __call__ = token


def test_a_function_is_known_by_itself() -> None:
    """The same function or method is one budget, an equal one another; none has to be hashable."""
    registry, one, two = Registry(), Vault(), Vault()
    mine, by_method = registry.budget(ORIGIN, one), registry.budget(ORIGIN, one.token)

    assert registry.budget(ORIGIN, one) is mine
    assert registry.budget(ORIGIN, two) is not mine
    assert registry.budget(ORIGIN, one.token) is by_method
    assert registry.budget(ORIGIN, two.token) is not by_method
    assert mine is not by_method


def test_no_token_in_it() -> None:
    """What is kept of a token is a digest under a key of this process."""
    registry = Registry()
    budget, _ = joined(registry)
    seen: set[int] = set()
    found, texts = [registry, budget], []
    while found:
        thing = found.pop()
        if id(thing) not in seen and not isinstance(thing, type) and type(thing).__name__ != "module":
            seen.add(id(thing))
            texts.append(thing)
            inside = gc.get_referents(thing)
            found += [each for each in inside if not callable(each) and not hasattr(each, "__globals__")]

    held = [thing for thing in texts if isinstance(thing, str | bytes | Secret)]
    assert len([thing for thing in held if isinstance(thing, bytes) and len(thing) == 16]) == 1
    assert not [thing for thing in held if isinstance(thing, Secret)]
    assert TOKEN.reveal() not in str(held)
    with pytest.raises(TypeError):
        pickle.dumps(budget)


def test_closing_and_opening_is_no_burst() -> None:
    """A client that is opened right after the last one was closed waits as if that had not happened."""
    registry = Registry(clock := Clock())
    budget, client = joined(registry, 0.1)
    assert budget.take(budget.turn(), write=False)
    registry.leave(budget, client)
    del budget, client
    clock.now += 10.0
    gc.collect()

    budget, _client = joined(registry, 0.1)
    turn = budget.turn()
    assert not budget.take(turn, write=False)
    assert budget.left_s(turn, write=False) == pytest.approx(1 / 0.097 - 10.0)


def test_a_function_stays_as_long_as_what_is_known_of_it() -> None:
    """No other function can come to stand at its address, and be told to wait in its place."""
    registry, vault = Registry(clock := Clock()), Vault()
    budget, client = joined(registry, None, vault)
    budget.close_for(60.0)
    registry.leave(budget, client)
    seen = weakref.ref(vault)
    del budget, client, vault
    gc.collect()
    stays = seen() is not None
    clock.now += 61.0
    kept = joined(registry)
    gc.collect()

    assert (stays, seen()) == (True, None)
    del kept


def test_a_wait_outlives_its_client() -> None:
    """A client that is opened while the server asks to wait is told so."""
    registry = Registry(clock := Clock())
    budget, client = joined(registry, None)
    budget.close_for(60.0)
    registry.leave(budget, client)
    del budget, client
    clock.now += 20.0
    gc.collect()

    assert joined(registry, None)[0].closed_s == pytest.approx(40.0)


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "only dropped"])
def test_it_forgets(closed: bool) -> None:
    """What nobody uses and would matter to nobody is gone, a token function with it."""
    registry = Registry(clock := Clock())
    for number in range(100):
        budget, client = joined(registry, 50.0, Secret(f"token-{number}"))
        assert budget.take(budget.turn(), write=False)
        if closed:
            registry.leave(budget, client)
        del budget, client
    gc.collect()
    before = len(registry._budgets)
    clock.now += 1.0
    kept = joined(registry)
    gc.collect()

    assert before == (100 if closed else 0)
    assert (len(registry._budgets), registry._kept) == (1, set())
    del kept
