"""What holds where the file and the environment say different things."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tread_async import UsageError
from tread_async._config.choosing import Chosen, choose
from tread_async._config.document import Document, document
from tread_async._config.environment import Environment
from tread_async._config.fields import FIELDS

HERE, THERE, ELSEWHERE = "https://here.example", "https://there.example", "https://elsewhere.example"
# Of each setting: what the file has, and a variable with what it means.
BOTH: dict[str, tuple[Any, str, Any]] = {
    "base_url": (HERE, f"{HERE}/v2/", f"{HERE}/v2"),
    "deadline_s": (5.0, "7.5", 7.5),
    "max_in_flight": (16, "17", 17),
    "max_in_flight_per_token": (4, "3", 3),
    "requests_per_s": (2.0, "1", 1.0),
    "hedge_cached": (False, "true", True),
    "auth_scheme": ("Bearer", "Token", "Token"),
}


def chosen(data: dict[str, Any], environment: dict[str, str], profile: str | None = None) -> Chosen:
    return choose(document(data, "F"), "F", Environment(environment), profile)


def refused(data: dict[str, Any], environment: dict[str, str], profile: str | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        chosen(data, environment, profile)
    return str(caught.value)


@given(st.sets(st.sampled_from([*BOTH])), st.sets(st.sampled_from([*BOTH])))
def test_a_setting_is_that_of_the_environment_else_of_the_file_else_the_default(
    in_file: set[str], in_environment: set[str]
) -> None:
    """Each by itself, whatever the others are; and it says which."""
    table = {name: BOTH[name][0] for name in in_file}
    environment = {f"TREAD_{name.upper()}": BOTH[name][1] for name in in_environment}
    found = chosen({"profiles": {"p": table}}, environment, "p").settings

    assert [*found] == [*FIELDS]
    for name in BOTH:
        if name in in_environment:
            expected = (BOTH[name][2], f"environment variable TREAD_{name.upper()}")
        elif name in in_file:
            expected = (BOTH[name][0], "profile p")
        else:
            expected = (FIELDS[name].default, "default")
        assert found[name] == expected


@given(st.booleans(), st.booleans(), st.booleans())
def test_a_profile_is_that_of_the_caller_else_of_the_environment_else_of_the_file(
    called: bool, variable: bool, default: bool
) -> None:
    """Where nobody names one, there is none: a profile is never guessed."""
    data: dict[str, Any] = {"profiles": {"a": {}, "b": {}, "c": {}}} | (
        {"default_profile": "c"} if default else {}
    )
    environment = {"TREAD_API_TOKEN": "canary"} | ({"TREAD_PROFILE": "b"} if variable else {})
    found = chosen(data, environment, "a" if called else None).profile

    expected: tuple[Any, str] = (None, "default")
    if called:
        expected = ("a", "--profile")
    elif variable:
        expected = ("b", "environment variable TREAD_PROFILE")
    elif default:
        expected = ("c", "default_profile")
    assert found == expected


TOKENS = {"x": {"token_env": "DESK_X"}, "y": {"token_command": "give y"}}


@given(
    tokens=st.sets(st.sampled_from([*TOKENS])),
    headers=st.sampled_from([None, {}, {"X-Desk": "canary"}]),
    served=st.sampled_from([None, HERE]),
    named=st.booleans(),
    variable=st.sampled_from([None, "", "canary"]),
    server=st.sampled_from([None, "", HERE, THERE, f"{HERE}/another"]),
)
def test_tokens_are_of_one_origin_and_go_to_no_server_that_it_does_not_name(
    tokens: set[str],
    headers: dict[str, str] | None,
    served: str | None,
    named: bool,
    variable: str | None,
    server: str | None,
) -> None:
    """A variable neither takes the place of a profile's tokens, nor sends them or its headers elsewhere."""
    profile: dict[str, Any] = {"tokens": {name: TOKENS[name] for name in tokens}}
    profile |= {"base_url": served} if served else {}
    profile |= {} if headers is None else {"headers": headers}
    environment = {"TREAD_API_TOKEN": variable, "TREAD_BASE_URL": server}
    try:
        found = chosen(
            {"profiles": {"p": profile}},
            {name: value for name, value in environment.items() if value is not None},
            "p" if named else None,
        )
    except UsageError:
        elsewhere = server and server != (served or FIELDS["base_url"].default)
        torn = named and ((tokens and variable) or ((tokens or headers) and elsewhere))
        assert torn or (not named and not variable)
        return
    url = found.settings["base_url"].value
    if named and headers:
        assert url == (served or FIELDS["base_url"].default)
    if named and tokens:
        assert not variable
        assert found.tokens.keys() == tokens
        assert url == (served or FIELDS["base_url"].default)
    else:
        assert [*found.tokens] == (["token"] if variable else [])
        assert url == (server or (served if named else None) or FIELDS["base_url"].default)


