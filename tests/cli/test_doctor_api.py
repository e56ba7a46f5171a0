"""What the doctor says of tokens, balances, clocks, fields and connections."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.examining import examine, not_well, verdicts
from tests.support.fleet_accounts import Held, User
from tests.support.fleet_server import FleetServer
from tests.support.samples import LISTED, well
from tests.support.wire import TOKEN, Exchange, Wire, reply
from tread_async import TreadClient
from tread_async.cli.doctor.findings import code_of_findings
from tread_async.cli.doctor.pace import kept, paced
from tread_async.simulator import Simulator

WEB_PAGE = {"body": b"<html>no</html>", "headers": {"Content-Type": "text/html"}}
BEHIND_THE_TOKEN = ("cached", "live", "latency", "keep-alive")


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """Two users, none of whose cached balances is old; the clock is that of the process."""
    async with Simulator(tokens=2, accounts=4, assets=4, seed=12) as opened:
        yield opened


async def test_all_is_well(sim: Simulator) -> None:
    """Every check of both tokens, with a bounded number of requests, each of which only reads."""
    findings = await examine(sim.url, *sim.tokens)

    assert list(findings) == [
        "DNS", "TCP 127.0.0.1", "TLS", "token a", "token b", "cached a", "live a", "cached b", "live b",
        "clock", "fields accounts", "fields balances", "fields cached_balances", "latency", "keep-alive",
    ]  # fmt: skip
    assert not_well(findings) == {}
    assert all(finding.todo == "" for finding in findings.values())
    assert findings["token a"].figures["accounts"] == 4
    assert "4 of 4 accounts" in findings["cached a"].said
    assert findings["live b"].said.endswith("same rows as cached: 4")
    assert {request.method for request in sim.journal.requests} == {"GET"}
    assert len(sim.journal.requests) == 2 + 2 * 2 + 20
    assert code_of_findings(findings.values()) == 0


@pytest.mark.parametrize(
    ("fault", "said", "todo", "code"),
    [
        ({"status": 401}, "the token is refused: GET /api/accounts/: HTTP 401", "without a scheme", 5),
        ({"status": 403} | WEB_PAGE, "a firewall answered, not the API: HTTP 403", "User-Agent", 1),
        ({"status": 403}, "HTTP 403", "what this token may do", 1),
        ({"status": 404} | WEB_PAGE, "HTTP 404", "no such path", 1),
        ({"status": 429, "headers": {"Retry-After": "7"}}, "asked to wait 7 s", "ask less often", 6),
        ({"status": 500}, "HTTP 500: Something went wrong", "support", 1),
        ({"status": 302, "headers": {"Location": "/login"}}, "a redirect", "base URL", 1),
        ({"status": 200} | WEB_PAGE, "a web page, not JSON", "base URL", 1),
        ({"drop": "before"}, "the connection was lost", "drops connections", 1),
    ],
)
async def test_a_token_that_cannot_read(
    sim: Simulator, fault: dict[str, Any], said: str, todo: str, code: int
) -> None:
    """What it means and what to do; what needs it is not checked, and says so."""
    sim.fail(**fault)

    findings = await examine(sim.url, sim.tokens[0])

    assert findings["token a"].verdict == "failed"
    assert said in findings["token a"].said
    assert todo in findings["token a"].todo
    assert verdicts(findings, *BEHIND_THE_TOKEN) == ["not checked"] * 4
    assert findings["latency"].said == "no token could list its accounts"
    assert code_of_findings(findings.values()) == code
    assert len(sim.journal.requests) == (2 if "drop" in fault else 1)


async def test_a_firewall_is_no_verdict_on_the_token(sim: Simulator) -> None:
    """That is said in so many words."""
    sim.fail(status=403, **WEB_PAGE)

    findings = await examine(sim.url, sim.tokens[0])

    assert "no verdict on the token, which may be fine" in findings["token a"].said
    assert "ask the operator of the host" in findings["token a"].todo


async def test_one_of_two_tokens_is_refused(sim: Simulator) -> None:
    """The other is looked at as ever, and the exit code is that of the refused one."""
    findings = await examine(sim.url, "another-canary", sim.tokens[1])

    assert not_well(findings) == {"token a": "failed"}
    assert {"cached b", "live b", "latency"} < findings.keys()
    assert code_of_findings(findings.values()) == 5


async def test_a_token_that_cannot_be_had(sim: Simulator) -> None:
    """The function that gives it has failed: the other token is looked at as ever."""

    def gives() -> str:
        raise RuntimeError

    findings = await examine(sim.url, gives, sim.tokens[1])

    assert not_well(findings) == {"token a": "failed"}
    assert "the token function of 'a' raised RuntimeError" in findings["token a"].said
    assert "what gives the token" in findings["token a"].todo


async def test_still_to_wait_for_an_earlier_429(sim: Simulator) -> None:
    """Nothing is sent, and it counts as limited."""
    sim.fail(status=429, headers={"Retry-After": "30"})
    await examine(sim.url, sim.tokens[0])
    findings = await examine(sim.url, sim.tokens[0])

    assert "asked this token to wait" in findings["token a"].said
    assert "ask less often" in findings["token a"].todo
    assert code_of_findings(findings.values()) == 6
    assert len(sim.journal.requests) == 1


async def test_a_token_without_accounts() -> None:
    """A warning; balances are not asked for, and the list is what is timed."""
    async with Simulator(accounts=0) as sim:
        findings = await examine(sim.url, sim.tokens[0])

        assert sim.journal.count("accounts") == len(sim.journal.requests) == 1 + 20
    assert not_well(findings) == {
        "token a": "warning",
        "cached a": "not checked",
        "live a": "not checked",
        "fields accounts": "not checked",
        "fields balances": "not checked",
        "fields cached_balances": "not checked",
    }
    assert "has no account" in findings["token a"].said
    assert findings["fields accounts"].said == "no Account was there to look at"


async def test_the_first_of_two_tokens_has_no_account() -> None:
    """Then it is the second's that is read twenty times."""
    users = [User(token=TOKEN), User(token=f"{TOKEN}-2", accounts=[Held(name="x")])]
    async with FleetServer(*users) as server:
        await examine(server.url, *server.tokens)

    assert [user.count("accounts") for user in users] == [1, 1]
    assert users[1].count("cached_balances") == 1 + 20


