"""Server text is shown only after it was made safe: no secret, no control, no flood."""

from __future__ import annotations

import base64
import json
import math
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tread_async._codec.endpoints import ACCOUNTS
from tread_async._codec.redaction import sanitised, sanitised_within
from tread_async._codec.replies import Reply, error_of
from tread_async.errors import ApiError
from tread_async.secret import Secret

# Of DerivedCoreProperties.txt: what shows as nothing at all, so that a name with it looks like one without.
IGNORABLE = (
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0),
    *range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070),
    *range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B),
    *range(0xE0000, 0xE1000),
)  # fmt: skip
HARMLESS = st.characters(
    exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"), exclude_characters="".join(map(chr, IGNORABLE))
)

# A secret of asterisks or of the dots that mark a cut cannot be told from what stands in for it.
SECRETS = st.text(
    st.characters(
        min_codepoint=0x21, max_codepoint=0x24F, exclude_categories=("Cc",), exclude_characters="*."
    ),
    min_size=4,
    max_size=40,
)
KEYS_WITH_BLANKS = st.text("aZ09+/= -", min_size=4, max_size=12).filter(lambda text: not text.isspace())
CHATTER = st.text(st.characters(), max_size=40) | st.sampled_from(["\x00", " ", "\n", "\x1b[31m", "\u202e"])


def shown(body: bytes, *secrets: Secret) -> str:
    """Everything that an error made of *body* shows."""
    failure = error_of(ACCOUNTS, Reply(status=400, body=body), secrets)
    assert isinstance(failure, ApiError)
    return "\n".join([str(failure), repr(failure), failure.message, *failure.errors, *map(str, failure.args)])


@pytest.mark.fault("I13")
@given(SECRETS | KEYS_WITH_BLANKS, st.lists(CHATTER, max_size=4))
@example("a b-c", ["x"])
def test_a_secret_never_survives(secret: str, around: list[str]) -> None:
    """Wherever a secret stands in a text, once or often, it is not in what is shown."""
    assert secret not in sanitised(secret.join(["", *around, ""]), [Secret(secret)])


@given(KEYS_WITH_BLANKS, st.sampled_from("\x00\n\t\x7f\u200b\u2028\u202e"))
@example("ab cd", "\x00")
def test_a_secret_does_not_arise_from_cleaning(secret: str, blank: str) -> None:
    """Characters shown as blanks do not put together a secret that has blanks."""
    assert secret not in sanitised(f"echo {secret.replace(' ', blank)} end", [Secret(secret)])


@given(st.lists(SECRETS, min_size=1, max_size=4))
def test_several_secrets_are_hidden_at_once(secrets: list[str]) -> None:
    """None of several secrets survives where all are echoed, also where one is part of another."""
    text = sanitised(" | ".join(secrets), [Secret(secret) for secret in secrets])

    assert not [secret for secret in secrets if secret in text]


@pytest.mark.parametrize("order", [1, -1])
def test_a_secret_inside_another_leaves_no_rest(order: int) -> None:
    """Where one secret is part of another, hiding the short one first does not show the rest of the long."""
    secrets = [Secret("abcd1234"), Secret("xyz-abcd1234-canary")][::order]

    assert "canary" not in sanitised("echo xyz-abcd1234-canary", secrets)


@pytest.mark.parametrize(
    "body",
    [
        b'{"message": "bad key canary-secret-1 given"}',
        b'{"errors": ["canary-secret-1", {"api_secret": "canary-secret-1"}]}',
        b'{"api_secret": ["canary-secret-1 is wrong"]}',
        b'{"canary-secret-1": ["unknown field"]}',
        b'"canary-secret-1"',
        b"<!-- not html --> canary-secret-1",
        b"KeyError: 'canary-secret-1'",
        b'{"message": "canary-secret-1',
        b'{"message": "canary\\u002dsecret-1"}',
    ],
)
def test_an_echoed_secret_is_not_in_the_error(body: bytes) -> None:
    """Whatever the shape of the body, nothing that the error shows has the secret."""
    assert "canary" not in shown(body, Secret("canary-secret-1"))


