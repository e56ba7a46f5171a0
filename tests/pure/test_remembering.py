"""Answers read with a memory of the last ones: the same as without it, and only what changed is decoded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from random import Random
from typing import Any, Final, Literal
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pure.generated import STYLES, UNKNOWN, Json, Part, Style, Verbatim, cached_parts, live_parts
from tread_async._amounts import AmountDecoder
from tread_async._codec import bodies, cutting, recognising, scanning
from tread_async._codec.remembering import Remembered, remembered
from tread_async._codec.scanning import Scanned, in_one_go

CHANGES: Final = ["new", "add", "stamp", "stamps", "stamps", "move", "drop", "twice", "style", "errors"]
Steps = Callable[[Sequence[bytes]], Generator[None, None, Any]]
SOURCES: Final[list[Literal["live", "cached"]]] = ["live", "cached"]
PLAIN: Final = {"live": scanning.live, "cached": scanning.cached}
COMPACT: Final = Style(",", ":", False)
LOOSE: Final = Style(", ", ": ", True)
ESCAPED_NAME_KEY: Final = Verbatim('"account\\u005fname"')
STAMPS: Final = [
    Verbatim(text)
    for text in (
        *("1800000000000", "1800000000001", "18000000000000001", "999999999999999", "9999999999999999"),
        *("7", "0", "100", "1000", "1800000000000.0", "1.5", "1e3", "0e3", "-5", "007", "null", '"7"'),
    )
]
# What could be taken for the time stamp, or hide it.
DISGUISES: Final = st.sampled_from(
    [
        ("x", Verbatim('{"timestamp_millis":1800000000000}')),
        ("x", "timestamp_millis"),
        ("x", '"timestamp_millis":7,'),
        ("x", Verbatim('"\\u00e9"')),
        (Verbatim('"a\\"timestamp_millis"'), 7),
        (Verbatim('"timestamp\\u005Fmillis"'), 1_800_000_000_000),
        (Verbatim('"\\u0074imestamp_millis"'), Verbatim("7")),
        ("timestamp_millis", Verbatim("7")),
        ("transfers", Verbatim('[{"account_name":"A","timestamp_millis":7}]')),
    ]
)


def pieces_of(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def told(scanned: Scanned[Any]) -> Any:
    """All that *scanned* says, to the last digit and in its order."""
    faults = [(name, type(fault), str(fault)) for name, fault in scanned.faults.items()]
    return repr((scanned.accounts, faults, scanned.repeated, scanned.errors))


def outcome(steps: Steps, pieces: Sequence[bytes]) -> Any:
    """What *steps* tell of a body, or what is wrong with it."""
    try:
        return told(in_one_go(lambda _: steps(pieces))(b""))
    except bodies.UNDECODABLE as error:
        return type(error), str(error)


@contextmanager
def small_steps(size: int) -> Iterator[None]:
    """As if bodies were long."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(scanning, "_CHUNK_BYTES", size))
        stack.enter_context(patch.object(recognising, "_STEP_BYTES", size))
        stack.enter_context(patch.object(cutting, "_MOST_BYTES", max(size, 50)))
        yield


def steps_of(memory: Remembered[Any]) -> Steps:
    assert memory.endpoint.steps is not None
    return memory.endpoint.steps


def read(memory: Remembered[Any], body: bytes) -> Scanned[Any]:
    scanned: Scanned[Any] = memory.endpoint.decode(body)
    return scanned


def restamped(part: Part, stamp: Json) -> Part:
    if not isinstance(part.value, tuple):
        return part
    return replace(
        part, value=tuple((key, stamp if key == "timestamp_millis" else value) for key, value in part.value)
    )


@st.composite
def dressed(draw: st.DrawFn, parts: st.SearchStrategy[Part]) -> Part:
    """An account with a time stamp, perhaps in disguise."""
    part = draw(parts)
    if not isinstance(part.value, tuple):
        return part
    fields = [*part.value, ("timestamp_millis", Verbatim("1800000000000"))]
    fields += draw(st.lists(DISGUISES | st.just((ESCAPED_NAME_KEY, part.name)), max_size=1))
    return replace(part, value=tuple(draw(st.permutations(fields)) if draw(st.booleans()) else fields))


