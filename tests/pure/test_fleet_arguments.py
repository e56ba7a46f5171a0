"""What the caller of a manager may give, and the sentence with which the rest is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from tread_async import ALL, AccountKey
from tread_async._codec import arguments as check
from tread_async._fleet import arguments
from tread_async._identity import Credential
from tread_async.errors import UsageError
from tread_async.secret import Secret

KEY = AccountKey("desk", "x")
NO_LIST = "accounts is a list of accounts, such as ['desk-a/x'], or ALL, not "
NO_BATCH = "batch is a whole number from 1 to 500"
NO_SECONDS = "wait_s is a number of seconds above 0"
NO_MOMENT = "at is a moment on the loop's clock, such as loop.time()"


def refusal(check: Callable[..., Any], *given: Any) -> str:
    with pytest.raises(UsageError) as caught:
        check(*given)
    return caught.value.message


def test_credentials() -> None:
    """Every token is wrapped, in the order given; one that is wrapped stays the same."""
    wrapped = Credential("token-b", proxy="https://proxy.example")
    found, wrong = arguments.credentials({"a": "token-a", "b": wrapped, "c": lambda: "token-c"})

    assert wrong == ""
    assert list(found) == ["a", "b", "c"]
    assert found["b"] is wrapped
    assert found["a"].token == Secret("token-a")


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ([("a", "token-a")], "credentials is a mapping of names to tokens, not list"),
        ("token-a", "credentials is a mapping of names to tokens, not str"),
        ({}, "there is no credential"),
        (
            {"a/b": "token"},
            "credential 'a/b': its name has a slash, which separates it from the account's name",
        ),
        ({"a": "token", "b": ""}, "credential 'b': the token is empty"),
        ({"": "token"}, "credential '': the name of a credential is empty"),
        ({7: "token"}, "the name of a credential is a text, not int"),
    ],
)
def test_credentials_that_cannot_work(given: Any, wrong: str) -> None:
    """What is wrong is said of the first that is, and none of them is handed out."""
    assert arguments.credentials(given) == ({}, wrong)


@pytest.mark.parametrize("check", [arguments.accounts, arguments.addressed])
def test_accounts(check: Callable[[object], Any]) -> None:
    """Any iterable with something in it; a list is copied."""
    given: list[Any] = [KEY, "desk/y", 7]

    assert check(given) == check(iter(given)) == check(tuple(given)) == given
    assert check(given) is not given


@pytest.mark.parametrize("check", [arguments.accounts, arguments.addressed])
@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (KEY, NO_LIST + "AccountKey"),
        ("desk/x", NO_LIST + "str"),
        (b"desk/x", NO_LIST + "bytes"),
        (7, NO_LIST + "int"),
        ([], "accounts is empty; say ALL for every account"),
    ],
)
def test_what_is_no_list_of_accounts(check: Callable[[object], Any], given: Any, wrong: str) -> None:
    assert refusal(check, given) == wrong


def test_a_write_to_all_is_said() -> None:
    """None is not all."""
    assert arguments.addressed(ALL) is ALL
    assert refusal(arguments.addressed, None) == "accounts is None; say ALL to write to every account"


@pytest.mark.parametrize("size", [1, 2, 500])
def test_a_batch(size: int) -> None:
    assert arguments.batch(size) == size


@pytest.mark.parametrize("size", [0, -1, 501, True, 1.0, "1", None], ids=repr)
def test_what_is_no_batch(size: Any) -> None:
    assert refusal(arguments.batch, size) == NO_BATCH


@pytest.mark.parametrize("value", [1, 0.001, 1e9, 1.0])
def test_seconds(value: float) -> None:
    assert check.seconds(value, "wait_s") == value


@pytest.mark.parametrize("value", [0, 0.0, -1, math.inf, math.nan, True, "1", None], ids=repr)
def test_what_is_no_time(value: Any) -> None:
    assert refusal(check.seconds, value, "wait_s") == NO_SECONDS


@pytest.mark.parametrize("value", [None, 0, -1.5, 1e9])
def test_a_moment(value: float | None) -> None:
    assert arguments.moment(value, "at") == value


@pytest.mark.parametrize("value", [True, "1", [1]], ids=repr)
def test_what_is_no_moment(value: Any) -> None:
    assert refusal(arguments.moment, value, "at") == NO_MOMENT
