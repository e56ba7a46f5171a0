"""Texts that repeat are kept once, and are otherwise what any text is."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.pure.support import cached_row, ok, refusal
from tread_async import _texts
from tread_async._codec.endpoints import CACHED_BALANCES
from tread_async._codec.replies import parse
from tread_async._texts import Repeated
from tread_async.models import CachedAsset

FIELDS = ("symbol", "wallet_type", "asset_type", "margin_mode")

decoder = msgspec.json.Decoder(list[Repeated])


def row(**fields: object) -> CachedAsset:
    return parse(CACHED_BALANCES, ok(cached_row(**fields))).balances[0].assets[0]


@pytest.mark.parametrize("text", ["USDT", "token", "NEW-COIN:PERP-XYZ", "交易", ""])
@pytest.mark.parametrize("field", FIELDS)
def test_accounts_share_a_text(field: str, text: str) -> None:
    """Two answers that say the same hold one text: most rows of a fleet say the same."""
    one, other = (getattr(row(**{field: text}), field) for _ in range(2))

    assert one == text
    assert type(one) is str
    assert one is other


@given(st.text())
@example("USDT")
@example("\u0663")
@example("x" * 1000)
@example('"\\\n')
def test_a_text_is_what_was_sent(text: str) -> None:
    """Known or not, in whatever spelling: the same characters."""
    escaped = '["' + "".join(f"\\u{ord(letter):04x}" for letter in text if ord(letter) < 0x10000) + '"]'

    assert decoder.decode(json.dumps([text]).encode()) == [text]
    assert decoder.decode(json.dumps([text], ensure_ascii=False).encode()) == [text]
    assert decoder.decode(escaped.encode()) == json.loads(escaped)


@pytest.mark.parametrize("wire", [1, 1.5, True, [], {}, ["USDT"]])
@pytest.mark.parametrize("field", FIELDS)
def test_what_is_no_text_is_refused(field: str, wire: object) -> None:
    """As where a text of any kind stands, and with the same words."""
    assert "Expected `str" in str(refusal(CACHED_BALANCES, ok(cached_row(**{field: wire}))))


def test_bytes_that_are_no_text_are_refused() -> None:
    """What is not UTF-8 is no text."""
    with pytest.raises(UnicodeDecodeError):
        decoder.decode(b'["\xff"]')


def test_a_server_that_never_repeats_itself_fills_no_memory() -> None:
    """So many texts are kept and no more, none of them long, and each is still what was sent."""
    seen = _texts._Seen()

    texts = [str(number) for number in range(3 * _texts._MOST)]
    assert [seen[text] for text in texts] == texts
    assert len(seen) <= _texts._MOST
    assert seen["x" * (_texts._LONGEST + 1)] not in seen