def rounds(
    pool: list[Part], styles: list[Style], errors: list[Json], chance: Random
) -> Iterator[tuple[list[Part], Style, list[Json]]]:
    """Accounts, style and errors of some answers, each of which is much like the one before."""
    accounts, style, said = chance.choices(pool, k=chance.randrange(8)), styles[0], errors[:1]
    for _ in range(12):
        yield accounts, style, said
        accounts = list(accounts)
        for change in chance.choices(CHANGES, k=chance.randrange(3)):
            at = chance.randrange(len(accounts) + 1)
            stamp = chance.choice(STAMPS)
            match change:
                case "new":
                    accounts[at : at + 1] = [chance.choice(pool)]
                case "add":
                    accounts.insert(at, chance.choice(pool))
                case "stamp":
                    accounts[at : at + 1] = [restamped(part, stamp) for part in accounts[at : at + 1]]
                case "stamps":
                    accounts = [restamped(part, stamp) for part in accounts]
                case "move":
                    chance.shuffle(accounts)
                case "drop":
                    del accounts[at : at + 1]
                case "twice":
                    accounts += accounts[at : at + 1]
                case "style":
                    style = chance.choice(styles)
                case "errors":
                    said = chance.choices(errors, k=chance.randrange(2)) if errors else []


def body_of(source: str, accounts: list[Part], style: Style, errors: list[Json]) -> bytes:
    if source == "live":
        return style.body(tuple((part.name, part.value) for part in accounts))
    return style.body((("balances", [part.value for part in accounts]), ("errors", errors)))


