"""Server text made safe to show: it is untrusted, and may echo what was sent."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import quote, quote_plus

from tread_async.secret import Secret

__all__ = ["MAX_TEXT", "sanitised", "sanitised_within", "sanitiser"]

MAX_TEXT: Final = 512
_SHORTEST_SECRET: Final = 4  # hiding one letter wherever it stands would hide everything but the secret
_SHORTEST_PIECE: Final = 8
_DEEPEST: Final = 50
_SHOWN_AS_BLANK: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # terminal sequences, whole
    r"|[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufff9-\ufffb"
    # What Unicode calls default ignorable: it does not show, so that two names would look alike.
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff]"
)


def sanitised(text: str, secrets: Iterable[Secret] = ()) -> str:
    """*text* without *secrets*, control and bidi characters, and at most 512 characters long."""
    return sanitiser(secrets)(text)


def sanitiser(secrets: Iterable[Secret]) -> Callable[[str], str]:
    """`sanitised` for many texts of one answer."""
    forms = _forms(secrets)
    heads = sorted({re.escape(form[:_SHORTEST_SECRET]) for form in forms})
    beginnings = re.compile("|".join(heads) or "(?!)")

    def clean(text: str) -> str:
        if len(text) <= MAX_TEXT and _shows(text) and not beginnings.search(text):
            return text  # the usual case: ten thousand accounts may each have an error
        # Twice: a secret with a blank in it may come about when a control character becomes one.
        text = _redacted(_SHOWN_AS_BLANK.sub(" ", _redacted(text, forms)), forms)
        return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."

    return clean


def _shows(text: str) -> bool:
    return text.isprintable() and (text.isascii() or not _SHOWN_AS_BLANK.search(text))


def sanitised_within(value: Any, secrets: Iterable[Secret]) -> Any:
    """Decoded JSON, each text in it sanitised."""
    clean = sanitiser(secrets)

    def safe(value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, dict | list | tuple) and depth == _DEEPEST:
            return "(nested too deeply)"
        if isinstance(value, dict):
            return {clean(name): safe(part, depth + 1) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return type(value)([safe(part, depth + 1) for part in value])
        return value

    return safe(value, 0)


def _forms(secrets: Iterable[Secret]) -> list[str]:
    """Every spelling from which one of *secrets* could be read, the longest first."""
    forms: set[str] = set()
    for secret in secrets:
        text = secret.reveal()
        if len(text) >= _SHORTEST_SECRET:
            plain = {text, repr(text)[1:-1], quote(text), quote(text, safe=""), quote_plus(text)}
            plain |= {quote(form, safe="") for form in _in_json(text) - {text}}
            escaped = {nested for form in plain for nested in _in_json(form)}
            twice = {json.dumps(form)[1:-1] for form in escaped}
            forms |= plain | escaped | twice | _encoded(text.encode())
    return sorted(forms, key=len, reverse=True)


def _in_json(text: str) -> set[str]:
    return {json.dumps(text, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)}


def _encoded(plain: bytes) -> set[str]:
    """*plain* in hex, and in base64: what its letters are there, wherever it stands in a longer text."""
    forms = {plain.hex(), plain.hex().upper()}
    for before in range(3):
        letters = base64.b64encode(bytes(before) + plain).decode()
        of_it_alone = letters[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]
        forms |= {of_it_alone, of_it_alone.replace("+", "-").replace("/", "_")}
    return forms


def _redacted(text: str, forms: list[str]) -> str:
    for form in forms:
        text = text.replace(form, "***")
    for form in forms:
        text = _without_piece(text, form)
    return text


def _without_piece(text: str, form: str) -> str:
    """A body that was cut may end in the middle of a secret."""
    head = form[:_SHORTEST_PIECE]
    at = text.find(head, max(0, len(text) - len(form)))
    while at >= 0:
        if form.startswith(text[at:]):
            return text[:at] + "***"
        at = text.find(head, at + 1)
    return text
