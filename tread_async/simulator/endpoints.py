"""The seven endpoints: what each one checks, changes and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tread_async.simulator.calls import Answer, Call, json_answer, listed
from tread_async.simulator.faults import Plan
from tread_async.simulator.journal import Change, ChangeKind, Journal
from tread_async.simulator.market import money
from tread_async.simulator.render import account_object, cached_object, live_member
from tread_async.simulator.state import EXCHANGES, MARGIN_MODES, NEED_PASSWORD, Account, User

# The vendor answers all three account writes with these words, whatever was done.
DONE: Final = {"message": "Successfully created abcdef"}
LEVERAGE_DONE: Final = {"message": "Leverage changed successfully."}
LEVERAGE_FAILED: Final = {"message": "Failed to set leverage"}
BAD_IDS: Final = "account_ids must be an array of strings"
NOT_FOUND: Final = {"message": "Account not found"}
DECIMAL: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,8})?")
FIREWALL_PAGE: Final = (
    b"<!DOCTYPE html>\n<html><head><title>Attention Required!</title></head>\n"
    b"<body><h1>Sorry, you have been blocked</h1>\n<p>Error %d</p></body></html>\n"
)
GATEWAY_PAGE: Final = (
    b"<html>\r\n<head><title>%d</title></head>\r\n<body><center>nginx</center></body>\r\n</html>\r\n"
)


def documented(endpoint: str | None, status: int) -> Answer:
    """The documented body for *status*, or what Django or a gateway in front of it says."""
    if status in (502, 503, 504):
        return Answer(status, GATEWAY_PAGE % status, "text/html")
    if status == 204 or 300 <= status < 400:
        return Answer(status, b"")
    if status == 400 and endpoint == "set_leverage":
        return json_answer(400, {"errors": [BAD_IDS]})
    if status < 300:
        return json_answer(status, LEVERAGE_DONE if endpoint == "set_leverage" else DONE)
    known = {
        400: {"non_field_errors": ["Invalid request."]},
        401: {"message": "Invalid credentials"},
        403: {"detail": "You do not have permission to perform this action."},
        404: {"detail": "Not found."},
        422: LEVERAGE_FAILED,
        429: {"detail": "Request was throttled."},
    }
    return json_answer(status, known.get(status, {"message": "Something went wrong..."}))


class Endpoints:
    """Carries out one understood call at a time; never awaits, so a change is whole or not there."""

    def __init__(self, journal: Journal, *, empty_errors: bool) -> None:
        self._journal = journal
        self._empty_errors = empty_errors
        self._by_name: Mapping[str, Callable[[Call, Plan, User, float], Answer]] = {
            "balances": self._balances,
            "cached_balances": self._cached_balances,
            "accounts": self._accounts,
            "create_account": self._create,
            "update_account": self._update,
            "archive_account": self._archive,
            "set_leverage": self._set_leverage,
        }

    def carry_out(self, call: Call, plan: Plan, now: float) -> Answer:
        if call.refusal is not None:
            return call.refusal
        assert call.endpoint is not None  # noqa: S101
        assert call.user is not None  # noqa: S101
        return self._by_name[call.endpoint](call, plan, call.user, now)

    def _balances(self, call: Call, plan: Plan, user: User, now: float) -> Answer:
        venues = listed(call.params.get("exchange_names"))
        members = []
        for account in _selected(call, plan, user):
            if venues is not None and account.exchange not in venues:
                continue
            at = plan.now_of(account.name, account.id, now) if plan.stops else now
            key = account.book.step(at), account.version
            if account.live[0] != key:
                account.live = key, live_member(account, at)
            members.append(_drifted_member(account, plan) if plan.edits else account.live[1])
        return Answer(200, b"{" + b",".join(members) + b"}")

    def _cached_balances(self, call: Call, plan: Plan, user: User, now: float) -> Answer:
        objects, errors, total = [], [], 0
        for account in _selected(call, plan, user):
            message = plan.error(account.name, account.id) if plan.edits else None
            if message is not None:
                errors.append({"account_name": account.name, "message": message})
            else:
                text, equity = _cached(account, plan, now)
                objects.append(plan.drifted(text, account.name, account.id) if plan.edits else text)
                total += equity or 0
        tail = b""
        if errors or self._empty_errors:
            tail = b',"errors":' + json_answer(200, errors).body
        body = b'{"balances":[' + b",".join(objects) + b"]" + tail + b"}"
        return Answer(200, body, equity=money(total))

    def _accounts(self, call: Call, plan: Plan, user: User, now: float) -> Answer:
        archived_too = call.params.get("include_archived") == "true"
        objects = []
        for account in user.accounts if archived_too else user.active.values():
            if plan.edits and plan.leaves_out(account.name, account.id):
                continue
            if account.listed[0] != account.version:
                account.listed = account.version, account_object(account)
            text = account.listed[1]
            objects.append(plan.drifted(text, account.name, account.id) if plan.edits else text)
        return Answer(200, b"[" + b",".join(objects) + b"]")

    def _create(self, call: Call, plan: Plan, user: User, now: float) -> Answer:
        fields = _fields(call, "name", "api_key", "api_secret", "exchange")
        if isinstance(fields, Answer):
            return fields
        name, exchange = fields["name"], fields["exchange"]
        if exchange not in EXCHANGES:
            return json_answer(400, {"exchange": [f'"{exchange}" is not a valid choice.']})
        if exchange in NEED_PASSWORD and not fields.get("password"):
            return json_answer(400, {"password": ["This field is required."]})
        if name in user.active:
            return json_answer(400, {"name": ["account with this name already exists."]})
        if not _spared(call, plan, name):
            account = user.open(name, exchange, fields["api_key"], now)
            self._note(call, user, "create", account.id, name, {"exchange": exchange}, now)
        return json_answer(200, DONE)

    def _archive(self, call: Call, plan: Plan, user: User, now: float) -> Answer:
        fields = _fields(call, "name")
        if isinstance(fields, Answer):
            return fields
        account = user.active.get(fields["name"])
        if account is None:
            return json_answer(404, NOT_FOUND)
        if not _spared(call, plan, account.name, account.id):
            name = account.name
            user.archive(account, now)
            self._note(call, user, "archive", account.id, name, {"archived_name": account.name}, now)
        return json_answer(200, DONE)

    def _update(self, call: Call, plan: Plan, user: User, now: float) -> Answer:
        fields = _fields(call, "id")
        if isinstance(fields, Answer):
            return fields
        account = user.by_id(fields["id"])
        if account is None:
            return json_answer(404, NOT_FOUND)
        if "margin_mode" not in fields:
            return json_answer(200, DONE)
        mode = fields["margin_mode"]
        if mode not in MARGIN_MODES:
            return json_answer(400, {"margin_mode": [f'"{mode}" is not a valid choice.']})
        if not _spared(call, plan, account.name, account.id):
            account.margin_mode = mode
            account.touch(now)
            self._note(call, user, "update", account.id, account.name, {"margin_mode": mode}, now)
        return json_answer(200, DONE)

    def _set_leverage(self, call: Call, plan: Plan, user: User, now: float) -> Answer:
        data = call.data if isinstance(call.data, dict) else {}
        problems = list(_leverage_problems(data))
        if problems:
            return json_answer(400, {"errors": problems})
        found = [user.by_id(one) for one in dict.fromkeys(data.get("account_ids", user.ids))]
        accounts = [account for account in found if account is not None]
        if len(accounts) != len(found):
            return json_answer(422, LEVERAGE_FAILED)
        pair, leverage = data.get("pair"), _plain(data["leverage"])
        for account in accounts:
            if _spared(call, plan, account.name, account.id):
                continue
            for each in account.leverage if pair is None else (pair,):
                account.leverage[each] = leverage
            account.touch(now)
            detail = {"pair": pair, "leverage": leverage}
            self._note(call, user, "leverage", account.id, account.name, detail, now)
        return json_answer(200, LEVERAGE_DONE)

    def _note(
        self,
        call: Call,
        user: User,
        kind: ChangeKind,
        account_id: str,
        name: str,
        detail: Mapping[str, object],
        now: float,
    ) -> None:
        change = Change(
            number=len(self._journal.changes) + 1,
            at=now,
            user=user.index,
            kind=kind,
            account_id=account_id,
            name=name,
            detail=detail,
            request=call.number,
        )
        self._journal.add_change(change)


def _selected(call: Call, plan: Plan, user: User) -> Iterator[Account]:
    """The accounts a balance call is about, in the server's order; unknown names are silently absent."""
    names = listed(call.params.get("account_names"))
    wanted = None if names is None else frozenset(names)
    for account in user.active.values():
        if wanted is not None and account.name not in wanted:
            continue
        if not (plan.edits and plan.leaves_out(account.name, account.id)):
            yield account


