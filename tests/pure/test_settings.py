"""What a client may be given to connect with: token, base URL, headers, proxy, TLS, numbers."""

from __future__ import annotations

import math
import ssl as tls
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from tread_async._codec import arguments as check
from tread_async._codec import settings
from tread_async.errors import UsageError
from tread_async.secret import Secret

HOST = "https://app.tread.fi"


def refused(check_it: Callable[..., object], *args: Any) -> str:
    """The one sentence with which *check_it* refuses, which is also a `ValueError`."""
    with pytest.raises(UsageError) as caught:
        check_it(*args)
    assert isinstance(caught.value, ValueError)
    assert caught.value.__cause__ is None
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "spoiled",
    ["\r\n", "\n", "\r", "\x00", "\t", " ", "\x7f", "\x1b[0m", "é", "\u00a0", "\u200b", "\ud800", "\u0665"],
    ids=ascii,
)
@pytest.mark.parametrize("where", ["{}canary", "can{}ary", "canary{}"])
def test_a_token_that_cannot_stand_in_a_header_is_refused(spoiled: str, where: str) -> None:
    """A token with a line break, blank or character outside ASCII is refused and not repeated."""
    for token in (where.format(spoiled), Secret(where.format(spoiled))):
        text = refused(settings.token, token)

        assert "can" not in text.replace("cannot", "")
        assert "ary" not in text


@pytest.mark.parametrize("value", ["", Secret(""), None, 7, b"canary", ["canary"]], ids=repr)
def test_what_is_no_token_is_refused(value: Any) -> None:
    """No token at all, or a value of another type, is refused by its type."""
    assert "canary" not in refused(settings.token, value)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
def test_a_printable_token_is_kept(text: str) -> None:
    """Any printable ASCII without blanks is a token, unchanged; a `Secret` stays the object it is."""
    token = settings.token(text)

    assert token.reveal() == text
    assert settings.token(token) is token


@pytest.mark.parametrize("word", ["Token", "Bearer", "X-Own"])
def test_a_scheme_is_one_word(word: str) -> None:
    """The word in front of the token is kept; anything that is not one word is refused."""
    assert settings.auth_scheme(word) == word
    for other in ("", " ", f"{word} ", f"{word}\n", f"{word}\r\nX: y", f"{word} x", "-x", "é", None, 7):
        refused(settings.auth_scheme, other)


LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda s: s[:2] != "0x")
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
SEGMENTS = st.from_regex(r"[A-Za-z0-9_~-]{1,10}", fullmatch=True)
PREFIXES = st.lists(SEGMENTS, max_size=3).map(lambda parts: "".join(f"/{part}" for part in parts))


@given(HOSTS, st.none() | st.integers(1, 65535), PREFIXES, st.sampled_from(["", "/", "//"]))
def test_a_base_url_keeps_its_path_prefix(host: str, port: int | None, prefix: str, slashes: str) -> None:
    """An https URL is kept whole, port and path prefix included; only slashes at its end go."""
    url = f"https://{host}{f':{port}' if port else ''}{prefix}"

    assert settings.base_url(url + slashes) == url


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.8.7", "[::1]", "LOCALHOST"])
@pytest.mark.parametrize("rest", ["", ":8000", "/prefix", ":8000/a/b"])
def test_plain_http_is_for_this_machine(host: str, rest: str) -> None:
    """http reaches a loopback address or localhost, and nothing else."""
    assert settings.base_url(f"http://{host}{rest}") == f"http://{host}{rest}"


@given(HOSTS.filter(lambda host: host != "localhost"), st.none() | st.integers(1, 65535), PREFIXES)
@example("example", None, "")
@example("localhost.evil.com", None, "")
@example("127.0.0.1.nip.io", None, "")
@example("10.0.0.1", None, "")
@example("0.0.0.0", None, "")
@example("128.0.0.1", None, "")
@example("[::2]", None, "")
@example("[::]", None, "")
@example("[::ffff:10.0.0.1]", None, "")
def test_plain_http_to_another_machine_is_refused(host: str, port: int | None, prefix: str) -> None:
    """The token never crosses a network in clear."""
    refused(settings.base_url, f"http://{host}{f':{port}' if port else ''}{prefix}")


ODD = (
    "0x7f.1 0x7f.0.0.1 0x7f000001 0X7F000001 2130706433 127.1 127.0.1 0177.0.0.1 017700000001 127.0.0.01 0 1 "
    "127.0.0.0x1 127.0.0.1. 1.2.3.4.5 256.0.0.1 1.2.3 127.0.0.08 [::1 ::1 [127.0.0.1] [localhost] "
    "127.0.0.1%2eevil.com localhost%00 a_b -a a- .a"
)


