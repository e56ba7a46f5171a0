"""Every public name, to be asked of `tread_async`, which loads this with the first of them."""

from tread_async._identity import Credential, TokenSource
from tread_async._policy import RetryPolicy
from tread_async._stats import ClientStats
from tread_async._version import __version__
from tread_async._wiring import DEFAULT_BASE_URL
from tread_async.balance import Balance, BalanceRow
from tread_async.changes import Change, RowChange
from tread_async.client import TreadClient
from tread_async.config import Config, Setting
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
from tread_async.hooks import Hooks
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
    "Config",
    "Credential",
    "DeadlineExceededError",
    "DecodeError",
    "Equity",
    "Event",
    "Failed",
    "Feed",
    "Hooks",
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
    "Setting",
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