async def test_a_name_that_no_address_has_room_for() -> None:
    """It is not asked for, and is counted among those that are not looked at."""
    async with Simulator(accounts=["x" * 5000, "short"], assets=1) as sim:
        findings = await examine(sim.url, sim.tokens[0])

    assert findings["live a"].said.startswith("1 of 2 accounts looked at")
    assert findings["balances a"].said.startswith("those of 1 more accounts: ")


async def test_balances_of_five_tokens_are_enough() -> None:
    """The others are listed only."""
    async with Simulator(tokens=7, accounts=4, assets=4, seed=12) as sim:
        findings = await examine(sim.url, *sim.tokens)

        assert sim.journal.count("balances") == 5
        assert sim.journal.count("accounts") == 7
    assert not_well(findings) == {"balances f": "not checked", "balances g": "not checked"}


async def test_a_few_tokens_at_once() -> None:
    """Many tokens are no storm, and none of them is late for having queued."""
    users = [User(token=f"{TOKEN}-{number}", wait_s=0.02) for number in range(30)]
    async with FleetServer(*users) as server:
        findings = await examine(server.url, *server.tokens[:26])

    assert server.peak == 8
    assert {findings[f"token {name}"].verdict for name in "abcdefghijklmnopqrstuvwxyz"} == {"warning"}


async def test_fifty_accounts_are_enough() -> None:
    """Those are asked for by name; a name with a comma cannot be."""
    async with Simulator(accounts=["a,b", *(f"account {number}" for number in range(80))], assets=1) as sim:
        findings = await examine(sim.url, sim.tokens[0])

        names = [request.accounts for request in sim.journal.requests if request.endpoint == "balances"]
    assert names == [tuple(f"account {number}" for number in range(50))]
    for check in ("cached a", "live a"):
        assert findings[check].said.startswith("50 of 81 accounts looked at")
    assert findings["balances a"].verdict == "not checked"
    assert findings["balances a"].said.startswith("those of 31 more accounts: ")


