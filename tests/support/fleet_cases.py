"""Any server, and anything that may be asked of it, for property tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.support.fleet_accounts import Held, User
from tread_async import AccountKey

__all__ = ["Case", "cases"]

T = TypeVar("T")

CREDENTIALS = ["a", "b", "main", "a,b", "naïve ✓", "desk 1"]
NAMES = [
    "a", "b", "main", "a/b", "main/a", "/", "a,b", ",", "x y", 'q"uote', '"exchange"', "exchange", "balances",
    "naïve ✓", "100% & more", "a+b", "q?x#y", "'<>", "\\", "0", "null",
]  # fmt: skip
ROWS = ("missing", "undecodable", "equal twice", "different twice", "another's too")
SAID = ("error by name", "error by id", "error as text", "error of no known shape", "null error")
LIVE = ("fine",) * 9 + ROWS + ("500", "400", "cut")
CACHED = ("fine",) * 12 + ROWS + SAID + ("500", "cut")
TOO_OLD_S, MAX_AGE_S = 5000.0, 3600.0

# A number stands for several choices at once: a draw of its own for each of them takes longer than the test.
NUMBERS = st.integers(0, 2**40 - 1)
SOME_NUMBERS = st.none() | st.lists(NUMBERS, min_size=1, max_size=16)
SOME_NAMES = st.lists(st.sampled_from(NAMES), max_size=7, unique=True)
SOME_CREDENTIALS = st.lists(st.sampled_from(CREDENTIALS), min_size=1, max_size=4, unique=True)
ONE_TEXT = st.none() | st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=9)


class Choices:
    """The choices that a number stands for; those of 0 are the first ones."""

    def __init__(self, number: int) -> None:
        self._number = number

    def of(self, options: Sequence[T]) -> T:
        self._number, place = divmod(self._number, len(options))
        return options[place]


@dataclass
class Case:
    """A server, and what is asked of it. ``asked`` spells ``keys``; both are ``None`` for all."""

    users: dict[str, User]
    keys: list[AccountKey] | None
    asked: list[AccountKey | str] | None
    looks_up: bool
    source: Any
    max_age_s: float | None
    attempts: int


def account(name: str, number: int, choose: Choices) -> Held:
    return Held(
        name=name,
        live=choose.of(LIVE),
        cached=choose.of(CACHED),
        id=choose.of(["", f"id-{number}"]),  # that of another token's account of the name, or its own
        amount=choose.of([f"{number}", f"-{number}.1234567890123456789", f"{number}e-7"]),
        equity=choose.of([f"{number}.25", None]),
        stale_s=choose.of([0.0, 0.0, TOO_OLD_S]),
        listed=choose.of([True] * 7 + [False]),
    )


@st.composite
def users(draw: st.DrawFn) -> dict[str, User]:
    found: dict[str, User] = {}
    for credential in draw(SOME_CREDENTIALS):
        more = draw(ONE_TEXT)
        names = dict.fromkeys(draw(SOME_NAMES) + ([more] if more else []))
        choose = Choices(draw(NUMBERS))
        tail = choose.of(["", "", "😀" * 110])  # three such names fill a URL
        found[credential] = User(
            token=f"canary-{len(found)}",
            accounts=[
                account(name + tail, 10 * len(found) + place + 1, Choices(draw(NUMBERS)))
                for place, name in enumerate(names)
            ],
            honours_filter=choose.of([True, False]),
            skew_s=choose.of([0.0, 7200.0, -7200.0]),
            dated=choose.of([True, False]),
            refuses=choose.of([{}] * 6 + [{"accounts": 500}, {"accounts": 401}]),
        )
    return found


def meant(users: dict[str, User], text: str) -> set[AccountKey]:
    """The accounts that a bare text could mean, by the lists."""
    return {
        AccountKey(credential, one.name)
        for credential, user in users.items()
        for one in user.accounts
        if one.listed and text in (one.name, one.id)
    }


def is_bare(users: dict[str, User], text: str) -> bool:
    """Whether it does not read as ``credential/name``."""
    return "/" not in text or text.partition("/")[0] not in users


@st.composite
def cases(draw: st.DrawFn) -> Case:
    found, choose = draw(users()), Choices(draw(NUMBERS))
    source, max_age_s = choose.of(["live", "cached", "auto"]), choose.of([None, MAX_AGE_S])
    every = [AccountKey(credential, one.name) for credential, user in found.items() for one in user.accounts]
    every.append(AccountKey(next(iter(found)), "nobody's"))
    numbers = draw(SOME_NUMBERS)
    keys, asked, looks_up = [], [], False
    for each in map(Choices, numbers or []):
        key = each.of(every)
        ids = [one.id for one in found[key.credential].accounts if one.name == key.name]
        bare = [text for text in (key.name, *ids) if is_bare(found, text) and meant(found, text) == {key}]
        spelled = each.of([key, str(key), *bare])
        looks_up = looks_up or spelled in bare
        keys.append(key)
        asked.append(spelled)
    return Case(
        found,
        None if numbers is None else keys,
        None if numbers is None else asked,
        looks_up,
        source,
        MAX_AGE_S if source == "auto" else max_age_s,
        choose.of([1, 2]),
    )
