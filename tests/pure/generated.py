"""Replies for property tests, letter by letter: odd numbers, odd names, names twice, spoilt accounts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st


class Verbatim(str):
    """JSON that is written as it is."""

    __slots__ = ()


Json: TypeAlias = Any
"""A list, a text, or an object as a tuple of pairs, so that a key may stand twice."""

NAMES: Final = st.sampled_from(
    ["A", "exchange", "balances", "a,b", "yibo/main", 'x"exchange', '"exchange":', "\\", ',{"', "é", "交易😀"]
) | st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
NUMBERS: Final = st.sampled_from(
    [
        "1",
        "0",
        "-0.0",
        "1.50",
        "0.1000000000000000055511151231257827",
        "17E-9",
        "1e40",
        "12345678901234567890",
    ]
)
NO_AMOUNTS: Final = st.sampled_from(
    ["1e41", "1e999999999", "1." + "0" * 60, "true", '"1_0"', '"\uff11"', '"\\uff11"', '"nan"', "[]", "{}"]
)
UNKNOWN: Final = st.sampled_from(
    [
        "null",
        '"exchange"',
        '{"exchange":[{"exchange":1}]}',
        "[1.5, {}]",
        '"\\u00e9,{"',
        '[{"z":1},{"account_name":"A"}]',
        '[{"z":1}, {"account_name":"A"}]',
    ]
).map(Verbatim)


@dataclass(frozen=True)
class Style:
    """How a server writes."""

    comma: str
    colon: str
    escaped: bool

    def write(self, value: Json) -> str:
        if isinstance(value, Verbatim):
            return str(value)
        if isinstance(value, list):
            return f"[{self.comma.join(map(self.write, value))}]"
        if isinstance(value, tuple):
            members = [f"{self.write(key)}{self.colon}{self.write(member)}" for key, member in value]
            return f"{{{self.comma.join(members)}}}"
        return json.dumps(value, ensure_ascii=self.escaped)

    def body(self, value: Json) -> bytes:
        return self.write(value).encode()


STYLES: Final = st.builds(
    lambda gap, escaped: Style(*gap, escaped),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : ")]),
    st.booleans(),
)


@dataclass(frozen=True)
class Part:
    """One account of a reply."""

    name: str
    value: Json
    good: bool


@st.composite
def live_parts(draw: st.DrawFn) -> Part:
    """An account of the live call."""
    kind = draw(
        st.sampled_from(["good"] * 5 + ["amount", "no exchange", "no assets", "no object", "escaped"])
    )
    rows: list[Json] = [
        (("symbol", "U"), ("size", Verbatim(draw(NUMBERS)))) for _ in range(draw(st.integers(0, 3)))
    ]
    if kind == "amount":
        rows.append((("symbol", "U"), ("size", Verbatim(draw(NO_AMOUNTS)))))
    exchange = Verbatim('"exch\\u0061nge"') if kind == "escaped" else "exchange"
    fields = [(exchange, draw(st.sampled_from(["Gate", "exchange"]))), ("assets", rows), ("x", draw(UNKNOWN))]
    fields = [field for field in draw(st.permutations(fields)) if f"no {field[0]}" != kind]
    value = (
        Verbatim(draw(st.sampled_from(["5", "null", "[]", "{}"]))) if kind == "no object" else tuple(fields)
    )
    return Part(draw(NAMES), value, kind in ("good", "escaped"))


@st.composite
def cached_parts(draw: st.DrawFn) -> Part:
    """An account of the cached call."""
    kind = draw(st.sampled_from(["good"] * 5 + ["amount", "no account_id", "no assets"]))
    name = draw(NAMES)
    texts = NUMBERS.map(lambda number: f'"{number}"') | NUMBERS
    rows: list[Json] = [
        (("symbol", "U"), ("amount", Verbatim(draw(texts)))) for _ in range(draw(st.integers(0, 3)))
    ]
    if kind == "amount":
        rows.append((("symbol", "U"), ("amount", "1"), ("notional", Verbatim(draw(NO_AMOUNTS)))))
    more = draw(
        st.lists(
            st.sampled_from(
                [
                    ("transfers", Verbatim('[{"amount":1.50,"n":7}, {"account_name":"A"}, 2.5]')),
                    ("transfers", []),
                    ("user_id", 13),
                    ("equity", "1.10"),
                    ("equity", Verbatim("1.10")),
                    ("timestamp_millis", 1_800_000_000_000),
                ]
            ),
            max_size=2,
        )
    )
    fields = [("account_name", name), ("account_id", draw(st.sampled_from("123"))), ("assets", rows)]
    fields += [*more, ("x", draw(UNKNOWN))]
    if draw(st.booleans()):
        fields = draw(st.permutations(fields))
    fields = [field for field in fields if f"no {field[0]}" != kind]
    return Part(name, tuple(fields), kind == "good")


@st.composite
def listed_accounts(draw: st.DrawFn) -> Json:
    """An account of the list."""
    fields: dict[str, Json] = {"id": draw(st.sampled_from("123")), "name": draw(NAMES), "exchange": "Gate"}
    fields |= {"user": draw(st.sampled_from([2, "2"])), "credential_options": Verbatim('{"spot": 1.50}')}
    if draw(st.integers(0, 9)) == 0:
        fields[draw(st.sampled_from(sorted(fields)))] = draw(UNKNOWN)
    return tuple(fields.items())
