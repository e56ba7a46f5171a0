"""Any sequence of writes, faults, cancellations and closings, with the server as the judge of what was said.

``TREAD_STATE_RUNS=5000`` runs more of them than the 200 of every run.
"""

from __future__ import annotations

import os
from typing import Any, TypeAlias

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.support.samples import PAIR
from tests.support.world import UNSAID, Claim, World
from tread_async import ALL, AccountKey, Applied, NotApplied, TreadError
from tread_async.simulator.journal import Change

EFFECTS: list[dict[str, Any]] = [
    {"status": 500},
    {"status": 500, "apply": "all"},
    {"status": 422},
    {"status": 422, "apply": "all"},
    {"status": 429, "headers": {"Retry-After": "0"}},
    {"status": 503, "apply": "all"},
    {"status": 400},
    {"drop": "before"},
    {"drop": "after"},
    {"drop": "late", "delay_s": 0.004},
    {"drop": "late", "delay_s": 0.05},
    {"truncate_bytes": 3},
    {"body": b"{"},
    {"delay_s": 0.1},
]
WRONG = st.lists(st.sampled_from(EFFECTS), max_size=3)
Wrong: TypeAlias = list[dict[str, Any]]
READ_FAULTS = st.tuples(
    st.sampled_from([{"status": 500}, {"drop": "before"}, {"truncate_bytes": 9}, {"missing": True}]),
    st.integers(1, 4),
)
TICKS = st.none() | st.integers(0, 40)
MODES = st.sampled_from(["CROSS", "ISOLATED", "CASH"])
VALUES = st.integers(1, 20).map(str)


