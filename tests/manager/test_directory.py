"""Which accounts there are, what a text means, and what a list that is old, short or refused does."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.support.desks import FOUR_TRIES, desk, half_a_minute_passes, keys, kinds
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tread_async import (
    AccountKey,
    AuthError,
    IncompleteSnapshotError,
    ServerError,
    SessionManager,
    UsageError,
)


def users(*names: str, count: int = 2) -> list[User]:
    """*count* tokens, each with accounts of those names; ids tell the tokens apart."""
    return [
        User(
            token=f"canary-{place}",
            accounts=[Held(name=name, id=f"id-{place}-{name}") for name in names],
        )
        for place in range(count)
    ]


def shown(given: Any) -> list[str]:
    return [str(key) for key in given]


def listings(server: FleetServer) -> list[int]:
    """How often each token was listed."""
    return [user.count("accounts") for user in server.users]


async def settled() -> None:
    """Lets everything that is ready have its turn."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_each_token_once_and_at_once() -> None:
    """The tokens are listed together, each once, and not again for the next question."""
    async with FleetServer(*users("x", "y", count=6)) as server, desk(server) as manager:
        gate = asyncio.Event()
        for user in server.users:
            user.gate = gate
        first = asyncio.create_task(manager.accounts())
        async with asyncio.timeout(3):
            await server.until(6, "accounts")
        gate.set()
        listing = await first
        again = await manager.accounts()

    assert listing.complete
    assert shown(listing.accounts) == [f"{name}/{account}" for name in "abcdef" for account in "xy"]
    assert again == listing
    assert server.peak == 6
    assert listings(server) == [1] * 6


async def test_refreshed() -> None:
    """Without `refresh` the list of before is given, with it the server's of now."""
    async with FleetServer(*users("x")) as server, desk(server) as manager:
        before = await manager.accounts()
        server.users[1].accounts.append(Held(name="new"))
        same = await manager.accounts()
        listed_then = listings(server)
        anew = await manager.accounts(refresh=True)

    assert shown(before.accounts) == shown(same.accounts) == ["a/x", "b/x"]
    assert listed_then == [1, 1]
    assert shown(anew.accounts) == ["a/x", "b/x", "b/new"]
    assert listings(server) == [2, 2]


async def test_refreshed_while_listed() -> None:
    """A list asked for anew is not the answer to a request that was begun before; two such share one."""
    [user] = users("x", count=1)
    async with FleetServer(user) as server, desk(server) as manager:
        first, second = await listing_begun(manager, user, server)
        anew = [asyncio.create_task(manager.accounts(refresh=True)) for _ in range(2)]
        await settled()
        user.gate.set()  # type: ignore[union-attr]
        await asyncio.gather(first, second, *anew)

    assert user.count("accounts") == 2


async def test_refresh_fails() -> None:
    """A list that was asked for anew and could not be had is not passed off as one."""
    async with FleetServer(*users("x")) as server, desk(server) as manager:
        await manager.accounts()
        server.users[1].refuses = {"accounts": 500}
        listing = await manager.accounts(refresh=True)

    assert shown(listing.accounts) == ["a/x"]
    assert isinstance(listing.unlisted["b"], ServerError)
    assert not listing.complete


async def test_an_unknown_name_is_looked_for_once_more() -> None:
    """A bare name that nobody has makes every token be listed once more, and then is an error."""
    async with FleetServer(*users("x")) as server, desk(server) as manager:
        await manager.accounts()
        with pytest.raises(UsageError, match="no account is called 'nobody'"):
            await manager.balance("nobody")

    assert listings(server) == [2, 2]
    assert server.count("balances") == 0


async def test_a_name_that_is_new_is_found() -> None:
    """A bare name that has come to the server since it was listed is found."""
    async with FleetServer(*users("x")) as server, desk(server) as manager:
        await manager.accounts()
        server.users[1].accounts.append(Held(name="new"))
        balance = await manager.balance("new")

    assert balance.key == AccountKey("b", "new")
    assert listings(server) == [2, 2]
    assert [user.count("balances") for user in server.users] == [0, 1]


async def test_ambiguous() -> None:
    """A name that several tokens have is refused, with the candidates; nothing is read."""
    async with FleetServer(*users("x", count=3)) as server, desk(server) as manager:
        with pytest.raises(UsageError) as caught:
            await manager.balances(["a/x", "x"])

    assert "could be any of a/x, b/x, c/x; write credential/name" in str(caught.value)
    assert server.count("balances") == 0
    assert listings(server) == [1, 1, 1]


