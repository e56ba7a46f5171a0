"""What is sent for each endpoint: the target behind the base URL, and the body."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tread_async._codec import endpoints
from tread_async._codec.endpoints import Endpoint
from tread_async.errors import UsageError
from tread_async.secret import Secret

__all__ = [
    "CREATE_FIELDS",
    "MAX_URL_BYTES",
    "Request",
    "accounts",
    "archive_account",
    "batches",
    "create_account",
    "encode",
    "filtered",
    "fits",
    "naming",
    "set_leverage",
    "unlisted",
    "update_account",
]

T = TypeVar("T")

# A comma list that fits in 4 KiB of URL passes every proxy and server in common use.
MAX_URL_BYTES: Final = 4096

CREATE_FIELDS: Final = ("name", "exchange", "api_key", "api_secret", "password")


class Request(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One request, ready to send. The repr shows neither query nor body: both name accounts."""

    endpoint: Endpoint[T]
    target: str  # path and query, escaped
    body: bytes | None = None
    secrets: tuple[Secret, ...] = ()  # what the body carries and a server might echo
    one_target: bool = False  # the write touches one thing, so that a refusal speaks of all of it
    keys: tuple[tuple[str, str], ...] = ()  # what it sets, where a newer write must win

    def __repr__(self) -> str:
        return f"<Request {self.endpoint.label}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("endpoint", self.endpoint.label)]


def filtered(endpoint: Endpoint[T], names: list[str] | None, base_url: str) -> list[Request[T]]:
    """The fewest requests that ask for *names*, or one that asks for every account.

    The filter is a comma list, so it cannot name an account with a comma in it: then everything is
    fetched, and the caller picks.
    """
    if names is None or any("," in name for name in names):
        return [naming(endpoint, None)]
    return [naming(endpoint, batch) for batch in batches(endpoint, names, base_url, len(names))]


def batches(endpoint: Endpoint[Any], names: list[str], base_url: str, most: int) -> list[list[str]]:
    """*names*, none with a comma, in the fewest batches of at most *most* whose URLs are short enough."""
    room = MAX_URL_BYTES - len(base_url) - len(endpoint.path) - len("?account_names=")
    found: list[list[str]] = []
    start = 0
    for comma_list in comma_lists((quote(name, safe="") for name in names), room):
        end = start + comma_list.count(",") + 1
        found += [names[at : min(at + most, end)] for at in range(start, end, most)]
        start = end
    return found


def fits(endpoint: Endpoint[Any], name: str, base_url: str) -> bool:
    """Whether a URL has room for *name*, or none is needed because it has a comma."""
    room = MAX_URL_BYTES - len(base_url) - len(endpoint.path) - len("?account_names=")
    return len(name) * 9 <= room or "," in name or len(quote(name, safe="")) <= room


def naming(endpoint: Endpoint[T], names: list[str] | None) -> Request[T]:
    """One request for *names*, a batch of `batches`; ``None`` asks for every account."""
    if names is None:
        return Request(endpoint=endpoint, target=endpoint.path)
    comma_list = ",".join([quote(name, safe="") for name in names])
    return Request(endpoint=endpoint, target=f"{endpoint.path}?account_names={comma_list}")


def comma_lists(escaped: Iterable[str], room: int) -> Iterator[str]:
    """Joins *escaped* names with commas, in order, into lists of at most *room* bytes."""
    current: list[str] = []
    size = -1  # the first name of a list brings no comma
    for name in escaped:
        if len(name) > room:
            raise UsageError("an account name does not fit in a URL together with this base_url")
        if size + 1 + len(name) > room:
            yield ",".join(current)
            current, size = [], -1
        current.append(name)
        size += 1 + len(name)
    if current:
        yield ",".join(current)


def accounts(*, include_archived: bool) -> Request[Any]:
    # The server compares with the text "true".
    query = "?include_archived=true" if include_archived else ""
    return Request(endpoint=endpoints.ACCOUNTS, target=endpoints.ACCOUNTS.path + query)


def create_account(
    *,
    name: str,
    exchange: str,
    api_key: Secret,
    api_secret: Secret,
    password: Secret | None,
    extra: Mapping[str, Any],
) -> Request[None]:
    more = encodable(extra)  # before any secret is revealed to a frame
    fields: dict[str, Any] = {
        "name": name,
        "exchange": exchange,
        "api_key": api_key.reveal(),
        "api_secret": api_secret.reveal(),
    }
    secrets: tuple[Secret, ...] = (api_key, api_secret)
    if password is not None:
        fields["password"] = password.reveal()
        secrets += (password,)
    return _write(endpoints.CREATE_ACCOUNT, fields | more, secrets=secrets + _secrets_in(extra))


def update_account(*, account_id: str, fields: Mapping[str, Any]) -> Request[None]:
    # Only the fields given: the server would take a null for a value.
    return _write(
        endpoints.UPDATE_ACCOUNT,
        {"id": account_id, **encodable(fields)},
        secrets=_secrets_in(fields),
        keys=(("account", account_id),),
    )


def archive_account(*, name: str) -> Request[None]:
    return _write(endpoints.ARCHIVE_ACCOUNT, {"name": name})


def set_leverage(*, leverage: str, pair: str, account_ids: list[str]) -> Request[None]:
    fields = {"leverage": leverage, "pair": pair, "account_ids": account_ids}
    keys = tuple([(pair, account_id) for account_id in account_ids])
    return _write(endpoints.SET_LEVERAGE, fields, one_target=len(account_ids) == 1, keys=keys)


def unlisted(method: str, path: str, params: Mapping[str, str | int] | None, body: Any) -> Request[Any]:
    endpoint = endpoints.unlisted(method, path)
    query = "?" + urlencode(dict(params)) if params else ""
    encoded = None if body is None else encode(body)
    return Request(endpoint=endpoint, target=path + query, body=encoded)


def _write(
    endpoint: Endpoint[None],
    fields: dict[str, Any],
    *,
    secrets: tuple[Secret, ...] = (),
    one_target: bool = True,
    keys: tuple[tuple[str, str], ...] = (),
) -> Request[None]:
    return Request(
        endpoint=endpoint,
        target=endpoint.path,
        body=encode(fields),
        secrets=secrets,
        one_target=one_target,
        keys=keys,
    )


def encodable(fields: Mapping[str, Any]) -> dict[str, Any]:
    """*fields* with their secrets revealed.

    Raises:
        UsageError: one of the others is not JSON.
    """
    encode({name: value for name, value in fields.items() if not isinstance(value, Secret)})
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in fields.items()}


def _secrets_in(fields: Mapping[str, Any]) -> tuple[Secret, ...]:
    return tuple([value for value in fields.values() if isinstance(value, Secret)])


def encode(body: Any) -> bytes:
    """*body* as JSON; a finite `Decimal` becomes a text.

    Raises:
        UsageError: it is not JSON; neither the sentence nor its chain shows it.
    """
    try:
        # Not msgspec: it writes NaN as null, which the server could take for "clear this field".
        text = json.dumps(
            body, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_decimal_text
        )
        return text.encode()
    except (TypeError, ValueError, RecursionError):
        pass  # raised below, outside this block: the cause would show the body
    raise UsageError(
        "the body is not JSON: texts, finite numbers, booleans, None, lists and mappings of them"
    )


def _decimal_text(value: Any) -> str:
    """Amounts are texts in this API's requests."""
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    raise TypeError