def answers_of(source: str) -> st.SearchStrategy[list[tuple[list[Part], Style, list[Json]]]]:
    parts = live_parts() if source == "live" else dressed(cached_parts())
    pools, styles = st.lists(parts, min_size=1, max_size=6), st.lists(STYLES, min_size=1, max_size=2)
    chances = st.integers(0, 2**32).map(Random)  # whose choices cost less than those of hypothesis
    return st.builds(rounds, pools, styles, st.lists(UNKNOWN, max_size=2), chances).map(list)


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_as_without_a_memory(source: Literal["live", "cached"]) -> None:
    """Whatever was read before, whole or cut off, and in whatever pieces it comes: 1,200 answers."""

    @given(answers_of(source), st.sampled_from([1, 150, 32 * 1024]), st.sampled_from([30, 97, 10_000]))
    def check(answers: list[Any], step: int, size: int) -> None:
        memory = remembered(source)
        with small_steps(step):
            for number, answer in enumerate(answers):
                body = body_of(source, *answer)
                cut = [body[: len(body) * number // 12]] if number % 4 == 3 else []
                for pieces in [pieces_of(text, size) for text in (body, *cut)]:
                    assert outcome(steps_of(memory), pieces) == outcome(PLAIN[source], pieces)

    check()


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_while_other_answers_are_read(source: Literal["live", "cached"]) -> None:
    """Answers whose steps take turns do not disturb each other."""

    @settings(max_examples=30)
    @given(answers_of(source), st.integers(0, 2**32).map(Random))
    def check(answers: list[Any], chance: Random) -> None:
        memory = remembered(source)
        pieces = [pieces_of(body_of(source, *answer), 97) for answer in answers]
        told_of: dict[int, Any] = {}
        with small_steps(1):
            running = dict(enumerate(map(steps_of(memory), pieces)))
            while running:
                turn = chance.choice(list(running))
                try:
                    next(running[turn])
                    continue
                except StopIteration as end:
                    told_of[turn] = told(end.value)
                except bodies.UNDECODABLE as error:
                    told_of[turn] = type(error), str(error)
                del running[turn]

            assert told_of == {turn: outcome(PLAIN[source], some) for turn, some in enumerate(pieces)}

    check()


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_unchanged_is_the_same_object(source: Literal["live", "cached"]) -> None:
    """Each account whose text and name are those of last time, and stand once, is what it was last time."""

    @settings(max_examples=30)
    @given(answers_of(source))
    def check(answers: list[Any]) -> None:
        memory = remembered(source)
        known: dict[str, tuple[str, Any]] = {}
        for accounts, style, errors in answers:
            try:
                scanned = read(memory, body_of(source, accounts, style, errors))
            except bodies.UNDECODABLE:
                known = {}
                continue
            texts = {part.name: style.write(part.value) for part in accounts}
            clear = scanned.accounts.keys() - scanned.repeated.keys() - scanned.faults.keys()
            for name in known.keys() & clear:
                if known[name][0] == texts[name]:
                    assert scanned.accounts[name] is known[name][1]
            known = {name: (texts[name], scanned.accounts[name]) for name in clear}

    check()


def account(
    name: str, *, stamp: Json = 1_800_000_000_000, amount: str = "1", rows: int = 3, **more: Json
) -> Json:
    assets = [(("symbol", "U"), ("amount", amount))] * rows
    equities = [(("total_equity", "1"),)]
    fields = [("account_name", name), ("account_id", "1"), ("assets", assets), ("equities", equities)]
    return (*fields, ("timestamp_millis", stamp), *more.items())


def cached_body(accounts: Sequence[Json], style: Style = COMPACT) -> bytes:
    return style.body((("balances", list(accounts)), ("errors", [])))


def names(count: int) -> list[str]:
    return [f"desk-{number:04}" for number in range(count)]


@contextmanager
def decoded() -> Iterator[list[int]]:
    """The sizes of all texts in which amounts are decoded."""
    sizes: list[int] = []
    decode = AmountDecoder.decode

    def counting(self: AmountDecoder, body: bytes) -> Any:
        sizes.append(len(body))
        return decode(self, body)

    with patch.object(AmountDecoder, "decode", counting):
        yield sizes


@pytest.mark.parametrize("style", [COMPACT, LOOSE], ids=["compact", "loose"])
@pytest.mark.parametrize("stamps", [("1800000000000", "1800000000999"), ("9", "10"), ("0", "1800000000000")])
def test_an_account_of_which_only_the_stamp_moved(style: Style, stamps: tuple[str, str]) -> None:
    """It is new, and all that it holds is what it held."""
    memory = remembered("cached")
    first, second = (
        read(memory, cached_body([account(name, stamp=Verbatim(stamp)) for name in names(9)], style)).accounts
        for stamp in stamps
    )

    for name in names(9):
        assert first[name].timestamp_millis == int(stamps[0])
        assert second[name].timestamp_millis == int(stamps[1])
        assert second[name].assets is first[name].assets
        assert second[name].equities is first[name].equities


@pytest.mark.parametrize("style", [COMPACT, LOOSE, Style(" ,\n", " : ", False)], ids=repr)
@pytest.mark.parametrize("hidden", [False, True])
def test_only_what_changed_is_decoded(style: Style, hidden: bool) -> None:
    """Accounts before and after one that changed, one that is new and one that is gone are not decoded.

    Nor are they if their texts begin with a name that is not theirs, so that only their order tells them.
    """

    def of(name: str, **what: Json) -> Json:
        fields = account(name, **what)
        return (("x", (("account_name", "?"),)), *fields) if hidden else fields

    memory = remembered("cached")
    read(memory, cached_body([of(name) for name in names(300)], style))
    later = [of(name, stamp=1_800_000_000_555) for name in names(300)]
    later[120] = of(names(300)[120], amount="2")
    later[150:150] = [of("new")]
    del later[200]
    with decoded() as sizes:
        scanned = read(memory, cached_body(later, style))

    assert len(scanned.accounts) == 300
    # Without a hint, nothing led to the ones after the new one and after the gap, and to the last one.
    most = 5 if hidden else 2
    assert len(sizes) <= most
    assert sum(sizes) < (most + 1) * len(style.body(later[0]))


@pytest.mark.parametrize("style", [COMPACT, Style(" ,\n", " : ", False)], ids=repr)
def test_accounts_in_another_order_are_not_decoded(style: Style) -> None:
    """Their names lead to what is known of them."""
    memory = remembered("cached")
    read(memory, cached_body([account(name) for name in names(300)], style))
    with decoded() as sizes:
        scanned = read(memory, cached_body([account(name, stamp=5) for name in reversed(names(300))], style))

    assert list(scanned.accounts) == names(300)[::-1]
    assert not sizes


def test_good_accounts_beside_a_faulty_one_are_not_decoded() -> None:
    """Though an answer with a faulty account is read one by one."""
    memory = remembered("cached")
    accounts = [account(name) for name in names(300)]
    read(memory, cached_body(accounts))
    accounts[7] = account(names(300)[7], amount="nan")
    with decoded() as sizes:
        scanned = read(memory, cached_body(accounts))

    assert list(scanned.faults) == [names(300)[7]]
    assert len(scanned.accounts) == 299
    assert sum(sizes) < 4 * len(COMPACT.body(accounts[7]))


def test_the_live_accounts_that_changed_are_decoded() -> None:
    """And no others."""

    def body(sizes: list[int]) -> bytes:
        rows = [[(("symbol", "U"), ("size", size))] for size in sizes]
        return COMPACT.body(
            tuple((n, (("exchange", "x"), ("assets", row))) for n, row in zip(names(300), rows, strict=True))
        )

    memory = remembered("live")
    first = read(memory, body([1] * 300)).accounts
    with decoded() as sizes:
        second = read(memory, body([1] * 299 + [2])).accounts

    assert len(sizes) == 1
    assert [second[name] is first[name] for name in names(300)] == [True] * 299 + [False]


def test_a_name_that_stands_twice_does_not_mix_the_two() -> None:
    """Two accounts of a name that differ by their stamps alone, in a text that holds both, are two."""
    memory = remembered("cached")
    first, *others = account("A", stamp=1), account("B", stamp=2), account("B", stamp=3)
    backwards = [tuple(reversed(other)) for other in others]
    for _ in range(2):
        scanned = read(memory, cached_body([first, *backwards, account("C")]))

        assert [found.timestamp_millis for found in scanned.repeated["B"]] == [2, 3]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('"timestamp_millis":1', '"timestamp_millis":1.5'),
        ('"timestamp_millis":0', '"timestamp_millis":00'),
        ('"timestamp_millis":0', '"timestamp_millis":0e3'),
        ('"timestamp_millis":1', '"timestamp_millis":1e3'),
        *[
            ('"timestamp_millis":1767225598000', f'"timestamp_millis":{odd}')
            for odd in ("0767225598000", "1_67225598000", "+767225598000", "-767225598000", " 767225598000")
        ],
        ('"timestamp_millis":123456789012345', '"timestamp_millis":1234567890123456789012'),
        ('"timestamp_millis":1,"timestamp_millis":1', '"timestamp_millis":2,"timestamp_millis":1'),
        ('"x":{"timestamp_millis":1}', '"x":{"timestamp_millis":2}'),
        (
            '"x":{"timestamp_millis":1},"timestamp_mill\\u0069s":1',
            '"x":{"timestamp_millis":2},"timestamp_mill\\u0069s":1',
        ),
        ('"a\\"timestamp_millis":1,"timestamp_millis":1', '"a\\"timestamp_millis":2,"timestamp_millis":1'),
        ('"timestamp_millis":1,"timestamp_millis":null', '"timestamp_millis":2,"timestamp_millis":null'),
    ],
)
def test_other_digits_that_look_like_those_of_the_stamp(first: str, second: str) -> None:
    """Only an integer that is the account's time stamp, beyond doubt, is taken for it."""
    memory = remembered("cached")
    for fields in (first, second, first):
        text = f'{{"account_name":"A","account_id":"1","assets":[],{fields}}}'
        body = f'{{"balances":[{text},{{"account_name":"B","account_id":"1","assets":[]}}]}}'.encode()

        assert outcome(steps_of(memory), [body]) == outcome(scanning.cached, [body])