async def test_accounts_that_are_not_looked_at_are_no_problem_of_those_that_are() -> None:
    """A failure behind the fiftieth is not seen, and no line claims to have looked."""
    async with Simulator(accounts=[f"account {number}" for number in range(60)], assets=4) as sim:
        for account in ("account 3", "account 55"):
            sim.fail(endpoint="cached_balances", account=account, missing=True)
        findings = await examine(sim.url, sim.tokens[0])

    assert findings["cached a"].said.startswith("50 of 60 accounts looked at; ")
    assert "; missing: 1 (account 3)" in findings["cached a"].said
    assert findings["cached a"].figures["accounts"] == 49


async def test_a_cache_that_lags(sim: Simulator) -> None:
    """By minutes it is a warning, with the median and the worst account."""
    worst = sim.accounts()[3].name
    sim.fail(endpoint="cached_balances", account=worst, stale_s=600)

    findings = await examine(sim.url, sim.tokens[0])

    assert not_well(findings) == {"cached a": "warning"}
    assert f"the oldest 10 min ({worst}); older than 2 min: 1" in findings["cached a"].said
    assert (
        findings["cached a"].figures["oldest_age_s"] > 600 > 60 > findings["cached a"].figures["median_age_s"]
    )
    assert "--source auto" in findings["cached a"].todo


@pytest.mark.parametrize(
    ("fault", "said"),
    [({"missing": True}, "missing: 1 (NAME)"), ({"error": True}, "not read by the server: 1")],
)
async def test_an_account_that_the_cache_does_not_have(
    sim: Simulator, fault: dict[str, Any], said: str
) -> None:
    """It is missing, never zero."""
    name = sim.accounts()[2].name
    sim.fail(endpoint="cached_balances", account=name, **fault)

    findings = await examine(sim.url, sim.tokens[0])

    assert findings["cached a"].verdict == "warning"
    assert said.replace("NAME", name) in findings["cached a"].said
    assert findings["live a"].said.endswith("same rows as cached: 3")


async def test_live_balances_that_fail(sim: Simulator) -> None:
    """The cached ones are looked at all the same; one account may spoil the answer for all."""
    sim.fail(endpoint="balances", status=500)

    findings = await examine(sim.url, sim.tokens[0])

    assert not_well(findings) == {"live a": "failed", "fields balances": "not checked"}
    assert "one account may spoil it for all" in findings["live a"].todo
    assert code_of_findings(findings.values()) == 1


async def test_live_balances_of_one_account_that_fail() -> None:
    """There is no other that it could spoil."""
    async with Simulator(accounts=1) as sim:
        sim.fail(endpoint="balances", status=500)
        findings = await examine(sim.url, sim.tokens[0])

    assert "write to Tread's support" in findings["live a"].todo


async def test_balances_of_the_future() -> None:
    """By the server's own clock: they are not of a negative age."""
    cached = {
        "account_name": "old",
        "account_id": "id-1",
        "assets": [],
        "timestamp_millis": 4_000_000_000_000,
    }

    async def answer(exchange: Exchange) -> None:
        path = exchange.request.target.partition("?")[0]
        bodies: dict[str, Any] = {"/api/accounts/": [LISTED], "/api/balances/": {}}
        await exchange.send(reply(bodies.get(path, {"balances": [cached]})))

    async with Wire(answer) as wire:
        findings = await examine(wire.url, TOKEN)

    assert findings["cached a"].figures["oldest_age_s"] == 0.0


async def test_cached_balances_that_fail(sim: Simulator) -> None:
    """The live ones are read all the same, and are compared with nothing."""
    sim.fail(endpoint="cached_balances", status=503)

    findings = await examine(sim.url, sim.tokens[0])

    assert not_well(findings) == {
        "cached a": "failed",
        "fields cached_balances": "not checked",
        "latency": "failed",
        "keep-alive": "not checked",
    }
    assert findings["live a"].said.endswith("not compared with cached ones, which could not be read")
    assert findings["keep-alive"].said == "only 0 of 20 reads were answered"