async def test_many_candidates() -> None:
    """Of very many candidates the first are named and the others counted."""
    async with FleetServer(*users("x", count=11)) as server, desk(server) as manager:
        with pytest.raises(UsageError) as caught:
            await manager.balance("x")

    assert "a/x, b/x, c/x, d/x, e/x, f/x, g/x, h/x and 3 more;" in str(caught.value)


async def test_a_name_here_is_an_id_there() -> None:
    """A text that is the name of one account and the id of another is as ambiguous."""
    there = User(token="canary-0", accounts=[Held(name="x", id="y")])
    here = User(token="canary-1", accounts=[Held(name="y")])
    async with FleetServer(there, here) as server, desk(server) as manager:
        with pytest.raises(UsageError, match="could be any of a/x, b/y"):
            await manager.balance("y")


async def test_an_id_that_is_the_name() -> None:
    """An account whose id is its name is no second candidate for itself."""
    async with (
        FleetServer(User(token="canary-0", accounts=[Held(name="x", id="x")])) as server,
        desk(server) as manager,
    ):
        balance = await manager.balance("x")

    assert balance.key == AccountKey("a", "x")


async def test_by_id() -> None:
    """An id tells apart accounts of one name, alone and in a list."""
    async with FleetServer(*users("x")) as server, desk(server) as manager:
        balance = await manager.balance("id-1-x")
        snapshot = await manager.balances(["id-1-x", "id-0-x", "b/x"])

    assert balance.key == AccountKey("b", "x")
    assert kinds(snapshot) == {"b/x": "Ok", "a/x": "Ok"}
    assert listings(server) == [1, 1]


async def test_archived() -> None:
    """An archived account is neither listed nor found, by its old name, its new one or its id."""
    user = User(token="canary-0", accounts=[Held(name="x"), Held(name="old", id="id-old")])
    async with FleetServer(user) as server, desk(server) as manager:
        before = await manager.accounts()
        user.accounts[1] = Held(name="old_archived_1", id="id-old", archived=True)
        after = await manager.accounts(refresh=True)
        for text in ("old", "old_archived_1", "id-old"):
            with pytest.raises(UsageError, match="no account is called"):
                await manager.balance(text)
        snapshot = await manager.balances()

    assert shown(before.accounts) == ["a/x", "a/old"]
    assert shown(after.accounts) == shown(snapshot.outcomes) == ["a/x"]


@pytest.mark.parametrize(
    "name", ["desk/1", "/", "x,y", ",", "Zoë, 日本 😀", "a b+c%2F&d=e?f#g", "A", "b", "id of it"]
)
async def test_names(name: str) -> None:
    """Odd names reach the one account that has them: bare, after the credential, and in a key."""
    user = User(token="canary-0", accounts=[Held(name="other"), Held(name=name, amount="7.25")])
    async with FleetServer(user) as server, desk(server) as manager:
        balances = [
            await manager.balance(f"a/{name}"),
            await manager.balance(AccountKey("a", name)),
            await manager.balance(name),
        ]
        snapshot = await manager.balances([name])

    assert {balance.key for balance in balances} == {AccountKey("a", name)}
    assert {balance.rows[0].amount for balance in balances} == {Decimal("7.25")}
    assert kinds(snapshot) == {f"a/{name}": "Ok"}


async def test_shared_between_tokens() -> None:
    """Accounts of one name under two tokens stay two, each with its own balance."""
    first, second = users("x")
    second.accounts[0].amount = "9.5"
    async with FleetServer(first, second) as server, desk(server) as manager:
        some = await manager.balances(["b/x", "a/x"])
        everything = await manager.balances()

    amounts = {str(key): balance.rows[0].amount for key, balance in some.ok.items()}
    assert list(amounts.items()) == [("b/x", Decimal("9.5")), ("a/x", Decimal("1.5"))]
    assert shown(everything.ok) == ["a/x", "b/x"]


async def test_the_part_before_the_slash() -> None:
    """A text that begins with a credential means its account; a key still reaches one that is called so."""
    first, second = users("x")
    first.accounts.append(Held(name="b/x", amount="8.5"))
    async with FleetServer(first, second) as server, desk(server) as manager:
        by_text = await manager.balance("b/x")
        by_key = await manager.balance(AccountKey("a", "b/x"))

    assert (by_text.key, by_text.rows[0].amount) == (AccountKey("b", "x"), Decimal("1.5"))
    assert (by_key.key, by_key.rows[0].amount) == (AccountKey("a", "b/x"), Decimal("8.5"))


