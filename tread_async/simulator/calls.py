"""From an HTTP request to what it asks for: endpoint, user, parameters, accounts it is about."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from aiohttp import web

from tread_async.simulator.state import Account, User

ROUTES: Final = {
    "/api/balances/": {"GET": "balances"},
    "/api/accounts/": {
        "GET": "accounts",
        "POST": "create_account",
        "DELETE": "archive_account",
        "PUT": "update_account",
    },
    "/api/set_leverage/": {"POST": "set_leverage"},
    "/api/sor/get_cached_account_balance": {"GET": "cached_balances"},
}
SECRETS: Final = ("api_secret", "password")
TOKEN_LIKE: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")


class Answer(NamedTuple):
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}
    equity: str | None = None


def json_answer(status: int, content: object, **headers: str) -> Answer:
    return Answer(status, json.dumps(content).encode(), headers=headers)


@dataclass(slots=True, kw_only=True)
class Call:
    """One request, understood. ``refusal`` is set when it cannot be carried out whatever it says."""

    method: str
    path: str
    raw_query: str
    auth_scheme: str | None
    endpoint: str | None
    user: User | None
    params: Mapping[str, str]
    data: object
    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    number: int = 0
    refusal: Answer | None = None

    @property
    def user_index(self) -> int | None:
        return None if self.user is None else self.user.index

    @property
    def journal_body(self) -> object:
        if not isinstance(self.data, dict):
            return self.data
        return {key: "***" if key in SECRETS else value for key, value in self.data.items()}


def understand(request: web.BaseRequest, body: bytes, users: Mapping[str, User]) -> Call:
    """Read the request as the server would: exact paths, last value of a repeated key, JSON bodies only."""
    methods = ROUTES.get(request.path, {})
    url = request.rel_url
    scheme, user = _identity(request, users)
    # The web socket of the real server takes the token as a parameter; here too it must not be kept.
    query = TOKEN_LIKE.sub(lambda found: "***" if found[0] in users else found[0], url.raw_query_string)
    call = Call(
        method=request.method,
        path=TOKEN_LIKE.sub(lambda found: "***" if found[0] in users else found[0], url.raw_path),
        raw_query=query,
        auth_scheme=scheme,
        endpoint=methods.get(request.method),
        user=user,
        params=dict(parse_qsl(url.raw_query_string, keep_blank_values=True)),
        data=None,
    )
    if call.endpoint is None:
        call.refusal = _not_routed(request, methods)
        return call
    unreadable = _read_body(call, request, body)
    if user is None:
        call.refusal = json_answer(401, {"message": "Invalid credentials"})
        return call
    call.refusal = unreadable
    call.names, call.ids = _named(call, user)
    return call


def _identity(request: web.BaseRequest, users: Mapping[str, User]) -> tuple[str | None, User | None]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme in ("Token", "Bearer"):
        return scheme, users.get(token)
    # Whatever else stands there may be the token itself, so only the names of real schemes are kept.
    return (scheme if scheme in ("Basic", "Digest") else "other") if scheme else None, None


def _not_routed(request: web.BaseRequest, methods: Mapping[str, str]) -> Answer:
    if methods:
        return json_answer(
            405, {"detail": f'Method "{request.method}" not allowed.'}, Allow=", ".join(methods)
        )
    if request.path + "/" in ROUTES:
        query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
        return Answer(301, b"", "text/html; charset=utf-8", {"Location": f"{request.path}/{query}"})
    return json_answer(404, {"detail": "Not found."})


def _read_body(call: Call, request: web.BaseRequest, body: bytes) -> Answer | None:
    if not body:
        return None
    if request.content_type != "application/json":
        return json_answer(415, {"detail": f'Unsupported media type "{request.content_type}" in request.'})
    try:
        call.data = json.loads(body)
    except (ValueError, RecursionError) as exc:
        return json_answer(400, {"detail": f"JSON parse error - {exc}"})
    return None


def listed(value: str | None) -> list[str] | None:
    """A comma list as the server splits it; ``None`` for no filter, which an empty value is too."""
    return value.split(",") if value else None


def _named(call: Call, user: User) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if call.endpoint == "accounts":
        return _all(user.accounts if call.params.get("include_archived") == "true" else None, user)
    if call.endpoint in ("balances", "cached_balances"):
        names = listed(call.params.get("account_names"))
        if names is None:
            return _all(None, user)
        return tuple(names), tuple([user.active[name].id for name in names if name in user.active])
    data = call.data if isinstance(call.data, dict) else {}
    if call.endpoint == "set_leverage":
        return _named_by_ids(data.get("account_ids", ...), user)
    if call.endpoint == "update_account":
        return _named_by_ids([data.get("id")], user)
    name = data.get("name")
    if not isinstance(name, str):
        return (), ()
    known = user.active.get(name)
    return (name,), (known.id,) if known and call.endpoint == "archive_account" else ()


def _named_by_ids(ids: object, user: User) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if ids is ...:
        return _all(None, user)
    texts = [text for text in ids if isinstance(text, str)] if isinstance(ids, list) else []
    found = [(user.by_id(text), text) for text in texts]
    return tuple([account.name if account else text for account, text in found]), tuple(texts)


def _all(accounts: Sequence[Account] | None, user: User) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if accounts is None:
        return user.names, user.ids
    return tuple([account.name for account in accounts]), tuple([account.id for account in accounts])
