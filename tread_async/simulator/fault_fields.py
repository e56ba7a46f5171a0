"""The arguments of `Fault`, for functions that pass them on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

__all__ = ["FaultFields"]


class FaultFields(TypedDict, total=False):
    """What they mean is said by `tread_async.simulator.Fault`."""

    endpoint: str | None
    account: str | None
    user: int | None
    nth: int | None
    times: int | None
    chance: float
    status: int | None
    headers: Mapping[str, str]
    body: bytes | None
    html: bool
    apply: Literal["none", "all", "others"]
    delay_s: float
    drop: Literal["before", "after", "late"] | None
    truncate_bytes: int | None
    missing: bool
    error: bool | str
    stale_s: float
    stopped_clock: bool
    extra_field: str | None
    without_field: str | None
    retyped_field: str | None
