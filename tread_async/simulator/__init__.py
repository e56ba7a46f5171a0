"""A stateful Tread server on loopback, for tests, demos and benchmarks; nothing leaves the machine.

It shares no code with the client, so that a wrong field name cannot hide on both sides:

    async with Simulator(seed=7, accounts=200) as sim:
        sim.fail(endpoint="balances", status=503, times=2)
        ...                       # point a client at sim.url with sim.tokens[0]
        sim.journal.count("balances")

In a process of its own: ``python -m tread_async.simulator --port 8080 --accounts 200``.
"""

from tread_async.simulator.faults import Fault
from tread_async.simulator.journal import Change, Journal, Request
from tread_async.simulator.server import Simulator
from tread_async.simulator.state import AccountRecord

__all__ = ["AccountRecord", "Change", "Fault", "Journal", "Request", "Simulator"]
