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
        faults = [_fault(fields) for fields in json.loads(body)]
    except (TypeError, ValueError, AttributeError) as exc:
        return _reply({"message": f"not a list of faults: {exc}"}, status=400)
    for fault in faults:
        sim.add_fault(fault)
    return _reply({"added": len(faults)})


def _fault(fields: dict[str, Any]) -> Fault:
    body = fields.get("body")
    return Fault(**{**fields, "body": body.encode() if isinstance(body, str) else body})