async def test_no_listing_for_what_is_plain() -> None:
    """``credential/name`` and keys need no list, in any call that reads."""
    async with FleetServer(*users("x", "y")) as server, desk(server) as manager:
        await manager.balance("a/x")
        await manager.balance(AccountKey("b", "y"), source="cached")
        await manager.balances(["b/x", AccountKey("a", "y")])
        snapshot = await manager.balances(keys("a", ["x", "nobody"]), source="auto", max_age_s=9.0)

    assert kinds(snapshot) == {"a/x": "Ok", "a/nobody": "Missing"}
    assert listings(server) == [0, 0]
    assert server.users[0].filters()[0] == ("x",)


async def test_unknown_credential() -> None:
    """A key of a credential that there is not is refused, and nothing is sent."""
    async with FleetServer(*users("x")) as server, desk(server) as manager:
        with pytest.raises(UsageError, match="no credential called 'z'"):
            await manager.balances([AccountKey("a", "x"), AccountKey("z", "x")])

    assert server.connections == 0


@pytest.mark.parametrize("key", [AccountKey("a", 7), AccountKey(None, "x")])  # type: ignore[arg-type]
async def test_a_key_of_something_else(key: AccountKey) -> None:
    """A key that is not made of two texts is refused, and nothing is sent."""
    async with FleetServer(*users("x")) as server, desk(server) as manager:
        with pytest.raises(UsageError, match="two texts"):
            await manager.balances([AccountKey("a", "x"), key])

    assert server.connections == 0


@pytest.mark.fault("F29")
async def test_an_account_appears() -> None:
    """A new account is unexpected in the answer that first has it, and one of all in the next."""
    async with FleetServer(*users("x")) as server, desk(server) as manager:
        await manager.balances()
        server.users[0].accounts.append(Held(name="new"))
        first = await manager.balances()
        second = await manager.balances()
        third = await manager.balances()

    assert (kinds(first), shown(first.unexpected)) == ({"a/x": "Ok", "b/x": "Ok"}, ["a/new"])
    assert (kinds(second), second.unexpected) == ({"a/x": "Ok", "a/new": "Ok", "b/x": "Ok"}, ())
    assert third.complete
    assert listings(server) == [2, 1]


@pytest.mark.fault("F29")
async def test_an_account_is_gone() -> None:
    """An account that is gone is missing once, and then not asked for."""
    async with FleetServer(*users("x", "y")) as server, desk(server) as manager:
        await manager.balances()
        del server.users[1].accounts[1]
        first = await manager.balances()
        second = await manager.balances()

    assert kinds(first) == {"a/x": "Ok", "a/y": "Ok", "b/x": "Ok", "b/y": "Missing"}
    assert not first.complete
    assert kinds(second) == {"a/x": "Ok", "a/y": "Ok", "b/x": "Ok"}
    assert second.complete
    assert listings(server) == [1, 2]


async def test_an_account_that_stays_odd() -> None:
    """An account that is listed and never answered costs one more listing, not one for each snapshot."""
    first, second = users("x", "y")
    first.accounts[1].live = "missing"
    async with FleetServer(first, second) as server, desk(server) as manager:
        snapshots = [await manager.balances() for _ in range(5)]

    assert [kinds(snapshot)["a/y"] for snapshot in snapshots] == ["Missing"] * 5
    assert listings(server) == [2, 1]


async def test_a_token_that_cannot_be_listed() -> None:
    """A token whose list is not known is named, and nothing is summed as if it had no account."""
    first, second = users("x", "y")
    second.refuses = {"accounts": 500}
    async with FleetServer(first, second) as server, desk(server) as manager:
        listing = await manager.accounts()
        snapshot = await manager.balances(source="cached")
        with pytest.raises(IncompleteSnapshotError, match="1 credentials could not be listed"):
            snapshot.total_equity()
        partial = snapshot.total_equity(allow_partial=True)
        named = await manager.balances(["b/x"])

    assert list(listing.unlisted) == list(snapshot.unlisted) == ["b"]
    assert isinstance(snapshot.unlisted["b"], ServerError)
    assert kinds(snapshot) == {"a/x": "Ok", "a/y": "Ok"}
    assert not snapshot.complete
    assert partial == 20
    assert named.complete


async def test_a_name_while_a_token_cannot_be_listed() -> None:
    """Whose a bare name is cannot be told then: the error of that token, and nothing is read."""
    first, second = users("x")
    second.refuses = {"accounts": 401}
    async with FleetServer(first, second) as server, desk(server) as manager:
        with pytest.raises(AuthError):
            await manager.balance("x")

    assert server.count("balances") == 0


