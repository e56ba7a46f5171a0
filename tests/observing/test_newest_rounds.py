"""What Prometheus reads of the newest rounds: how a polling ended, what is worst, and what is not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.support.balances import balance
from tests.support.desks import desk
from tests.support.rounds import a_round
from tread_async import AccountKey, AuthError, Failed, Missing, Ok, Outcome, ServerError, Stale
from tread_async.hooks import PollingStarted
from tread_async.metrics import Metrics
from tread_async.simulator import Simulator

KEY = AccountKey("token", "main")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def refused(registry: CollectorRegistry, credential: str) -> float | None:
    labels = {"credential": credential, "trouble": "ended"}
    return registry.get_sample_value("tread_credential_trouble", labels)


def ended(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("tread_pollings_ended_total")


def accounts(registry: CollectorRegistry) -> dict[str, float]:
    """How many have become what."""
    (family,) = [family for family in registry.collect() if family.name == "tread_accounts"]
    return {one.labels["outcome"]: one.value for one in family.samples if one.value}


async def until_it_ends(manager: Any) -> None:
    async with manager.watch(interval_s=0.02) as updates:
        with pytest.raises(AuthError):
            await drained(updates)


async def drained(updates: Any) -> None:
    async for _ in updates:
        pass


async def test_the_only_token_is_refused(registry: CollectorRegistry) -> None:
    """That ends the watch, and both are there to be seen until a token of that name is polled again."""
    hooks = Metrics(registry).hooks
    async with Simulator(accounts=2) as sim:
        assert ended(registry) == 0
        sim.fail(endpoint="cached_balances", status=401)
        async with desk(sim, hooks=hooks) as manager:
            await until_it_ends(manager)
        assert (ended(registry), refused(registry, "a")) == (1, 1)
        assert accounts(registry) == {}
        sim.heal()
        async with desk(sim, hooks=hooks) as manager, manager.watch(interval_s=0.02) as updates:
            await anext(updates)
            assert refused(registry, "a") == 0

    assert (ended(registry), refused(registry, "a")) == (1, None)


async def test_the_last_token_is_refused(registry: CollectorRegistry) -> None:
    """All that were stand there, and one that is polled again does so no more."""
    hooks = Metrics(registry).hooks
    async with Simulator(tokens=2, accounts=1) as sim:
        sim.fail(endpoint="cached_balances", status=401)
        async with desk(sim, hooks=hooks) as manager:
            await until_it_ends(manager)
        assert (refused(registry, "a"), refused(registry, "b")) == (1, 1)
        sim.heal()
        only = [f"b/{sim.accounts(1)[0].name}"]
        async with desk(sim, hooks=hooks) as manager, manager.watch(only, interval_s=0.02) as updates:
            await anext(updates)
            assert (refused(registry, "a"), refused(registry, "b")) == (1, 0)


async def test_a_watch_that_nobody_reads_any_more(registry: CollectorRegistry) -> None:
    """It ends without a word, also when one of its tokens was refused, and when the manager is closed."""
    hooks = Metrics(registry).hooks
    async with Simulator(tokens=2, accounts=1) as sim, desk(sim, hooks=hooks) as manager:
        sim.fail(endpoint="cached_balances", user=0, status=401)
        async with manager.watch(interval_s=0.02) as updates:
            async for update in updates:
                if update.ended:
                    break
            assert refused(registry, "a") == 1
        assert (ended(registry), refused(registry, "a")) == (0, None)
        async with manager.watch(interval_s=0.02) as updates:
            await anext(updates)
            await manager.close()

    assert ended(registry) == 0


def polled(registry: CollectorRegistry, *rounds: Mapping[AccountKey, Outcome]) -> None:
    """As many pollings, each with a round."""
    hooks = Metrics(registry).hooks
    assert hooks.polling_started is not None
    assert hooks.round_polled is not None
    for outcomes in rounds:
        polling = PollingStarted(credentials=("token",), interval_s=1.0, source="cached")
        hooks.polling_started(polling)
        told = a_round(polling, outcomes)
        hooks.round_polled(told)


def of_age(age_s: float | None) -> Ok:
    return Ok(balance(age_s=age_s))


def age_s(registry: CollectorRegistry) -> float | None:
    labels = {"credential": "token", "account": "main"}
    return registry.get_sample_value("tread_account_age_seconds", labels)


def of_unknown_age(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("tread_accounts_of_unknown_age", {"credential": "token"})


@pytest.mark.parametrize("ages_s", [(900.0, 1.0), (1.0, 900.0), (1.0, 900.0, None)])
def test_the_oldest_of_equal_names(ages_s: tuple[float | None, ...], registry: CollectorRegistry) -> None:
    """Two clients have accounts of the same name: a young one hides no old one, whichever was polled last."""
    polled(registry, *[{KEY: of_age(one)} for one in ages_s])

    assert age_s(registry) == pytest.approx(900, abs=5)
    assert of_unknown_age(registry) == ages_s.count(None)


FAILED = Failed(ServerError(500, "no"))


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        ((FAILED, of_age(1)), "failed"),
        ((of_age(1), FAILED), "failed"),
        ((Missing(), of_age(1), Stale(balance())), "missing"),
        ((of_age(1), Stale(balance())), "stale"),
    ],
)
def test_the_worst_of_equal_names(
    outcomes: tuple[Outcome, ...], worst: str, registry: CollectorRegistry
) -> None:
    """It is counted, and once."""
    others = [AccountKey("token", f"{place}") for place in range(len(outcomes))]
    polled(registry, *[{KEY: one, other: of_age(1)} for one, other in zip(outcomes, others, strict=True)])

    assert accounts(registry) == {"ok": len(outcomes), worst: 1}


def test_an_age_that_is_not_known(registry: CollectorRegistry) -> None:
    """It has no age, and is counted where somebody looks; what is not known at all is of no age."""
    known = {AccountKey("token", "other"): of_age(3), AccountKey("token", "gone"): Missing()}
    polled(registry, {KEY: of_age(None)} | known)

    assert age_s(registry) is None
    assert of_unknown_age(registry) == 1


def test_an_unknown_age_of_what_failed_since(registry: CollectorRegistry) -> None:
    """What was known before it failed counts."""
    polled(registry, {KEY: Failed(ServerError(500, "no"), last=of_age(None))})

    assert of_unknown_age(registry) == 1


def test_no_unknown_age(registry: CollectorRegistry) -> None:
    """That is said with a number."""
    polled(registry, {KEY: of_age(3)})

    assert of_unknown_age(registry) == 0