class Writes(RuleBasedStateMachine):
    """One rule a kind of call; all that was said is judged at the end, when what is late has come."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule(fault=READ_FAULTS)
    def a_listing_goes_wrong(self, fault: tuple[dict[str, Any], int]) -> None:
        effect, times = fault
        self.world.sim.fail(endpoint="accounts", times=times, **effect)

    @rule()
    def all_is_well_again(self) -> None:
        self.world.sim.heal()

    @rule(ticks=TICKS, closes=st.booleans(), resend=st.booleans(), again=st.booleans(), wrong=WRONG)
    def create(self, wrong: Wrong, ticks: int | None, closes: bool, resend: bool, again: bool) -> None:
        world = self.world
        self._wrong("create_account", wrong)
        world.names += not again or not world.names
        name = f"new-{world.names}"
        ask = world.client.create_account(
            name=name, exchange="Gate", api_key=f"key-{world.names}", api_secret="s", resend=resend
        )
        claim = Claim("create", None, {}, UNSAID, 0, 0)
        world.ask(claim, ask, ticks=ticks, closes=closes)
        if resend:  # names are unique, as long as nobody archives the second before the first arrives
            world.run(world.sim.settle())
        self._reopened(ticks, closes)

    @rule(place=st.integers(0, 5), ticks=TICKS, closes=st.booleans(), wrong=WRONG)
    def archive(self, wrong: Wrong, place: int, ticks: int | None, closes: bool) -> None:
        live = self.world.live()
        if not live:
            return
        account = live[place % len(live)]
        self._wrong("archive_account", wrong)
        ask = self.world.client.archive_account(account.name)
        self.world.ask(Claim("archive", account.id, {}, UNSAID, 0, 0), ask, ticks=ticks, closes=closes)
        self._reopened(ticks, closes)

    @rule(place=st.integers(0, 5), mode=MODES, ticks=TICKS, closes=st.booleans(), wrong=WRONG)
    def update(self, wrong: Wrong, place: int, mode: str, ticks: int | None, closes: bool) -> None:
        accounts = self.world.sim.accounts()
        account_id = accounts[place % len(accounts)].id
        self._wrong("update_account", wrong)
        ask = self.world.client.update_account(account_id, margin_mode=mode)
        claim = Claim("update", account_id, {"margin_mode": mode}, UNSAID, 0, 0)
        self.world.ask(claim, ask, ticks=ticks, closes=closes)
        self._reopened(ticks, closes)

    @rule(place=st.integers(0, 5), value=VALUES, ticks=TICKS, closes=st.booleans(), wrong=WRONG)
    def set_leverage(self, wrong: Wrong, place: int, value: str, ticks: int | None, closes: bool) -> None:
        accounts = self.world.sim.accounts()
        account_id = accounts[place % len(accounts)].id
        self._wrong("set_leverage", wrong)
        ask = self.world.client.set_leverage(value, pair=PAIR, account_ids=[account_id])
        claim = Claim("leverage", account_id, {"leverage": value}, UNSAID, 0, 0)
        self.world.ask(claim, ask, ticks=ticks, closes=closes)
        self._reopened(ticks, closes)

    @rule(value=VALUES, verify=st.booleans(), wrong=WRONG)
    def set_leverage_of_all(self, wrong: Wrong, value: str, verify: bool) -> None:
        world = self.world
        # The list has to be the true one; what goes wrong comes after it.
        world.run(world.sim.settle())
        world.sim.heal()
        world.run(world.manager.accounts(refresh=True))
        self._wrong("set_leverage", wrong)
        claims = {
            AccountKey("a", account.name): Claim("leverage", account.id, {"leverage": value}, UNSAID, 0, 0)
            for account in world.live()
        }
        if claims:
            ask = world.manager.set_leverage(value, pair=PAIR, accounts=ALL, verify=verify, batch=2)
            world.ask_for_many(claims, ask)

    @rule(place=st.integers(0, 9))
    def resolve(self, place: int) -> None:
        open_ = [claim for claim in self.world.claims if claim.error and claim.error.read_back]
        if not open_:
            return
        claim = open_[place % len(open_)]
        assert claim.error is not None
        outcome = self.world.run(claim.error.resolve())
        if isinstance(outcome, Applied):
            claim.said, claim.error = "applied", None
            if claim.kind == "create":
                claim.found = str(outcome.seen)
        elif isinstance(outcome, NotApplied):
            claim.said, claim.error = "not applied", None

    @rule()
    def list_accounts(self) -> None:
        """A listing is the truth, or an error; what is acted on late may come before or after it."""
        before = self._truth()
        try:
            listed = self.world.run(self.world.client.accounts(include_archived=True))
        except TreadError:
            return
        after = self._truth()
        shown = {account.id: (account.name, bool(account.archived)) for account in listed}
        for account_id in (before | after | shown) if shown else ():  # a fault may leave all of them out
            assert shown.get(account_id) in (before.get(account_id), after.get(account_id))

    def _truth(self) -> dict[str, tuple[str, bool]]:
        return {account.id: (account.name, account.archived) for account in self.world.sim.accounts()}

    def _changes(self, kind: str, account_id: str | None) -> list[Change]:
        changes = self.world.sim.journal.changes
        return [change for change in changes if (change.kind, change.account_id) == (kind, account_id)]

    def _made_for_another_client(self, account_id: str, claim: Claim) -> bool:
        """Whether an account was made by a call of a client that was closed: no other knows of that call."""
        made = self._changes("create", account_id)[0].request
        others = [one for one in self.world.claims if one.kind == "create" and one.client != claim.client]
        return any(one.first <= made <= one.last for one in others)

    def _wrong(self, endpoint: str, effects: Wrong) -> None:
        """Each of *effects* strikes one request; those that are left strike later calls."""
        for effect in effects:
            if endpoint == "set_leverage" and effect.get("status") == 422:
                effect = {"status": 422}  # the API's word that it was not set
            self.world.sim.fail(endpoint=endpoint, times=1, **effect)

    def _reopened(self, ticks: int | None, closes: bool) -> None:
        if ticks is not None and closes:
            self.world.shut()
            self.world.open()

    def teardown(self) -> None:
        world = self.world
        try:
            world.run(world.sim.settle())
            for claim in world.claims:
                self._judge(claim)
        finally:
            world.close()

    def _judge(self, claim: Claim) -> None:
        made = claim.made(self.world.sim.journal.changes)
        if claim.said == "not applied":
            assert not made, f"said not applied, and the server did it: {claim} {made}"
        if claim.kind in ("create", "archive"):
            assert len(made) <= 1, f"done twice: {claim} {made}"
            if claim.said == "applied":
                self._judge_found(claim, made)
        elif claim.said == "applied" and not made:
            # It had the value already, or a call before had set it late.
            earlier = [change for change in self.world.sim.journal.changes if change.request < claim.first]
            named = "margin_mode" if claim.kind == "update" else "leverage"
            values = [
                change.detail.get(named)
                for change in earlier
                if change.account_id == claim.account_id and change.kind == claim.kind
            ]
            assert claim.wanted[named] in values or claim.kind == "update", f"never set: {claim}"

    def _judge_found(self, claim: Claim, made: list[Change]) -> None:
        """What was found is what the call did itself."""
        if claim.kind == "create":
            assert claim.found is not None
            own = [change.account_id for change in made]
            assert own == [claim.found] or self._made_for_another_client(claim.found, claim), f"{claim} {own}"
        else:
            # An answer that was lost is looked up: what an earlier call has done late counts, too.
            made = made or self._changes(claim.kind, claim.account_id)
            assert made, f"said applied, and the server never did it: {claim}"
            assert claim.found in (None, claim.account_id)


def test_any_sequence_of_writes() -> None:
    run_state_machine_as_test(
        Writes,
        settings=hypothesis.settings(
            max_examples=int(os.environ.get("TREAD_STATE_RUNS", "200")),
            stateful_step_count=50,
            deadline=None,
            database=None,
            # Sockets are not deterministic enough to shrink by.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