async def test_an_older_list_is_used() -> None:
    """A list that is in doubt and cannot be renewed is used on; the next that can be had is the new one."""
    async with FleetServer(*users("x")) as server, desk(server) as manager:
        await manager.balances()
        server.users[0].accounts.append(Held(name="new"))
        server.users[0].refuses = {"accounts": 500}
        refused = [await manager.balances() for _ in range(2)]
        tried = server.users[0].count("accounts")
        server.users[0].refuses = {}
        half_a_minute_passes(manager)
        renewed = await manager.balances()

    for snapshot in refused:
        assert (kinds(snapshot), dict(snapshot.unlisted)) == ({"a/x": "Ok", "b/x": "Ok"}, {})
        assert shown(snapshot.unexpected) == ["a/new"]
    assert tried == 1 + FOUR_TRIES.attempts  # the second of the two has not asked again
    assert kinds(renewed) == {"a/x": "Ok", "a/new": "Ok", "b/x": "Ok"}


async def test_first_uses_at_once() -> None:
    """Whoever comes first and whatever they ask, they share one listing of each token."""
    first, second = users("x")
    second.accounts.append(Held(name="y"))
    async with FleetServer(first, second) as server, desk(server) as manager:
        first.gate = second.gate = asyncio.Event()
        calls: list[Any] = [asyncio.create_task(manager.accounts()) for _ in range(5)]
        calls += [asyncio.create_task(manager.balances()) for _ in range(5)]
        calls += [asyncio.create_task(manager.balance("y")) for _ in range(5)]
        calls += [asyncio.create_task(manager.balances(["id-0-x"])) for _ in range(5)]
        await server.until(2, "accounts")
        await settled()
        first.gate.set()
        ended = await asyncio.gather(*calls)

    assert all(one.complete for one in ended[:10])
    assert listings(server) == [1, 1]


async def listing_begun(manager: SessionManager, user: User, server: FleetServer, **options: Any) -> Any:
    """A call whose listing is under way and waits for the gate, and one that waits for the same."""
    user.gate = asyncio.Event()
    first = asyncio.create_task(manager.accounts(**options))
    await server.until(1, "accounts")
    second = asyncio.create_task(manager.accounts())
    await settled()
    return first, second


@pytest.mark.parametrize("stage", ["before it is answered", "as it is answered"])
async def test_a_cancelled_listing_is_taken_over(stage: str) -> None:
    """A caller who is cancelled takes the listing away from nobody: the next one lists."""
    [user] = users("x", count=1)
    async with FleetServer(user) as server, desk(server) as manager:
        first, second = await listing_begun(manager, user, server)
        if stage == "as it is answered":
            user.gate.set()  # type: ignore[union-attr]
            await asyncio.sleep(0)
        first.cancel()
        await settled()
        user.gate.set()  # type: ignore[union-attr]
        async with asyncio.timeout(3):
            listing = await second

    assert first.cancelled()
    assert shown(listing.accounts) == ["a/x"]
    assert user.count("accounts") == 2


async def test_a_caller_in_a_hurry() -> None:
    """A listing that fails for want of its caller's time is no failure of one who has more."""
    [user] = users("x", count=1)
    user.first = [(500, {})]
    patient = msgspec.structs.replace(FOUR_TRIES, attempts=2)
    async with FleetServer(user) as server, desk(server, retry=patient) as manager:
        first, second = await listing_begun(manager, user, server, deadline_s=0.45)  # too short for a repeat
        user.gate.set()  # type: ignore[union-attr]
        hurried, other = await asyncio.gather(first, second)

    assert isinstance(hurried.unlisted["a"], ServerError)
    assert other.complete
    assert user.count("accounts") == 2


async def test_one_failure_for_all_who_wait() -> None:
    """Those who wait for a listing that fails share its error, and do not each ask again."""
    [user] = users("x", count=1)
    user.refuses = {"accounts": 403}
    async with FleetServer(user) as server, desk(server) as manager:
        first, second = await listing_begun(manager, user, server)
        more = [asyncio.create_task(manager.accounts()) for _ in range(10)]
        await settled()
        user.gate.set()  # type: ignore[union-attr]
        ended = await asyncio.gather(first, second, *more)

    assert all(list(listing.unlisted) == ["a"] for listing in ended)
    assert user.count("accounts") == 1