LISTS: Final = ('],"balances":[]}', '],"b\\u0061lances":[]}')


@pytest.mark.parametrize("end", ["", "]", "]}", "}", "]]}", ",]}", "{}]}", '"x"]}', "]}x", "\v]}", *LISTS])
def test_what_follows_accounts_that_are_known(end: str) -> None:
    """It is read as strictly as if they were not, and a second list takes the place of the first."""
    memory = remembered("cached")
    start = cached_body([account(name) for name in names(9)]).split(b'],"errors"')[0]
    read(memory, start + b"]}")
    for gap in ("", COMPACT.write(account("desk-0003"))):
        body = start + (gap + end).encode()

        assert outcome(steps_of(memory), [body]) == outcome(scanning.cached, [body])


@pytest.mark.parametrize("source", SOURCES)
def test_accounts_that_are_not_kept_are_forgotten(source: Literal["live", "cached"]) -> None:
    """They are decoded as if for the first time; the others are what they were."""
    style, accounts = COMPACT, [account(name) for name in names(9)]
    live = style.body(tuple((name, (("exchange", "x"), ("assets", []))) for name in names(9)))
    body = live if source == "live" else cached_body(accounts)
    memory = remembered(source)
    before = read(memory, body).accounts
    memory.keep_only(["desk-0003", "unknown"])
    after = read(memory, body).accounts

    assert after == before
    assert [name for name in names(9) if after[name] is before[name]] == ["desk-0003"]


