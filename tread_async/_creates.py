"""Which create call made which account, so that no two of one client take the same for theirs."""

from __future__ import annotations

from typing import Final

from tread_async.secret import Secret

__all__ = ["Create", "Creates"]

_MOST: Final = 10_000  # an entry is a few hundred bytes, and nobody has as many accounts


class Create:
    """One call. Its *made* is the id of its account, once that is known."""

    __slots__ = ("made", "wanted")

    def __init__(self, wanted: int) -> None:
        self.made: str | None = None
        self.wanted: int = wanted


class Creates:
    """The calls that have made an account, or may have, or may yet."""

    def __init__(self) -> None:
        self._known: dict[Create, None] = {}

    def begun(self, name: str, exchange: str, api_key: Secret) -> Create:
        """One more call. It is known from when it may be sent, since whoever is cancelled cannot say so."""
        # A hash is as good as the three, and no secret is kept for as long as the client lives.
        create = Create(hash((name, exchange.casefold(), api_key)))
        self._known[create] = None
        if len(self._known) > _MOST:
            settled = (one for one in self._known if one.made is not None)
            del self._known[next(settled, next(iter(self._known)))]
        return create

    def came_to_nothing(self, create: Create) -> None:
        """It has made no account, nor will."""
        self._known.pop(create, None)

    def is_of_another(self, create: Create, account_id: str) -> bool:
        """Whether the account is known to be that of another call than *create*."""
        return any(other.made == account_id for other in self._known if other is not create)

    def has_rivals(self, create: Create) -> bool:
        """Whether other calls for the same name, exchange and key may have made an account, or may yet."""
        return any(
            other.made is None and other.wanted == create.wanted
            for other in self._known
            if other is not create
        )
