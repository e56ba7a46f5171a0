"""What is written into a plan's file is what is read from it."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tread_async import AccountKey, LeveragePlan, PlanEntry, SessionManager, Verdict
from tread_async._exports.json_text import dumped
from tread_async.cli.plan_files import document_of, read_plan, read_wish

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
LEVERAGES = st.decimals(min_value=Decimal("0.00000001"), max_value=10**9, places=8)
ENTRIES = st.builds(
    PlanEntry,
    key=st.builds(AccountKey, st.sampled_from(["desk-a", "desk-b"]), NAMES),
    pair=st.sampled_from(["ETH:PERP-USDT", "BTC-USDT"]),
    wanted=LEVERAGES,
    seen=st.none() | LEVERAGES,
    verdict=st.sampled_from(Verdict),
    why=NAMES,
)


def desk() -> SessionManager:
    return SessionManager({"desk-a": "canary-a", "desk-b": "canary-b"}, base_url="http://127.0.0.1:1")


@given(st.lists(ENTRIES, unique_by=lambda entry: (entry.pair, entry.key), max_size=5))
def test_a_plan_comes_back_as_it_was(entries: list[PlanEntry]) -> None:
    """To the last digit and letter, whatever accounts are called."""
    plan = LeveragePlan(entries=tuple(entries), made_at=datetime.now(UTC), max_age_s=60.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        path.write_text(dumped(document_of(plan, desk().base_url, {})))
        again = read_plan(path, desk())

    assert again.plan == plan
    assert [f"{one.wanted:f}" for one in again.plan.entries] == [f"{one.wanted:f}" for one in entries]


@given(st.dictionaries(NAMES, LEVERAGES, min_size=1, max_size=3))
def test_a_wish_is_exact(wish: dict[str, Decimal]) -> None:
    """A number of JSON keeps its digits as a text does."""
    numbers = ", ".join(f"{json.dumps(name)}: {leverage:f}" for name, leverage in wish.items())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wish.json"
        path.write_text(f'{{"ETH:PERP-USDT": {{{numbers}}}}}')

        assert read_wish(path) == {"ETH:PERP-USDT": wish}
