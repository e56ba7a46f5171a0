"""An asyncio client for the Tread.fi Accounts API that cannot lie.

From the bottom up, imports going down only::

    errors, secret          one error tree; a text that does not show itself
    models                  what the server says: frozen structs, exact decimals
    _codec                  requests out, replies in; pure
    _policy                 whether and when to repeat; pure
    _attempt, _transport    one attempt over the connection pool
    _calls, _lifecycle      an attempt, its repeats and its outcome; create and archive
    client                  TreadClient: one method per endpoint, for one token

`tread_async.simulator` is a Tread server on loopback, for demos and tests. Nothing here imports it.
"""

from tread_async._calls import ClientStats
from tread_async._identity import TokenSource
from tread_async._policy import RetryPolicy
from tread_async._version import __version__
from tread_async.client import DEFAULT_BASE_URL, TreadClient
from tread_async.errors import (
    ApiError,
    AuthError,
    BlockedError,
    ClientClosedError,
    DeadlineExceededError,
    DecodeError,
    NameConflictError,
    NotSentError,
    OutcomeUnknownError,
    ProtocolError,
    RateLimitedError,
    RejectedError,
    ServerError,
    TransportError,
    TreadError,
    UnprocessableError,
    UsageError,
)
from tread_async.models import (
    Account,
    AccountBalances,
    Asset,
    AssetType,
    CachedAccount,
    CachedAsset,
    CachedBalances,
    Equity,
    MarginMode,
    MarketType,
)
from tread_async.secret import Secret

__all__ = [
    "DEFAULT_BASE_URL",
    "Account",
    "AccountBalances",
    "ApiError",
    "Asset",
    "AssetType",
    "AuthError",
    "BlockedError",
    "CachedAccount",
    "CachedAsset",
    "CachedBalances",
    "ClientClosedError",
    "ClientStats",
    "DeadlineExceededError",
    "DecodeError",
    "Equity",
    "MarginMode",
    "MarketType",
    "NameConflictError",
    "NotSentError",
    "OutcomeUnknownError",
    "ProtocolError",
    "RateLimitedError",
    "RejectedError",
    "RetryPolicy",
    "Secret",
    "ServerError",
    "TokenSource",
    "TransportError",
    "TreadClient",
    "TreadError",
    "UnprocessableError",
    "UsageError",
    "__version__",
]
