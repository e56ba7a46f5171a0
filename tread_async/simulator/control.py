"""Control over HTTP, so that another process can look at the journal and set faults. Loopback only."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tread_async.simulator.faults import Fault

if TYPE_CHECKING:
    from tread_async.simulator.server import Simulator

PREFIX: Final = "/_simulator/"

_KINDS: Final = {
    **dict.fromkeys(("endpoint", "account", "body", "apply", "drop"), "a text"),
    **dict.fromkeys(("extra_field", "without_field", "retyped_field"), "a text"),
    **dict.fromkeys(("user", "nth", "times", "status", "truncate_bytes"), "a whole number"),
    **dict.fromkeys(("chance", "delay_s", "stale_s"), "a number"),
    **dict.fromkeys(("html", "missing", "stopped_clock"), "true or false"),
    "error": "true, false or a text",
    "headers": "an object of texts",
}


async def handle(sim: Simulator, request: web.BaseRequest, body: bytes) -> web.Response:
    """Answer one control request; it is not journaled, has no latency and meets no fault."""
    if request.remote is None or not ipaddress.ip_address(request.remote).is_loopback:
        return _reply({"message": "control is for loopback only"}, status=403)
    match request.method, request.path.removeprefix(PREFIX):
        case "GET", "journal":
            return _reply(_journal(sim))
        case "DELETE", "journal":
            sim.journal.clear()
            return _reply({})
        case "GET", "summary":
            return _reply(sim.journal.summary())
        case "GET", "accounts":
            return _accounts(sim, request.rel_url.query.get("user", "0"))
        case "POST", "faults":
            return _add_faults(sim, body)
        case "DELETE", "faults":
            sim.heal()
            return _reply({})
        case _:
            return _reply({"message": "no such control path"}, status=404)


def _reply(content: object, *, status: int = 200) -> web.Response:
    return web.json_response(content, status=status)


def _journal(sim: Simulator) -> dict[str, object]:
    return {
        "requests": [dataclasses.asdict(request) for request in sim.journal.requests],
        "changes": [dataclasses.asdict(change) for change in sim.journal.changes],
    }


def _accounts(sim: Simulator, user: str) -> web.Response:
    if not user.isdecimal() or int(user) >= len(sim.tokens):
        return _reply({"message": f"user must be below {len(sim.tokens)}"}, status=400)
    return _reply([dataclasses.asdict(account) for account in sim.accounts(int(user))])


def _add_faults(sim: Simulator, body: bytes) -> web.Response:
    try:
        faults = [_fault(place, fields) for place, fields in enumerate(_listed(body), 1)]
    except ValueError as exc:
        return _reply({"message": str(exc)}, status=400)
    for fault in faults:
        sim.add_fault(fault)
    return _reply({"added": len(faults)})


def _listed(body: bytes) -> list[Any]:
    try:
        faults = json.loads(body)
    except ValueError:
        faults = None
    if not isinstance(faults, list):
        raise ValueError("the body is a JSON list of faults, each an object of its fields")
    return faults


def _fault(place: int, fields: Any) -> Fault:
    """The fault at that *place* of the list; raises `ValueError` with a sentence that names the field."""
    if not isinstance(fields, dict):
        raise ValueError(f"fault {place} is an object of its fields, not {json.dumps(fields)}")
    for name, value in fields.items():
        if name not in _KINDS:
            raise ValueError(f"fault {place}: there is no field {name!r}; there are {', '.join(_KINDS)}")
        if not _fits(value, _KINDS[name]):
            raise ValueError(f"fault {place}: {name} is {_KINDS[name]}, not {json.dumps(value)}")
    body = fields.get("body")
    try:
        return Fault(**{**fields, "body": body.encode() if isinstance(body, str) else body})
    except ValueError as exc:
        raise ValueError(f"fault {place}: {exc}") from None


def _fits(value: object, kind: str) -> bool:
    match kind:
        case "a text":
            return value is None or isinstance(value, str)
        case "true or false":
            return isinstance(value, bool)
        case "true, false or a text":
            return isinstance(value, bool | str)
        case "a whole number":
            return value is None or (isinstance(value, int) and not isinstance(value, bool))
        case "a number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