def test_a_stray_token() -> None:
    """It says which variable and which profile, and what to do."""
    data = {"profiles": {"prod": {"tokens": TOKENS}}, "default_profile": "prod"}

    assert refused(data, {"TREAD_API_TOKEN": "canary"}) == (
        "TREAD_API_TOKEN is set, and profile 'prod' of F has tokens of its own: unset the variable, "
        "or choose a profile without tokens"
    )


def test_a_token_that_the_profile_takes_from_that_very_variable() -> None:
    """There is no contradiction in that."""
    tokens = {**TOKENS, "z": {"token_env": "TREAD_API_TOKEN"}}
    found = chosen({"profiles": {"prod": {"tokens": tokens}}}, {"TREAD_API_TOKEN": "canary"}, "prod")

    assert [*found.tokens] == ["x", "y", "z"]


@pytest.mark.parametrize("server", [ELSEWHERE, "https://app.tread.fi/v2", "https://app.tread.fi:444"])
@pytest.mark.parametrize(
    ("has", "said"),
    [
        ({"tokens": TOKENS}, "tokens"),
        ({"headers": {"X-Desk": "canary"}}, "headers"),
        ({"tokens": TOKENS, "headers": {"X-Desk": "canary"}}, "tokens and headers"),
    ],
)
def test_another_server(has: dict[str, Any], said: str, server: str) -> None:
    """Also where the profile leaves its server at the default; another path may be somebody else's, too."""
    environment = {"TREAD_BASE_URL": server} | ({} if "tokens" in has else {"TREAD_API_TOKEN": "canary"})

    assert refused({"profiles": {"prod": has}}, environment, "prod") == (
        f"TREAD_BASE_URL is another server than that of profile 'prod' of F, whose {said} go nowhere else: "
        "unset the variable, or make a profile for that server"
    )


def test_the_same_server() -> None:
    """However it is spelled."""
    profile = {"base_url": f"{HERE}/v2", "tokens": TOKENS}
    found = chosen(
        {"profiles": {"prod": profile}}, {"TREAD_BASE_URL": "https://HERE.example:443/v2/"}, "prod"
    )

    assert found.settings["base_url"].value == "https://HERE.example:443/v2"


@pytest.mark.parametrize(
    ("data", "environment", "profile", "said"),
    [
        ({}, {}, "prod", "there is no profile 'prod' in F; there are none"),
        (
            {"profiles": {"a": {}}},
            {"TREAD_PROFILE": "b"},
            None,
            "there is no profile 'b' in F; there are 'a'",
        ),
        ({"profiles": {"a": {}, "b": {}}}, {}, None, "no profile is chosen: name one with --profile"),
        ({}, {"TREAD_DEADLINE_S": "canary"}, None, "TREAD_DEADLINE_S: deadline_s is a number"),
        ({}, {"TREAD_DEADLINE_S": "nan"}, None, "TREAD_DEADLINE_S: deadline_s is a number"),
        ({}, {"TREAD_MAX_IN_FLIGHT": "1.5"}, None, "TREAD_MAX_IN_FLIGHT: max_in_flight is a whole number"),
        ({}, {"TREAD_MAX_IN_FLIGHT": "9" * 5000}, None, "TREAD_MAX_IN_FLIGHT: max_in_flight is a whole"),
        ({}, {"TREAD_REQUESTS_PER_S": "0"}, None, "TREAD_REQUESTS_PER_S: requests_per_s is a number"),
        ({}, {"TREAD_HEDGE_CACHED": "yes"}, None, "TREAD_HEDGE_CACHED: hedge_cached is true or false"),
        ({}, {"TREAD_AUTH_SCHEME": "canary canary"}, None, "TREAD_AUTH_SCHEME: auth_scheme is one word"),
        ({}, {"TREAD_BASE_URL": "https://canary:canary@x"}, None, "TREAD_BASE_URL: base_url carries a user"),
    ],
)
def test_what_is_refused(
    data: dict[str, Any], environment: dict[str, str], profile: str | None, said: str
) -> None:
    """With the variable or the profile, and with no value."""
    assert said in refused(data, environment, profile)


def test_a_document_by_itself_says_nothing() -> None:
    """Then all is as by default, and there is no token."""
    found = choose(Document(), "F", Environment({}))

    assert (found.profile, found.tokens) == ((None, "default"), {})
    assert {origin for _, origin in found.settings.values()} == {"default"}
