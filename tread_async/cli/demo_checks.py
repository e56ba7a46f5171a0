"""The demo's figures, held against the server's journal and state.

An account with which nothing is wrong has to be read and set, unless a 500 explains that it was not: one to
a request that named it, and no account that makes every request fail. That holds while 500s are rare:
once three accounts fail again and again it is an outage, and the manager does not ask for all the others.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from tread_async.cli.demo_figures import Figures, Step
from tread_async.cli.demo_scene import (
    LEVERAGE,
    LISTED,
    MAX_AGE_S,
    MISSING,
    PAIR,
    POISONOUS,
    REFUSED,
    STALE,
    STALE_S,
    Scene,
)
from tread_async.cli.words import kind, label
from tread_async.keys import AccountKey
from tread_async.outcomes import Ok, Stale

__all__ = ["mismatches"]

Compared: TypeAlias = tuple[str, object, object]

_READ_AS = {MISSING: "missing", STALE: "stale", LISTED: "failed, AccountError"}
_NOTHING = "nothing that explains it"


def mismatches(scene: Scene, figures: Figures) -> list[str]:
    """Every figure that the server does not bear out, a sentence each."""
    compared = [*_known(scene, figures), *_equity(figures), *_alone(figures)]
    for step in figures.steps:
        compared += _requests(scene, step)
    compared += _reads(scene, figures.cached, "cached_balances")
    compared += _reads(scene, figures.live, "balances")
    compared += _reads(scene, figures.callers, "balances")
    compared += _writes(scene, figures)
    return [
        f"{what}: {ours} here, {theirs} by the server" for what, ours, theirs in compared if ours != theirs
    ]


@dataclass
class _Answers:
    """The answers to requests that named one account.

    Attributes:
        explained: Whether one was a 500 by chance.
        shared: Whether one of the requests named several.
    """

    statuses: set[int]
    explained: bool = False
    shared: bool = False


def _answers(scene: Scene, step: Step, endpoint: str) -> dict[AccountKey, _Answers]:
    found = {key: _Answers(set()) for key in scene.held}
    spoiling = {key for key, ails in scene.ailing.items() if ails == POISONOUS and endpoint != "set_leverage"}
    credentials = {user: credential for credential, user in scene.users.items()}
    for seen in step.requests:
        if seen["endpoint"] != endpoint:
            continue
        keys = [AccountKey(credentials[seen["user"]], name) for name in seen["accounts"]]
        by_chance = seen["status"] == 500 and spoiling.isdisjoint(keys)
        for key in keys:
            answers = found[key]
            answers.statuses.add(seen["status"])
            answers.explained = answers.explained or by_chance
            answers.shared = answers.shared or len(keys) > 1
    return found


def _known(scene: Scene, figures: Figures) -> Iterator[Compared]:
    """Whether the accounts of every token that was listed are there, each once, and no others."""
    listed: set[int] = set()
    for step in figures.steps:
        listed |= {
            seen["user"] for seen in step.requests if (seen["endpoint"], seen["status"]) == ("accounts", 200)
        }
        if step is figures.callers:
            continue
        for credential, user in scene.users.items():
            ours = {key.name for key in step.outcomes if key.credential == credential}
            theirs = {key.name for key in scene.held if key.credential == credential and user in listed}
            yield f"{step.call}, accounts of {credential} on one side only", sorted(ours ^ theirs), []
            yield f"{step.call}, {credential} is listed", credential not in step.unlisted, user in listed


def _requests(scene: Scene, step: Step) -> Iterator[Compared]:
    for credential, user in scene.users.items():
        theirs = sum(seen["user"] == user for seen in step.requests)
        yield f"{step.call}, requests of {credential}", step.sent.get(credential, 0), theirs
    if step.told is not None:
        yield f"{step.call}, requests sent", step.told, len(step.requests)


def _reads(scene: Scene, step: Step, endpoint: str) -> Iterator[Compared]:
    answers = _answers(scene, step, endpoint)
    for key, outcome in step.outcomes.items():
        if key in answers:
            expected = _as_read(scene.ailing.get(key), endpoint, answers[key])
            yield f"{step.call}, {key}", label(outcome), expected
        if isinstance(outcome, Stale):
            yield f"{step.call}, {key} has the age it was given", _is_as_stale(outcome), True


def _as_read(ails: str | None, endpoint: str, answers: _Answers) -> str:
    if 200 in answers.statuses:
        return "ok" if ails in (STALE, LISTED) and endpoint == "balances" else _READ_AS.get(ails or "", "ok")
    if answers.explained or (ails == POISONOUS and answers.statuses):
        return "failed, HTTP 500"
    return _NOTHING


def _is_as_stale(outcome: Stale) -> bool:
    """Whether the age is what the fault added to that of the cache, which is below `MAX_AGE_S`."""
    return outcome.age_s is not None and STALE_S <= outcome.age_s <= STALE_S + MAX_AGE_S


def _writes(scene: Scene, figures: Figures) -> Iterator[Compared]:
    step = figures.leverage
    written, read = _answers(scene, step, "set_leverage"), _answers(scene, step, "balances")
    changed = {
        change["account_id"]
        for change in step.changes
        if change["detail"] == {"pair": PAIR, "leverage": LEVERAGE}
    }
    for key, outcome in step.outcomes.items():
        if key not in scene.held:
            continue
        ails = scene.ailing.get(key)
        readable = 200 in read[key].statuses and ails != MISSING and scene.held[key] is not None
        expected = _as_written(ails, written[key], figures.holds[key] if readable else None)
        yield f"{step.call}, {key}", label(outcome), expected
        if kind(outcome) == "applied":
            yield f"{step.call}, {key} has", LEVERAGE, figures.holds[key]
        elif kind(outcome) == "not applied":
            yield f"{step.call}, {key} was set", False, scene.ids[key] in changed
        if (seen := getattr(outcome, "seen", None)) is not None:
            yield f"{step.call}, {key} reads", seen, Decimal(figures.holds[key] or 0)


def _as_written(ails: str | None, answers: _Answers, shown: str | None) -> str:
    """What is to be said of an account of which reading back *shown* this leverage."""
    if 200 in answers.statuses:
        return "applied"
    if not answers.explained and ails != REFUSED:
        return _NOTHING
    if shown == LEVERAGE:
        return "applied"
    # A refusal of one account is believed; one of several may have been applied to some of them, which
    # reading back settles; and behind a 500 the work may still go on.
    if answers.explained or (answers.shared and shown is None):
        return "unknown"
    return "not applied, HTTP 422"


def _equity(figures: Figures) -> Iterator[Compared]:
    """The journal has the equity of every answer, that of stale accounts included."""
    outcomes = figures.cached.outcomes.values()
    known = [outcome.value.equity for outcome in outcomes if isinstance(outcome, Ok)]
    stated = [equity for equity in known if equity is not None]
    stale = [outcome.value.equity for outcome in outcomes if isinstance(outcome, Stale)]
    answered = _sum(Decimal(seen["equity"]) for seen in figures.cached.requests if seen["equity"] is not None)
    answered -= _sum(equity for equity in stale if equity is not None)
    yield "partial equity", figures.equity.partial, answered
    yield "accounts in the partial equity", figures.equity.stated, len(stated)
    whole = len(stated) == len(outcomes) and not figures.cached.unlisted
    yield "total equity refused", figures.equity.refusal is not None, not whole
    if figures.equity.refusal is not None:
        counted = Counter(kind(outcome) for outcome in outcomes)
        theirs = {name: str(count) for name, count in counted.items() if name != "ok"}
        theirs |= {"do not state": str(len(known) - len(stated))} if len(stated) < len(known) else {}
        yield "counts in the refusal", _counts_in(figures.equity.refusal), theirs


def _counts_in(refusal: str) -> dict[str, str]:
    return {what: count for count, what in re.findall(r"(\d+) (failed|missing|stale|do not state)", refusal)}


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _alone(figures: Figures) -> Iterator[Compared]:
    alone = figures.alone
    yield "one after the other, requests", alone.sent, len(alone.requests)
    done = [_named(alone.requests, endpoint) for endpoint in ("balances", "set_leverage")]
    yield "one after the other, accounts", alone.done, len(done[0] & done[1])


def _named(requests: list[dict[str, Any]], endpoint: str) -> set[tuple[int, str]]:
    return {
        (seen["user"], name)
        for seen in requests
        if (seen["endpoint"], seen["status"]) == (endpoint, 200)
        for name in seen["accounts"]
    }
