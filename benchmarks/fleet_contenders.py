"""A refresh of a whole fleet, as a user of a manager writes it."""

from __future__ import annotations

from tread_async import SessionManager, Snapshot

__all__ = ["refreshed"]


async def refreshed(desk: SessionManager) -> Snapshot:
    """Every cached balance."""
    snapshot = await desk.balances(source="cached")
    if not snapshot.complete:
        raise RuntimeError(f"not what is to be measured: {snapshot}")
    return snapshot
