"""The order of the checks, and which of them need which."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final, TypeAlias

import msgspec

from tread_async.cli.doctor import certificate, clock, fields, freshness, network, pace
from tread_async.cli.doctor.findings import Finding, Verdict, not_checked
from tread_async.cli.doctor.patient import MOST_ACCOUNTS, Answer, Patient
from tread_async.cli.doctor.tokens import FirstRead, first_read

__all__ = ["examined"]

_MOST_TOKENS: Final = 5  # whose balances are read: it is the server that they tell about
_AT_ONCE: Final = 8
_NOT_ASKED_FOR: Final = (
    f"those of {{}} more accounts: it asks once, for {MOST_ACCOUNTS} at most and what one address can name; "
    "`tread balances` reads all"
)
_READS: Final = ("accounts", "balances", "cached_balances")

Findings: TypeAlias = AsyncGenerator[Finding, None]


async def examined(patient: Patient) -> Findings:
    """The findings, each as soon as it is there. Reads only, and a bounded number.

    Sent are a list of accounts for each token, a cached and a live read for each of the first five, and
    twenty reads more.
    """
    reachable = True
    async for finding in _way(patient):
        if finding.verdict is Verdict.FAILED:
            reachable = not patient.direct
            if reachable:  # every token goes another way
                finding = msgspec.structs.replace(finding, verdict=Verdict.WARNING)
        yield finding
    tokens = [token for token in patient.tokens if reachable or token not in patient.direct]
    for token in patient.tokens:
        if token not in tokens:
            yield not_checked(f"token {token}", "the host is out of reach")
    firsts = await _first_reads(patient, tokens)
    for first in firsts:
        yield first.finding
    listed = [first for first in firsts if first.finding.verdict is not Verdict.FAILED]
    answers = [first.answer for first in firsts if first.answer is not None]
    async for finding in _balances(patient, listed, answers):
        yield finding
    yield clock.compared(patient)
    for endpoint in _READS:
        yield fields.known(endpoint, [answer for answer in answers if answer.endpoint.name == endpoint])
    async for finding in _pace(patient, listed):
        yield finding


async def _way(patient: Patient) -> Findings:
    """To the host itself: what goes through a proxy goes another way."""
    if proxied := [token for token in patient.tokens if token not in patient.direct]:
        said = f"of {', '.join(proxied)}; DNS, TCP and TLS below are of the direct way, which they do not go"
        yield not_checked("proxy", said)
    finding, addresses = await network.named(patient.host, patient.port)
    yield finding
    if not addresses:
        yield not_checked("TCP", "there is no address")
        yield not_checked("TLS", "there is no address")
        return
    found, address = await network.connected(addresses, patient.port)
    for finding in found:
        yield finding
    if not patient.encrypted:
        yield Finding(check="TLS", verdict=Verdict.OK, said="not used: plain http, on this machine")
    elif address is None:
        yield not_checked("TLS", "no address answers")
    else:
        yield await certificate.shaken(patient.host, patient.port, address, patient.tls_context)


async def _first_reads(patient: Patient, tokens: Sequence[str]) -> list[FirstRead]:
    """Of all *tokens*, a few at once: who queues for long would be called too slow."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(token: str) -> FirstRead:
        async with turns:
            return await first_read(patient, token)

    return await asyncio.gather(*[in_turn(token) for token in tokens])


async def _balances(patient: Patient, listed: Sequence[FirstRead], answers: list[Answer]) -> Findings:
    """The cached and the live balances of each of *listed*; what is answered goes to *answers*."""
    if not listed:
        yield not_checked("cached", "no token could list its accounts")
        yield not_checked("live", "no token could list its accounts")
    for first in listed[:_MOST_TOKENS]:
        names = patient.nameable(first.names)
        if not names:
            yield not_checked(f"cached {first.token}", "it has no account to ask for by name")
            yield not_checked(f"live {first.token}", "it has no account to ask for by name")
            continue
        listed_count = len(first.names)
        finding, answer, cached = await freshness.cached_read(patient, first.token, names, listed_count)
        yield finding
        answers += [answer] if answer is not None else []
        finding, answer = await freshness.live_read(patient, first.token, names, listed_count, cached)
        yield finding
        answers += [answer] if answer is not None else []
        if more := listed_count - len(names):
            yield not_checked(f"balances {first.token}", _NOT_ASKED_FOR.format(more))
    for first in listed[_MOST_TOKENS:]:
        yield not_checked(f"balances {first.token}", f"those of {_MOST_TOKENS} tokens are enough to tell")


async def _pace(patient: Patient, listed: Sequence[FirstRead]) -> Findings:
    if not listed:
        yield not_checked("latency", "no token could list its accounts")
        yield not_checked("keep-alive", "no token could list its accounts")
        return
    first = next((first for first in listed if patient.nameable(first.names)), listed[0])
    for finding in await pace.timed(patient, first.token, next(iter(patient.nameable(first.names)), None)):
        yield finding