ESCAPES: dict[str, Callable[[str], str]] = {
    "json": lambda text: json.dumps(text)[1:-1],
    "json in utf-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "a python repr": lambda text: repr(text)[1:-1],
    "a url": lambda text: quote(text, safe=""),
    "a url path": quote,
    "a form": quote_plus,
    "json in json": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "json in a url": lambda text: quote(json.dumps(text)[1:-1], safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 for a url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
}


@pytest.mark.fault("I13")
@pytest.mark.parametrize("escape", ESCAPES)
def test_an_escaped_echo_is_hidden_too(escape: str) -> None:
    """A secret echoed in an escaped form, from which it can be read, is not shown either."""
    for secret in ('can"ary', "can\\ary", "can/ary+\u00e9 x"):
        form = ESCAPES[escape](secret)
        nested = json.dumps({"detail": {"sent": secret if "json" in escape else form}})
        texts = [
            shown(body.encode(), Secret(secret)) for body in (nested, f"bad request: {form}", f'"{form}')
        ]

        assert not [text for text in texts if form in text or secret in text]


@pytest.mark.parametrize("escape", [name for name in ESCAPES if "64" not in name])
def test_no_letter_of_an_escaped_echo_is_left(escape: str) -> None:
    for secret in ('"can\u00e9ary"', "\\can/ary+\u00e9 x", "canary-1"):
        assert sanitised(f"<{ESCAPES[escape](secret)}>", [Secret(secret)]) == "<***>"


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc"])
def test_no_letter_of_its_own_is_left_of_base64(before: bytes) -> None:
    """Only a letter whose bits are in part those of what stands beside the secret is shown."""
    secret = b"canary>>?-/of-mine"
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        letters = encode(before + secret + b"~after").decode()
        begins, ends = math.ceil(len(before) * 8 / 6), (len(before) + len(secret)) * 8 // 6
        expected = f"{letters[:begins]}***{letters[ends:]}"

        assert sanitised(letters, [Secret(secret.decode())]) == expected


def readings(text: str) -> list[bytes]:
    """What base64 in *text* decodes to, wherever a group of four letters is taken to begin."""
    found = []
    for run in re.findall(r"[A-Za-z0-9+/_-]+", text):
        for start in range(4):
            letters = "A" * start + run
            letters = letters[:-1] if len(letters) % 4 == 1 else letters
            found.append(base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_"))
    return found


@given(SECRETS, st.binary(max_size=40), st.binary(max_size=40), st.booleans())
@example("can>?ary", b"desk:", b"", True)
def test_a_secret_in_a_longer_base64_is_hidden(
    secret: str, before: bytes, after: bytes, for_url: bool
) -> None:
    """As in a Basic header: wherever it begins, and whatever stands around it."""
    encode = base64.urlsafe_b64encode if for_url else base64.b64encode
    echoed = f"sent Basic {encode(before + secret.encode() + after).decode()}"

    assert any(secret.encode() in plain for plain in readings(echoed))
    assert not any(secret.encode() in plain for plain in readings(sanitised(echoed, [Secret(secret)])))


DECODED = st.recursive(
    CHATTER | st.integers() | st.none(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(CHATTER, parts, max_size=3),
    max_leaves=8,
)


@given(DECODED, SECRETS)
def test_what_is_decoded_is_made_safe_in_every_part(value: object, secret: str) -> None:
    """Keys and texts at any depth are sanitised; numbers, nulls and the shape stay."""
    held = {"a": [value, {secret: secret}], "b": f"\x1b[2J{secret}\u202e"}
    safe = sanitised_within(held, [Secret(secret)])

    assert safe["a"][1] == {"***": "***"}
    assert safe["b"].split() == ["***"]
    assert secret not in json.dumps(safe["a"][1:])
    assert len(safe["a"]) == 2
    if isinstance(value, int | None):
        assert safe["a"][0] == value


@pytest.mark.parametrize("wrap", [lambda part: [part], lambda part: {"a": part}, lambda part: (part,)])
def test_what_is_nested_too_deeply_is_left_out(wrap: Callable[[object], object]) -> None:
    """Fifty brackets are shown; an error of thousands of them does not end in a `RecursionError`."""

    def nested(times: int, inner: object) -> object:
        for _ in range(times):
            inner = wrap(inner)
        return inner

    assert sanitised_within(nested(50, "x"), []) == nested(50, "x")
    assert sanitised_within(nested(51, "x"), []) == nested(50, "(nested too deeply)")
    assert "canary" not in repr(sanitised_within(nested(2000, "canary"), []))


@pytest.mark.parametrize("size", [40, 600, 1700, 3200])
@pytest.mark.parametrize("lead", ["bad key: ", "x" * 2000])
@pytest.mark.parametrize("times", [1, 60])
def test_a_cut_leaves_no_piece_of_a_secret(size: int, lead: str, times: int) -> None:
    """However long a secret and wherever a text is cut, no eight characters of it in a row are shown."""
    secret = (
        "".join(chr(0x21 + (n * n + 7 * n) % 90) for n in range(size)).replace("*", "+").replace("<", ">")
    )
    text = shown((lead + secret * times).encode(), Secret(secret))

    assert not [n for n in range(size - 8) if secret[n : n + 8] in text]


@pytest.mark.parametrize("lead", ["bad key: ", "canary-s? "])
@pytest.mark.parametrize("escape", ESCAPES)
def test_a_text_that_ends_inside_a_secret_shows_no_piece_of_it(lead: str, escape: str) -> None:
    """A body that was cut may end anywhere in a secret, in any spelling, also after what looks like it."""
    secret = "canary-secret/0123456789"
    spelt = ESCAPES[escape](secret)
    cut = {sanitised(lead + spelt[:size], [Secret(secret)]) for size in range(8, len(spelt) + 1)}

    assert cut == {lead + "***"}


def test_a_text_that_ends_within_a_secret() -> None:
    """Eight characters of a secret at the end of a body that was cut are hidden; fewer tell nothing."""
    secret = "abcdefgh-abcdefgh-canary-canary"
    for size in range(8, len(secret)):
        for lead in ("", "bad key ", "abcdefgh.", "x" * 400):
            assert sanitised(lead + secret[:size], [Secret("other-secret"), Secret(secret)]) == f"{lead}***"

    assert sanitised(secret[:7], [Secret(secret)]) == secret[:7]
    assert sanitised("abcdefgh. Not it", [Secret(secret)]) == "abcdefgh. Not it"
    assert sanitised("aaaaaaaaa-can", [Secret("aaaaaaaa-canary")]) == "a***"


@given(st.text(st.characters(), max_size=80))
@example("\x1b[31mred\x1b[0m \x9b2J \x1b]0;title\x07")
@example("\u202eevil\u2066\u2069\u200f\u061c")
@example("line\u2028para\u2029\x85")
def test_what_is_shown_has_no_control_characters(text: str) -> None:
    """No control, line separator, surrogate or bidi character is left, and no terminal sequence."""
    clean = sanitised(text)

    assert not [c for c in clean if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    bidi = {unicodedata.bidirectional(c) for c in clean}
    assert not bidi & {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not set("\u200e\u200f\u061c") & set(clean)


@given(st.text(HARMLESS, max_size=512))
def test_harmless_text_is_shown_as_it_is(text: str) -> None:
    """Letters of every script, blanks and punctuation pass unchanged."""
    assert sanitised(text) == text
    assert sanitised(text, [Secret("")]) == text


@given(st.text(st.characters(), max_size=1200))
@example("x" * 512)
@example("x" * 513)
def test_what_is_shown_is_at_most_512_long(text: str) -> None:
    """A text of up to 512 characters is whole; a longer one ends in dots at 512."""
    clean = sanitised(text)

    assert len(clean) <= 512
    if len(text) > 512 and not re.search("[\x1b]", text):
        assert len(clean) == 512
        assert clean.endswith("...")


def test_a_flood_of_errors_and_long_secrets_do_not_hold_the_loop() -> None:
    """Twenty long errors are made safe against three long keys in a few thousand steps, not millions."""
    secrets = [Secret(f"{name}-" + "xY9+/=" * 283) for name in ("key", "secret", "password")]
    body = json.dumps({"errors": ["bad key " + "z" * 3000] * 20}).encode()
    steps: Counter[str] = Counter()
    sys.setprofile(lambda frame, event, argument: steps.update([event]))
    try:
        shown(body, *secrets)
    finally:
        sys.setprofile(None)

    assert 100 < steps.total() < 50_000


@given(st.text(min_size=1, max_size=3), st.text(HARMLESS))
def test_a_text_too_short_to_be_a_secret_hides_nothing(secret: str, text: str) -> None:
    """Under four characters nothing is hidden: to black out a letter everywhere would tell which it is."""
    assert sanitised(text[:512], [Secret(secret)]) == text[:512]


@given(st.text(max_size=10), st.sampled_from(IGNORABLE), st.text(max_size=10))
@example("ok", 0x3164, "")
@example("", 0xE0041, "x")
def test_what_does_not_show_is_a_blank(before: str, invisible: int, after: str) -> None:
    """Two texts look alike only if they are, but for blanks."""
    shown = sanitised(f"{before}{chr(invisible)}{after}")

    assert not {*map(ord, shown)} & {*IGNORABLE}
    assert sanitised(f"a{chr(invisible)}b") == "a b"


def test_what_is_common_stays() -> None:
    """Letters, marks, signs and pictures of every script."""
    for text in ("Zürich", "東京", "한국", "हिन्दी", "عربى", "ไทย", "👍", "a\u0301", "€ → ½"):
        assert sanitised(text) == text
