"""What goes wrong in the demo: some accounts of each token in a way of their own, and answers by chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tread_async.cli.simulation import Simulation
from tread_async.keys import AccountKey

__all__ = [
    "LEVERAGE",
    "LISTED",
    "MAX_AGE_S",
    "MISSING",
    "PAIR",
    "POISONOUS",
    "REFUSED",
    "STALE",
    "STALE_S",
    "Scene",
    "stage",
]

PAIR: Final = "ETH:PERP-USDT"
LEVERAGE: Final = "5"
# The server's own caches are at most eight minutes behind.
MAX_AGE_S: Final = 600.0
STALE_S: Final = 6 * MAX_AGE_S

POISONOUS: Final = "poisonous"
MISSING: Final = "missing"
STALE: Final = "stale"
LISTED: Final = "listed under errors"
REFUSED: Final = "refused"

_EFFECTS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    POISONOUS: {"balances": {"status": 500}, "cached_balances": {"status": 500}},
    MISSING: {"balances": {"missing": True}, "cached_balances": {"missing": True}},
    STALE: {"cached_balances": {"stale_s": STALE_S}},
    LISTED: {"cached_balances": {"error": True}},
    REFUSED: {"set_leverage": {"status": 422}},
}
_BY_CHANCE: Final = {"status": 500, "chance": 0.05}


@dataclass
class Scene:
    """The tokens, the accounts as the server has them, and what is wrong with some.

    Attributes:
        users: The server's number of each token.
        held: The leverage of each account before anything was set; ``None`` without a position of the pair.
        ids: Of each account.
        ailing: What is wrong with an account; most have nothing.
    """

    users: dict[str, int]
    held: dict[AccountKey, str | None]
    ids: dict[AccountKey, str]
    ailing: dict[AccountKey, str]

    @property
    def sound(self) -> list[AccountKey]:
        """The accounts with which nothing is wrong."""
        return [key for key in self.held if key not in self.ailing]

    async def holding(self, simulation: Simulation) -> dict[AccountKey, str | None]:
        """The leverage of each account, by the server's own state of this moment."""
        return {key: record["leverage"].get(PAIR) for key, record in await _records(simulation, self.users)}


async def stage(simulation: Simulation) -> Scene:
    """Looks at the accounts, and puts the faults in force."""
    users = {f"desk-{user + 1}": user for user in range(len(simulation.tokens))}
    records = await _records(simulation, users)
    scene = Scene(users, {key: record["leverage"].get(PAIR) for key, record in records}, {}, {})
    scene.ids.update({key: record["id"] for key, record in records})
    for credential in users:
        scene.ailing |= _chosen(
            {key: held for key, held in scene.held.items() if key.credential == credential}
        )
    # Of the faults that give an answer the first one does: a refused account never meets a 500.
    await simulation.fail(*_faults(scene), _BY_CHANCE)
    return scene


async def _records(
    simulation: Simulation, users: Mapping[str, int]
) -> list[tuple[AccountKey, dict[str, Any]]]:
    return [
        (AccountKey(credential, record["name"]), record)
        for credential, user in users.items()
        for record in await simulation.ask(f"accounts?user={user}")
    ]


def _chosen(held: Mapping[AccountKey, str | None]) -> dict[AccountKey, str]:
    """One account of each kind, and two that are refused: one can be read back, the other has no position."""
    ailing: dict[AccountKey, str] = {}

    def choose(kind: str, candidates: Sequence[AccountKey], at: float) -> None:
        free = [key for key in candidates if key not in ailing]
        if free:
            ailing[free[int(len(free) * at)]] = kind

    choose(REFUSED, [key for key, leverage in held.items() if leverage not in (None, LEVERAGE)], 0.4)
    choose(REFUSED, [key for key, leverage in held.items() if leverage is None], 0.6)
    for place, kind in enumerate((POISONOUS, MISSING, STALE, LISTED), start=1):
        choose(kind, list(held), place / 5)
    return ailing


def _faults(scene: Scene) -> Iterator[dict[str, Any]]:
    for key, kind in scene.ailing.items():
        for endpoint, effect in _EFFECTS[kind].items():
            yield {"endpoint": endpoint, "account": key.name, "user": scene.users[key.credential], **effect}