async def test_accounts_that_do_not_decode_or_have_other_rows() -> None:
    """Each is counted, with an example; the rest of the answer is used."""
    held = [Held(name="fine"), Held(name="odd", live="undecodable", cached="undecodable"), Held(name="twice")]
    held[2].live = "equal twice"
    async with FleetServer(User(token=TOKEN, accounts=held)) as server:
        findings = await examine(server.url, TOKEN)

    assert "not decoded: 1 (odd)" in findings["cached a"].said
    assert "not decoded: 1 (odd); there twice: 1 (twice)" in findings["live a"].said
    assert not [check for check in ("cached a", "live a") if "missing" in findings[check].said]
    assert verdicts(findings, "cached a", "live a") == ["warning", "warning"]
    assert findings["cached a"].details == (
        "odd: not a finite decimal of at most 60 digits - at `$[0].assets[0].amount`",
    )
    assert "newer tread-async" in findings["live a"].todo


async def test_no_account_can_be_read() -> None:
    """Then the read has failed, although its answer was a success."""
    held = [Held(name="odd", live="undecodable", cached="missing")]
    async with FleetServer(User(token=TOKEN, accounts=held)) as server:
        findings = await examine(server.url, TOKEN)

    assert verdicts(findings, "cached a", "live a") == ["failed", "failed"]
    assert code_of_findings(findings.values()) == 1


async def test_rows_that_only_one_of_both_has() -> None:
    """Live and cached answers of one account with other symbols are told apart."""
    row = {"symbol": "USDT", "amount": "1"}
    cached = {"balances": [{"account_name": "old", "account_id": "id-1", "assets": [row]}]}
    live = {"old": {"exchange": "Binance", "assets": [{"symbol": "BTC", "size": 1}]}}

    async def answer(exchange: Exchange) -> None:
        path = exchange.request.target.partition("?")[0]
        bodies: dict[str, Any] = {"/api/accounts/": [LISTED], "/api/balances/": live}
        await exchange.send(reply(bodies.get(path, cached)))

    async with Wire(answer) as wire:
        findings = await examine(wire.url, TOKEN)

    assert findings["live a"].said.endswith("same rows as cached: 0, other rows: 1 (old)")
    assert findings["cached a"].said == "1 of 1 accounts; of unknown age: 1"


@pytest.mark.parametrize(("every", "verdict"), [(True, "warning"), (False, "ok")])
async def test_amounts_that_only_one_of_both_has(sim: Simulator, every: bool, verdict: str) -> None:
    """A cache that shows the right rows and not one right amount; a single one may have been traded."""
    async with TreadClient(sim.tokens[0], base_url=sim.url) as tread:
        answer = await tread.request("GET", "/api/sor/get_cached_account_balance")
    rows = [row for account in answer["balances"] for row in account["assets"]]
    for row in rows if every else rows[:1]:
        row.update(amount="0.00000001", notional="0.01")
    sim.fail(endpoint="cached_balances", body=json.dumps(answer, default=str).encode())

    findings = await examine(sim.url, sim.tokens[0])

    live = findings["live a"]
    assert live.verdict == verdict
    counts = "16 of 16" if every else "1 of 16"
    first = f"{answer['balances'][0]['account_name']} {rows[0]['symbol']}"
    assert f"same rows as cached: 4, other amounts: {counts} ({first})" in live.said
    assert ("not one amount is nearly the same" in live.said) == every
    assert ("its exchange" in live.todo) == every


async def test_an_account_is_missing_and_all_amounts_differ(sim: Simulator) -> None:
    """What can be done about the first goes before."""
    async with TreadClient(sim.tokens[0], base_url=sim.url) as tread:
        answer = await tread.request("GET", "/api/sor/get_cached_account_balance")
    for account in answer["balances"]:
        for row in account["assets"]:
            row.update(amount="0.00000001", notional="0.01")
    sim.fail(endpoint="cached_balances", body=json.dumps(answer, default=str).encode())
    sim.fail(endpoint="balances", account=sim.accounts()[0].name, missing=True)

    findings = await examine(sim.url, sim.tokens[0])

    assert "missing: 1" in findings["live a"].said
    assert "not one amount" in findings["live a"].said
    assert "shows which accounts cannot be read" in findings["live a"].todo