def _drifted_member(account: Account, plan: Plan) -> bytes:
    name = json.dumps(account.name).encode() + b":"
    return name + plan.drifted(account.live[1].removeprefix(name), account.name, account.id)


def _cached(account: Account, plan: Plan, now: float) -> tuple[bytes, int | None]:
    at = account.cached_at(plan.now_of(account.name, account.id, now) if plan.stops else now)
    stale_s = plan.stale_s(account.name, account.id) if plan.edits else 0.0
    if stale_s:
        return cached_object(account, at, round((at - stale_s) * 1000))
    key = at, account.version
    if account.cached[0] != key:
        account.cached = key, cached_object(account, at, round(at * 1000))
    return account.cached[1]


def _spared(call: Call, plan: Plan, name: str, account_id: str = "") -> bool:
    """Is this the one account of the batch that a fault leaves unchanged?"""
    fault = plan.answer
    return fault is not None and fault.apply == "others" and fault.touches(name, account_id)


def _fields(call: Call, *required: str) -> dict[str, Any] | Answer:
    """The body's text fields, or a 400 that maps fields to complaints, as Django REST Framework does."""
    if not isinstance(call.data, dict):
        return json_answer(400, {name: ["This field is required."] for name in required})
    complaints = {}
    for name in required:
        if name not in call.data:
            complaints[name] = ["This field is required."]
        elif call.data[name] is None:
            complaints[name] = ["This field may not be null."]
        elif not isinstance(call.data[name], str):
            complaints[name] = ["Not a valid string."]
        elif not call.data[name].strip():
            complaints[name] = ["This field may not be blank."]
    return json_answer(400, complaints) if complaints else call.data


def _leverage_problems(data: Mapping[str, object]) -> Iterator[str]:
    leverage, pair, ids = data.get("leverage"), data.get("pair", "-"), data.get("account_ids", [])
    if not (isinstance(leverage, str) and DECIMAL.fullmatch(leverage) and leverage.strip("0.")):
        yield "leverage must be a positive decimal string"
    if not (isinstance(pair, str) and pair.strip()):
        yield "pair must be a string"
    if not (isinstance(ids, list) and all(isinstance(one, str) for one in ids)):
        yield BAD_IDS


def _plain(decimal: str) -> str:
    """``"005.50"`` -> ``"5.5"``"""
    whole, _, part = decimal.partition(".")
    part = part.rstrip("0")
    return f"{int(whole)}.{part}" if part else str(int(whole))
