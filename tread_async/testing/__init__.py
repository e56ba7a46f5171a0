"""For the tests of your own bot: a Tread server in a thread, and what to say of what it saw.

With ``pip install 'tread-async[testing]'`` pytest has three fixtures: `tread_simulator`, `tread_client` and
`no_backoff`. They are plain ones and run under pytest-asyncio, pytest-aiohttp and anyio's plugin alike, and
in tests that are not async::

    async def test_leverage_is_set_once(tread_simulator, tread_client, no_backoff):
        tread_simulator.fail(endpoint="set_leverage", account="A", status=422, times=2)
        account = tread_simulator.account("A")
        await tread_client.set_leverage(5, pair="ETH:PERP-USDT", account_ids=[account.id])
        tread_simulator.assert_applied_once(account="A", pair="ETH:PERP-USDT", leverage=5)

A simulator with other accounts or tokens is a fixture of yours with the same name::

    @pytest.fixture
    def tread_simulator():
        with TreadSimulator(tokens=2, accounts=["main", "hedge"]) as simulator:
            yield simulator
"""

from tread_async.testing.clock import Clock
from tread_async.testing.threaded import TreadSimulator
from tread_async.testing.waiting import no_backoff

__all__ = ["Clock", "TreadSimulator", "no_backoff"]