@pytest.mark.parametrize(
    ("skew_s", "verdict", "side"), [(60.0, "warning", "ahead of"), (-60.0, "warning", "behind")]
)
async def test_a_clock_that_is_wrong(skew_s: float, verdict: str, side: str) -> None:
    """By how much and which way; the ages of balances are corrected by it."""
    user = User(token=TOKEN, accounts=[Held(name="a")], skew_s=skew_s)
    async with FleetServer(user) as server:
        findings = await examine(server.url, TOKEN)

    clock = findings["clock"]
    assert clock.verdict == verdict
    assert side in clock.said
    assert abs(clock.figures["server_ahead_s"] - skew_s) < 1.5
    assert "NTP" in clock.todo
    assert findings["cached a"].figures["oldest_age_s"] < 3.0


async def test_a_clock_that_is_nearly_right() -> None:
    """A second or two is said, and is no warning."""
    user = User(token=TOKEN, accounts=[Held(name="a")], skew_s=1.9)
    async with FleetServer(user) as server:
        findings = await examine(server.url, TOKEN)

    assert findings["clock"].verdict == "ok"
    assert "ahead of this machine's" in findings["clock"].said
    assert findings["clock"].todo == ""


async def test_a_server_without_a_clock() -> None:
    """There is nothing to compare with."""
    async with FleetServer(User(token=TOKEN, accounts=[Held(name="a")], dated=False)) as server:
        findings = await examine(server.url, TOKEN)

    assert findings["clock"].verdict == "not checked"
    assert findings["clock"].said == "no answer to a read had a date"


async def test_fields_that_are_new_or_missing() -> None:
    """Per endpoint, once each, with a path and without a value; a new one may bear a token's text."""
    accounts = [LISTED | {"name": name, "tier": "canary-value", TOKEN: 1} for name in ("a", "b")]

    async with Wire({"GET": [reply(accounts), reply({"balances": []}), reply({})]}) as wire:
        findings = await examine(wire.url, TOKEN)

    fields = findings["fields accounts"]
    assert (fields.verdict, fields.said) == ("warning", "2 unknown, 3 missing; looked at 2 Account")
    assert "unknown Account.tier, as at $[0].tier" in fields.details
    assert "missing Account.username, as at $[0].username" in fields.details
    assert len(fields.details) == 5
    assert "canary-value" not in repr(fields)
    assert "newer tread-async" in fields.todo


async def test_accounts_without_rows() -> None:
    """No row has differed; but none was there, so that nothing is known of rows."""
    live = {"old": {"exchange": "Binance", "assets": []}}

    async def answer(exchange: Exchange) -> None:
        path = exchange.request.target.partition("?")[0]
        bodies: dict[str, Any] = {"/api/accounts/": [LISTED], "/api/balances/": live}
        await exchange.send(reply(bodies.get(path, {"balances": [], "errors": []})))

    async with Wire(answer) as wire:
        findings = await examine(wire.url, TOKEN)

    assert verdicts(findings, "fields balances", "fields cached_balances") == ["not checked"] * 2
    assert findings["fields balances"].said == "looked at 1 AccountBalances, no Asset was there to look at"
    assert findings["fields cached_balances"].said.startswith("looked at 1 CachedBalances, no CachedAccount ")


async def test_what_fields_were_looked_at_of(sim: Simulator) -> None:
    """Every kind of object, of all answers."""
    findings = await examine(sim.url, *sim.tokens)

    said = {check: one.said for check, one in findings.items() if check.startswith("fields ")}
    assert said == {
        "fields accounts": "all are known, and none is missing; looked at 8 Account",
        "fields balances": "all are known, and none is missing; looked at 8 AccountBalances, 32 Asset",
        "fields cached_balances": "all are known, and none is missing; "
        "looked at 2 CachedBalances, 8 CachedAccount, 32 CachedAsset, 10 Equity",
    }


async def test_fields_of_all_tokens(sim: Simulator) -> None:
    """What differs in the first answer is not forgotten for the second; the first example is shown."""
    of_first, of_second = (sim.accounts(user) for user in (0, 1))
    sim.fail(endpoint="accounts", user=0, account=of_first[3].name, extra_field="tier")
    sim.fail(endpoint="accounts", user=0, account=of_first[2].name, extra_field="group")
    sim.fail(endpoint="accounts", user=1, account=of_second[1].name, extra_field="tier")

    findings = await examine(sim.url, *sim.tokens)

    assert findings["fields accounts"].details == (
        "unknown Account.group, as at $[2].group",
        "unknown Account.tier, as at $[3].tier",
    )


