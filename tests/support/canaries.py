"""Searches a test for what must never show: the secrets it used, in every spelling.

Every token, key, secret and password of a test has the word `CANARY` in it. The simulator's have not:
they are learnt when it is made.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote, quote_plus

import pytest

import tread_async
from tread_async import TreadError
from tread_async.simulator import Simulator

CANARY: Final = "canary"
_LIBRARY: Final = str(Path(tread_async.__file__).parent)
_TESTS: Final = str(Path(__file__).parents[1])
_KEYS_OF_EACH: Final = 3  # what shows a list of accounts shows the first of them
_AROUND: Final = 40


@functools.cache
def spellings(secret: str) -> frozenset[str]:
    """*secret* as it could stand in a text."""
    plain = secret.encode()
    forms = {secret, repr(secret)[1:-1]}
    for _ in range(2):  # JSON in JSON, in a URL, ...
        forms |= {json.dumps(form, ensure_ascii=ascii_)[1:-1] for form in forms for ascii_ in (True, False)}
        forms |= {
            quoted for form in forms for quoted in (quote(form), quote(form, safe=""), quote_plus(form))
        }
    return frozenset({*forms, *_base64(plain), plain.hex(), plain.hex().upper()})


def _base64(plain: bytes) -> Iterator[str]:
    """The letters that *plain* has for certain in the base64 of a longer text, wherever it begins there."""
    for before in range(3):
        letters = base64.b64encode(bytes(before) + plain).decode()
        sure = letters[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]
        yield from (sure, sure.replace("+", "-").replace("/", "_"))


def shown(error: BaseException) -> str:
    """Everything an error shows: itself, its pickle, and the library's frames with their locals."""
    trace = traceback.TracebackException(type(error), error, _from_ours(error), capture_locals=True)
    return "\n".join((*_said(error), *trace.format()))


def _said(error: BaseException) -> Iterator[str]:
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
    with contextlib.suppress(Exception):  # those of others, in a chain, need not pickle
        yield pickle.dumps(error).decode("utf-8", "ignore")


def _from_ours(error: BaseException) -> TracebackType | None:
    """The traceback of *error* from the first frame of the library on: above it are the test's own."""
    frames = error.__traceback__
    while frames is not None and not frames.tb_frame.f_code.co_filename.startswith(_LIBRARY):
        frames = frames.tb_next
    return frames


def _held(error: BaseException) -> Iterator[str]:
    """The locals of the frames below the first of the library, less those of tests."""
    for frame, _ in traceback.walk_tb(_from_ours(error)):
        if not frame.f_code.co_filename.startswith(_TESTS):
            for value in frame.f_locals.values():
                with contextlib.suppress(Exception):  # the repr of a thing that is half made
                    yield repr(value)


def _linked(error: BaseException) -> list[BaseException]:
    """*error*, and what it was raised from."""
    found: list[BaseException] = [error]
    for link in found:
        found += [one for one in (link.__cause__, link.__context__) if one is not None and one not in found]
    return found


@dataclass
class Watch:
    """What has come about in a test, and the secrets that none of it may show."""

    secrets: set[str] = field(default_factory=lambda: {CANARY})
    errors: list[TreadError] = field(default_factory=list)
    records: list[logging.LogRecord] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def learns(self, sim: Simulator) -> None:
        self.secrets |= set(sim.tokens)
        for user in range(len(sim.tokens)):
            self.secrets |= {account.api_key for account in sim.accounts(user)[:_KEYS_OF_EACH]}

    def finds(self, outputs: Iterable[str]) -> list[str]:
        """Where a secret shows, each with what stands around it."""
        places = [*(("an output", text) for text in (*self.outputs, *outputs))]
        places += [(f"a log record of {record.name}", "\n".join(_logged(record))) for record in self.records]
        for error in self.errors:
            for link in _linked(error):
                places.append((f"a {type(link).__name__}", "\n".join((*_said(link), *_held(link)))))
        forms = frozenset[str]().union(*map(spellings, self.secrets))
        everything = "\n".join([text for _, text in places])
        hits = [form for form in forms if form in everything]
        return [
            f"{place} shows {_around(text, form)}" for form in hits for place, text in places if form in text
        ]


def _logged(record: logging.LogRecord) -> Iterator[str]:
    yield record.getMessage()
    yield repr(vars(record))
    if record.exc_info and record.exc_info[1] is not None:
        yield from _said(record.exc_info[1])


def _around(text: str, form: str) -> str:
    at = text.index(form)
    return repr(text[max(0, at - _AROUND) : at + len(form) + _AROUND])


@contextlib.contextmanager
def watching() -> Iterator[Watch]:
    """Notes the errors and simulators that are made, what is logged, and what the test reads of output."""
    watch = Watch()
    with (
        _told(TreadError, "__init__", lambda error, _: watch.errors.append(error)),
        _told(Simulator, "__init__", lambda sim, _: watch.learns(sim)),
        _told(pytest.CaptureFixture, "readouterr", lambda _, said: watch.outputs.extend(said)),
        _logging(watch.records),
    ):
        yield watch


@contextlib.contextmanager
def _told(owner: type, method: str, tell: Callable[[Any, Any], None]) -> Iterator[None]:
    """*tell* hears after each call of *method* whose it was, and what came back."""
    plain = getattr(owner, method)

    @functools.wraps(plain)
    def telling(self: Any, *args: Any, **options: Any) -> Any:
        result = plain(self, *args, **options)
        tell(self, result)
        return result

    setattr(owner, method, telling)
    try:
        yield
    finally:
        setattr(owner, method, plain)


@contextlib.contextmanager
def _logging(records: list[logging.LogRecord]) -> Iterator[None]:
    """Every record of every logger, also of those that hand nothing on to the root."""
    plain, root = logging.getLogRecordFactory(), logging.getLogger()
    level = root.level

    def made(*args: Any, **options: Any) -> logging.LogRecord:
        records.append(record := plain(*args, **options))
        return record

    logging.setLogRecordFactory(made)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.setLevel(level)
        logging.setLogRecordFactory(plain)