def test_an_answer_that_is_known_takes_many_steps() -> None:
    """The loop is free again after some hundred accounts, and after as much decoding as elsewhere."""
    memory = remembered("cached")
    body = cached_body([account(name, rows=10) for name in names(1500)])
    for least in (len(body) // 64_000, 1500 // 100):
        for pieces in ([body], pieces_of(body, 128 * 1024), pieces_of(body, 1024)):
            assert sum(1 for _ in steps_of(memory)(pieces)) >= least


@pytest.mark.parametrize("name", [b'"\\ud800"', b'"\\x41"', b'"\xff"', b"7", b"null"])
def test_a_name_that_is_no_text(name: bytes) -> None:
    """It is refused as it is without a memory, also when all the others are known."""
    others = b",".join(
        b'{"account_name":"%d","account_id":"%d","assets":[]}' % (number, number) for number in range(3)
    )
    odd = b'{"account_name":%b,"account_id":"x","assets":[]}' % name
    memory = remembered("cached")
    for body in (b'{"balances":[%b]}' % others, b'{"balances":[%b,%b]}' % (others, odd)):
        assert outcome(steps_of(memory), [body]) == outcome(scanning.cached, [body])


def test_accounts_that_all_changed_are_decoded_together() -> None:
    """And kept one by one: the next answer, in which one has changed, has one decoded."""
    memory = remembered("cached")
    sizes_of = []
    for amounts in (["1"] * 300, ["2"] * 300, ["2"] * 299 + ["3"]):
        accounts = [account(name, amount=each) for name, each in zip(names(300), amounts, strict=True)]
        with decoded() as sizes:
            assert len(read(memory, cached_body(accounts)).accounts) == 300
        sizes_of.append(sizes)

    assert [len(sizes) < 20 for sizes in sizes_of] == [True] * 3
    assert len(sizes_of[2]) == 1


A: Final = '{"account_name":"%s","account_id":"1","assets":[]%s}'


@pytest.mark.parametrize(
    "odd",
    [
        A % ("a", ',"x":[{"account_name":"b"},{"account_name":"c"}]'),
        A % ("a", ',"x":[[{"account_name":"b"},{"account_name":"c"}]]'),
        A % ("a", ',"transfers":[7.5]'),
        A % ("a", "") + '],"x":[' + A % ("b", ""),
        A % ("a", "") + ']},{"x":[' + A % ("b", ""),
        A % ("a", "") + "],[" + A % ("b", ""),
        '{"x":1,' + A[1:] % ("a", ""),
        A % ("a", "") + ',{"x":1,' + A[1:] % ("b", ""),
        A % ("a", ',"x":"'),
        A % ("a", "") + '"',
        "",
        "7",
    ],
)
def test_accounts_that_are_decoded_together_are_cut_where_they_end(odd: str) -> None:
    """What is odd among them is read as without a memory, and spoils none of what is kept."""
    memory = remembered("cached")
    texts = [A % (name, "") for name in names(40)]
    texts[20:20] = [odd]
    for some in (texts, [A % ("z", ""), *texts[10:], *texts[:10]]):
        body = ('{"balances":[' + ",".join(some) + '],"errors":[]}').encode()

        assert outcome(steps_of(memory), [body]) == outcome(scanning.cached, [body])


def test_a_run_that_changed_ends_where_an_account_is_known() -> None:
    """Its place tells, before any name does: what is known after the run is not decoded with it."""
    memory = remembered("cached")
    first = read(memory, cached_body([account(name) for name in names(300)])).accounts
    later = [account(name, amount="2" if number < 6 else "1") for number, name in enumerate(names(300))]
    with decoded() as sizes:
        second = read(memory, cached_body(later)).accounts

    assert sum(sizes) < 7 * len(COMPACT.body(later[0]))
    assert [first[name] is second[name] for name in names(300)] == [False] * 6 + [True] * 294