@pytest.mark.parametrize("host", ODD.split())
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_odd_notations_of_a_host_are_refused(scheme: str, host: str) -> None:
    """Numbers that resolvers read as addresses, and hosts in half a notation, are no base URL."""
    refused(settings.base_url, f"{scheme}://{host}")
    refused(settings.base_url, f"{scheme}://{host}:8000/prefix")


@pytest.mark.parametrize(
    "host",
    ["evil.com[::1]", "[::1]evil.com", "[::1].evil.com", "[::1]x", "x[::1]", "[v1.x]", "[v7f.1]", "[::1]]"],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_brackets_enclose_a_whole_ipv6_address(scheme: str, host: str) -> None:
    """A bracket in a host encloses an IPv6 address and nothing stands beside it but a port."""
    refused(settings.base_url, f"{scheme}://{host}:8000")


@given(
    st.sampled_from(["http://127.0.0.1", "https://app.tread.fi", "https://h:8/p", "http://localhost/p"]),
    st.text("@?#:/[]%.x0", max_size=6),
    st.text("@?#:/[]%.x0", max_size=6),
)
@example("https://h", "", "?")
@example("https://h", "", "#")
@example("https://h", "u:p@", "")
def test_what_is_accepted_is_what_aiohttp_will_dial(base: str, before: str, after: str) -> None:
    """Whatever mixture is accepted has no userinfo, query or fragment, and means one host to both parsers."""
    scheme, _, rest = base.partition("://")
    try:
        url = settings.base_url(f"{scheme}://{before}{rest}{after}")
    except UsageError:
        return

    mine, theirs = urlsplit(url), URL(f"{url}/api/accounts/", encoded=True)
    assert (theirs.user, theirs.password, theirs.query_string, theirs.fragment) == (None, None, "", "")
    assert theirs.host == mine.hostname
    assert theirs.raw_path == f"{mine.path}/api/accounts/"
    assert scheme == "https" or theirs.host in ("localhost", "::1") or str(theirs.host).startswith("127.")


@pytest.mark.parametrize(
    "tail", ["?", "#", "?a=b", "#a", "/../x", "/./x", "/%2e%2e/x", "/.%2E/x", "/a b", "/é", "/a\\b", "\n"]
)  # fmt: skip
def test_a_base_url_with_more_than_a_plain_path_is_refused(tail: str) -> None:
    """Queries, fragments, dot segments and what needs escaping would change the path of every request."""
    refused(settings.base_url, HOST + tail)


@pytest.mark.fault("F43")
@pytest.mark.parametrize("userinfo", ["unsaid@", "unsaid:unsaid@", ":unsaid@", "@", "unsaid%40x@"])
def test_a_base_url_with_userinfo_is_refused_without_showing_it(userinfo: str) -> None:
    """A password in the URL is refused, and the sentence does not repeat it."""
    assert "unsaid" not in refused(settings.base_url, f"https://{userinfo}app.tread.fi")


@pytest.mark.parametrize(
    "value",
    ["", "app.tread.fi", "//app.tread.fi", "https://", "https:///p", "ftp://h", "ws://h", "https:h",
     "https://:80", "https://h:x", "https://h:65536", "https://h:1:2", " https://h", "https://h ", None, b"https://h"],
    ids=repr,
)  # fmt: skip
def test_what_is_no_url_of_a_server_is_refused(value: object) -> None:
    """A base URL is a text with an http scheme, a host and at most one port."""
    refused(settings.base_url, value)


@pytest.mark.trap(12)
@pytest.mark.parametrize("path", ["/api/accounts/", "/api/x", "/", "/api/a%2Fb", "/api/a:b;c=d,e"])
def test_a_path_is_kept_exactly(path: str) -> None:
    """A slash at the end stays or stays away, and escapes are not escaped again."""
    assert check.path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "api",
        "https://evil/",
        "//evil/x",
        "/a?b",
        "/a#b",
        "/a b",
        "/é",
        "/a\n",
        "/../x",
        "/a/./b",
        "/%2e%2E/",
    ],
    ids=repr,
)
def test_a_path_that_leads_elsewhere_is_refused(path: object) -> None:
    """No path names another host, climbs out of its prefix or brings its own query."""
    refused(check.path, path)


def test_a_method_is_a_known_one() -> None:
    """Methods come in any case; one that aiohttp would send but the API does not know is refused."""
    assert [check.method(text) for text in ("get", "Post", "PUT", "patch", "DELETE")] == [
        *("GET", "POST", "PUT", "PATCH", "DELETE")
    ]
    for other in ("", "CONNECT", "TRACE", "HEAD", "GET ", "GET\r\n", None, 7):
        refused(check.method, other)


