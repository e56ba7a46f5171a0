"""An asyncio client for the Tread.fi Accounts API that cannot lie.

From the bottom up, imports going down only::

    errors, secret          one error tree; a text that does not show itself
    models                  what the server says: frozen structs, exact decimals
    _codec                  requests out, replies in; pure
    _policy, _budget        whether and when to repeat, and how often over all calls; pure
    _breaker, _hedging      off unless asked for: stop sending in an outage, ask twice what is slow
    _attempt, _receiving, _transport
                            one attempt over the connection pool
    _slots, _rates, _gates  who may send now: requests at once, and in a second
    _pacing                 long work in short steps
    _call, _calls           an attempt, its repeats and its outcome
    keys, balance, outcomes, reports, plans, listing
                            what is said of accounts of many tokens
    _sightings, _lifecycle  create, archive, update: sent once, and looked up where the answer was lost
    _fleet                  directory, batches, coalescing, isolation of failures, verified writes
    changes                 what differs between two snapshots
    rules, _figures, _judging
                            what to give alarm of, and when it is raised and ends
    update, _watch, feed    polling for months: beats, rounds, and any number of readers
    client                  TreadClient: one method per endpoint, for one token
    manager                 SessionManager: every account of every token

`tread_async.simulator` is a Tread server on loopback, for demos and tests. Nothing here imports it.
"""

from tread_async._identity import Credential, TokenSource
from tread_async._policy import RetryPolicy
from tread_async._stats import ClientStats
from tread_async._version import __version__
from tread_async._wiring import DEFAULT_BASE_URL
from tread_async.balance import Balance, BalanceRow
from tread_async.changes import Change, RowChange
from tread_async.client import TreadClient
from tread_async.errors import (
    AccountError,
    ApiError,
    AuthError,
    BlockedError,
    ClientClosedError,
    ClosedAfterSendingError,
    DeadlineExceededError,
    DecodeError,
    IncompleteSnapshotError,
    NameConflictError,
    NotSentError,
    OutcomeUnknownError,
    ProtocolError,
    RateLimitedError,
    RejectedError,
    ServerError,
    SilenceError,
    TransportError,
    TreadError,
    UnprocessableError,
    UsageError,
)
from tread_async.feed import Feed, Updates
from tread_async.keys import ALL, AccountKey
from tread_async.listing import Listing
from tread_async.manager import SessionManager
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
from tread_async.outcomes import Failed, Missing, Ok, Outcome, Snapshot, Stale
from tread_async.plans import LeveragePlan, PlanEntry, Verdict
from tread_async.reports import (
    Applied,
    LeverageReport,
    MarginModeReport,
    NotApplied,
    PlanReport,
    Unknown,
    Verification,
    WriteOutcome,
)
from tread_async.rules import Event, Rule, Seen
from tread_async.secret import Secret
from tread_async.update import Update

__all__ = [
    "ALL",
    "DEFAULT_BASE_URL",
    "Account",
    "AccountBalances",
    "AccountError",
    "AccountKey",
    "ApiError",
    "Applied",
    "Asset",
    "AssetType",
    "AuthError",
    "Balance",
    "BalanceRow",
    "BlockedError",
    "CachedAccount",
    "CachedAsset",
    "CachedBalances",
    "Change",
    "ClientClosedError",
    "ClientStats",
    "ClosedAfterSendingError",
    "Credential",
    "DeadlineExceededError",
    "DecodeError",
    "Equity",
    "Event",
    "Failed",
    "Feed",
    "IncompleteSnapshotError",
    "LeveragePlan",
    "LeverageReport",
    "Listing",
    "MarginMode",
    "MarginModeReport",
    "MarketType",
    "Missing",
    "NameConflictError",
    "NotApplied",
    "NotSentError",
    "Ok",
    "Outcome",
    "OutcomeUnknownError",
    "PlanEntry",
    "PlanReport",
    "ProtocolError",
    "RateLimitedError",
    "RejectedError",
    "RetryPolicy",
    "RowChange",
    "Rule",
    "Secret",
    "Seen",
    "ServerError",
    "SessionManager",
    "SilenceError",
    "Snapshot",
    "Stale",
    "TokenSource",
    "TransportError",
    "TreadClient",
    "TreadError",
    "Unknown",
    "UnprocessableError",
    "Update",
    "Updates",
    "UsageError",
    "Verdict",
    "Verification",
    "WriteOutcome",
    "__version__",
]
