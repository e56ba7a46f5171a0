"""An asyncio client for the Tread.fi Accounts API that cannot lie.

From the bottom up, imports going down only::

    errors, secret          one error tree; a text that does not show itself
    hooks, _telling         what a user is told of the work while it is done
    models                  what the server says: frozen structs, exact decimals
    _codec                  requests out, replies in; pure
    _policy, _budget        whether and when to repeat, and how often over all calls; pure
    _breaker, _hedging      off unless asked for: stop sending in an outage, ask twice what is slow
    _attempt, _receiving, _transport
                            one attempt over the connection pool
    _slots, _rates, _gates  who may send now: requests at once, and in a second
    _pacing                 long work in short steps
    _call, _calls           an attempt, its repeats and its outcome
    _hooked                 the same, told to hooks
    keys, balance, outcomes, reports, plans, listing
                            what is said of accounts of many tokens
    _sightings, _lifecycle  create, archive, update: sent once, and looked up where the answer was lost
    _fleet                  directory, batches, coalescing, isolation of failures, verified writes
    changes                 what differs between two snapshots
    rules, _figures, _judging
                            what to give alarm of, and when it is raised and ends
    update, _watch, feed    polling for months: beats, rounds, and any number of readers
    _config, config         the file of profiles, the environment, and where tokens come from
    client                  TreadClient: one method per endpoint, for one token
    manager                 SessionManager: every account of every token
    metrics, tracing        hooks for Prometheus and OpenTelemetry, each with an extra

`tread_async.simulator` is a Tread server on loopback, for demos and tests, and `tread_async.testing` makes it
a fixture for the tests of your bot. Nothing here imports them.

The public names stand in `_surface` and are loaded when the first of them is asked for: who wants the
simulator, an error or the help of the command alone does not wait for the client.
"""

from typing import TYPE_CHECKING

from tread_async._version import __version__ as __version__

if TYPE_CHECKING:
    from tread_async._surface import *  # noqa: F403
    from tread_async._surface import __all__ as __all__
else:

    def __getattr__(name: str) -> object:
        if name == "__all__" or not name.startswith("_"):  # not for parts that import each other
            _load()
        if name in globals():
            return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        _load()
        return sorted(globals())

    def _load() -> None:
        try:
            from tread_async import _surface
        except AttributeError as error:  # or it would be said of the name that is asked for
            raise ImportError("tread_async does not load") from error
        names = {name: getattr(_surface, name) for name in ("__all__", *_surface.__all__)}
        globals().update(names | globals())  # what a test has put in place of a name stays