async def test_a_list_that_the_library_cannot_read() -> None:
    """Its fields are looked at all the same: they may say why."""
    async with Wire(reply([{"uuid": "1", "name": "a", "exchange": "Gate"}])) as wire:
        findings = await examine(wire.url, TOKEN)

    assert "missing required field `id`" in findings["token a"].said
    assert "unknown Account.uuid, as at $[0].uuid" in findings["fields accounts"].details
    assert len(wire.requests) == 1


async def test_many_new_fields_are_cut_short() -> None:
    """Ten are shown."""
    many = LISTED | {f"new_{number}": 1 for number in range(30)}
    async with Wire({"GET": [reply([many])]}) as wire:
        findings = await examine(wire.url, TOKEN)

    assert len(findings["fields accounts"].details) == 11
    assert findings["fields accounts"].details[-1] == "and 23 more"


@pytest.mark.parametrize("says_so", [True, False])
async def test_a_server_that_closes_each_connection(says_so: bool) -> None:
    """A warning: every read pays for TCP and TLS. It may say so before, or leave it to be found out."""

    async def well_once(exchange: Exchange) -> None:
        await (exchange.send(reply([LISTED], Connection="close")) if says_so else well(exchange))
        exchange.close()

    async with Wire(well_once) as wire:
        findings = await examine(wire.url, TOKEN)

    keep_alive = findings["keep-alive"]
    assert keep_alive.verdict == "warning"
    assert keep_alive.said.startswith("20 reads needed 20 new connections: each is closed after its answer")
    assert keep_alive.figures["connections_opened"] == 20
    assert ("ended without a word" in keep_alive.said) == (keep_alive.figures["connections_lost"] > 0)
    assert not (says_so and keep_alive.figures["connections_lost"])


async def test_an_answer_that_is_cut(sim: Simulator) -> None:
    """Twice, in the middle of the twenty reads: what was measured is no whole picture."""
    sim.fail(endpoint="cached_balances", truncate_bytes=5, nth=8)
    sim.fail(endpoint="cached_balances", truncate_bytes=5, nth=9)

    findings = await examine(sim.url, sim.tokens[0])

    assert not_well(findings) == {"latency": "failed", "keep-alive": "not checked"}
    assert "broke off" in findings["latency"].said
    assert findings["keep-alive"].said == "only 6 of 20 reads were answered"


@pytest.mark.parametrize(("opened", "verdict"), [(0, "ok"), (1, "ok"), (5, "warning"), (19, "warning")])
def test_connections_that_are_kept(opened: int, verdict: str) -> None:
    """One is: the first of twenty reads may have to make it."""
    finding = kept(20, opened, 0)

    assert finding.verdict == verdict
    assert ("each is closed" in finding.said) == (opened == 19)


@pytest.mark.parametrize(("slow", "verdict"), [(1, "ok"), (3, "warning")])
def test_latency(slow: int, verdict: str) -> None:
    """The middle, the slowest of ten, the slowest; above a second one should poll less often."""
    finding = paced([2.2] * slow + [0.002] * (20 - slow))

    assert finding.verdict == verdict
    assert finding.figures == {"p50_s": 0.002, "p90_s": 0.002 if slow == 1 else 2.2, "max_s": 2.2}
    assert finding.said.startswith("20 reads one after the other: p50 2.0 ms, ")
    assert ("--interval 3" in finding.todo) == (verdict == "warning")


async def test_a_rate_does_not_count_as_latency(sim: Simulator) -> None:
    """What waits on this side is not the server's."""
    findings = await examine(sim.url, sim.tokens[0], requests_per_s=50.0)

    assert findings["latency"].figures["p50_s"] < 0.02


async def test_texts_of_the_server_are_made_safe(sim: Simulator) -> None:
    """What it echoes of the token is blacked out; the autouse watch looks for it, too."""
    body = json.dumps({"message": f"no \x1b[31m{sim.tokens[0]} here"}).encode()
    sim.fail(status=400, body=body)

    findings = await examine(sim.url, sim.tokens[0])

    assert findings["token a"].said == "GET /api/accounts/: HTTP 400: no  *** here"