OWNED = "Authorization cookie CONTENT-LENGTH Host Transfer-Encoding Content-Type Accept-Encoding Connection"


@pytest.mark.parametrize("name", OWNED.split())
def test_headers_that_the_library_owns_are_refused(name: str) -> None:
    """Identity, framing and encoding are not for extra headers, in whatever case."""
    assert "unsaid" not in refused(settings.extra_headers, {name: "unsaid"})


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nY", "é", 7, None], ids=repr)
@pytest.mark.parametrize("text", ["a\r\nb: c", "a\nb", "a\x00b", "é", 7, None], ids=repr)
def test_a_header_that_would_break_the_request_is_refused(name: Any, text: Any) -> None:
    """A name or value that could start another header, or is not ASCII, is refused."""
    assert settings.extra_headers({"User-Agent": "desk/1.0 (x)"}) == {"User-Agent": "desk/1.0 (x)"}
    assert settings.extra_headers(None) == {}
    refused(settings.extra_headers, {name: "x"})
    refused(settings.extra_headers, {"X-Own": text})


def test_a_proxy_is_for_https_only() -> None:
    """A proxy sees what goes over plain http, so that it is refused there, without its password."""
    assert settings.proxy(None, "http://localhost") is None
    assert settings.proxy(Secret("http://10.0.0.1:3128"), HOST) == "http://10.0.0.1:3128"
    for proxy, base in (
        ("http://u:canary@p", "http://localhost"),
        ("http://u:canary@p", HOST),
        ("socks5://canary", HOST),
        ("canary\n", HOST),
    ):
        assert "canary" not in refused(settings.proxy, Secret(proxy), base)


def test_tls_verification_cannot_be_switched_off() -> None:
    """A context that skips the certificate or the host name is refused; a verifying one is used."""
    good, nameless, blind = (tls.create_default_context() for _ in range(3))
    nameless.check_hostname = blind.check_hostname = False
    blind.verify_mode = tls.CERT_NONE

    assert settings.ssl_context(good) is good
    assert settings.ssl_context(None) is None
    for other in (nameless, blind, False, True, "off"):
        refused(settings.ssl_context, other)


@pytest.mark.parametrize("value", [0, -1, 1001, True, 1.0, "8", None])
def test_max_in_flight_is_a_whole_number(value: Any) -> None:
    """From 1 to 1000 requests at once; no bool, fraction or text."""
    assert (settings.max_in_flight(1), settings.max_in_flight(1000)) == (1, 1000)
    refused(settings.max_in_flight, value)


@pytest.mark.parametrize(
    "value", [0, -1, 10_001, 1e-9, 10**400, math.nan, math.inf, True, "5", b"5", Decimal(5)], ids=repr
)
def test_what_is_no_rate_is_refused(value: Any) -> None:
    """A rate is a number from one a day to 10000 in a second; no bool, text or `Decimal`."""
    assert settings.requests_per_s(None) is None
    assert (settings.requests_per_s(1), settings.requests_per_s(10_000)) == (1.0, 10_000.0)
    assert settings.requests_per_s(1 / 86_400) == 1 / 86_400
    refused(settings.requests_per_s, value)


@pytest.mark.parametrize(
    ("spelled", "origin"),
    [
        (HOST, "https://app.tread.fi:443"),
        ("https://App.Tread.FI:443/prefix", "https://app.tread.fi:443"),
        ("https://app.tread.fi:8443", "https://app.tread.fi:8443"),
        ("http://localhost", "http://localhost:80"),
        ("http://[::1]:8000/x", "http://::1:8000"),
    ],
)
def test_which_server_it_is(spelled: str, origin: str) -> None:
    """A server is its scheme, host and port, however they are spelled; a path makes no other."""
    assert settings.origin(settings.base_url(spelled)) == origin


@given(st.floats() | st.integers())
@example(math.nan)
@example(86_400)
@example(0)
def test_a_deadline_is_above_zero_and_below_a_day(value: float) -> None:
    """A deadline that is zero, negative, endless or not a number is refused; others keep their value."""
    if 0 < value < 86_400:
        assert check.deadline_s(value) == value
    else:
        refused(check.deadline_s, value)


@pytest.mark.parametrize("value", [True, None, "5", Decimal(5)], ids=repr)
def test_a_deadline_is_a_number(value: Any) -> None:
    """A deadline of another type is refused."""
    refused(check.deadline_s, value)
