"""The demo's steps, its check against the journal, how it looks, and the command."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from tread_async import (
    AccountKey,
    Applied,
    Failed,
    Missing,
    NotApplied,
    Ok,
    RetryPolicy,
    ServerError,
    Stale,
    Unknown,
    UnprocessableError,
)
from tread_async.cli import demo, demo_view
from tread_async.cli.demo_checks import mismatches
from tread_async.cli.demo_figures import Figures, Step
from tread_async.cli.demo_scene import LISTED, MISSING, POISONOUS, REFUSED, STALE, Scene, stage
from tread_async.cli.simulation import Simulation, start
from tread_async.cli.words import label

FAST = RetryPolicy(base_s=0.005, refused_base_s=0.005)
REFUSAL = UnprocessableError(422, "Failed to set leverage")
A_500 = ServerError(500, "Something went wrong...")


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may want colours; what is compared here has none."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


async def collected(*faults: dict[str, Any], accounts: int = 13) -> tuple[Scene, Figures]:
    """The figures of a small demo of two tokens, in which *faults* come before all others."""
    async with start(tokens=2, accounts=accounts, latency_s=0.0, seed=3) as simulation:
        await simulation.fail(*faults)
        scene = await stage(simulation)
        return scene, await demo.collect(simulation, scene, Console(quiet=True), retry=FAST)


@pytest.fixture(scope="module")
def once() -> tuple[Scene, Figures]:
    """The figures of one demo, which tests copy before they change them."""
    return asyncio.run(collected())


@pytest.fixture
def scene(once: tuple[Scene, Figures]) -> Scene:
    return once[0]


@pytest.fixture
def figures(once: tuple[Scene, Figures]) -> Figures:
    """A copy: a test may put other figures in it."""
    return copy_of(once[1])


def copy_of(figures: Figures) -> Figures:
    names = ("cached", "live", "callers", "leverage", "equity", "alone")
    copies: dict[str, Any] = {name: dataclasses.replace(getattr(figures, name)) for name in names}
    for name in names[:4]:
        step = copies[name]
        step.outcomes, step.sent, step.unlisted = dict(step.outcomes), dict(step.sent), dict(step.unlisted)
        step.changes = list(step.changes)
    return dataclasses.replace(figures, **copies, holds=dict(figures.holds))


def first(scene: Scene, ails: str | None) -> AccountKey:
    """The first account of the second token with which that is wrong."""
    return next(key for key in scene.held if key.credential == "desk-2" and scene.ailing.get(key) == ails)


def readable_refused(scene: Scene) -> AccountKey:
    return next(key for key, ails in scene.ailing.items() if ails == REFUSED and scene.held[key] is not None)


def test_every_account_has_the_outcome_of_what_is_wrong_with_it(scene: Scene, figures: Figures) -> None:
    """Each kind of outcome comes about, where it is due and nowhere else, and the server agrees."""
    expected = {
        POISONOUS: ("failed, HTTP 500", "failed, HTTP 500", "applied"),
        MISSING: ("missing", "missing", "applied"),
        STALE: ("stale", "ok", "applied"),
        LISTED: ("failed, AccountError", "ok", "applied"),
        None: ("ok", "ok", "applied"),
    }
    for key, held in scene.held.items():
        refused = "unknown" if held is None else "not applied, HTTP 422"
        ails = scene.ailing.get(key)
        found = tuple(label(step.outcomes[key]) for step in (figures.cached, figures.live, figures.leverage))
        assert found == expected.get(ails, ("ok", "ok", refused)), (key, ails)

    assert set(scene.ailing.values()) == {POISONOUS, MISSING, STALE, LISTED, REFUSED}
    assert {label(outcome) for outcome in figures.callers.outcomes.values()} == {"ok"}
    assert figures.equity.refusal is not None
    assert figures.alone.done == figures.alone.asked > 0
    assert mismatches(scene, figures) == []


def test_callers_of_one_moment_share_requests(figures: Figures) -> None:
    """There are fewer requests than callers: two, unless a 500 comes between."""
    assert len(figures.callers.outcomes) > 10
    assert len(figures.callers.requests) < len(figures.callers.outcomes)


def set_outcome(step: str, ails: str | None, outcome: Callable[[Any], object]) -> Callable[..., None]:
    """Puts another outcome in the place of the one of an account with which *ails* is wrong."""

    def change(scene: Scene, figures: Figures) -> None:
        outcomes = getattr(figures, step).outcomes
        key = readable_refused(scene) if ails == REFUSED else first(scene, ails)
        if step == "callers":
            key = next(iter(outcomes))
        outcomes[key] = outcome(outcomes[key])

    return change


def set_figure(path: str, value: object) -> Callable[..., None]:
    """Puts *value* in the place of a figure."""
    part, _, name = path.partition(".")

    def change(_scene: Scene, figures: Figures) -> None:
        setattr(getattr(figures, part), name, value)

    return change


def leave_out(scene: Scene, figures: Figures) -> None:
    del figures.live.outcomes[first(scene, None)]


def invent(_scene: Scene, figures: Figures) -> None:
    figures.cached.outcomes[AccountKey("desk-1", "nobody")] = Missing()


def miscount_a_token(_scene: Scene, figures: Figures) -> None:
    figures.live.sent["desk-2"] += 1


def unlist(_scene: Scene, figures: Figures) -> None:
    figures.leverage.unlisted["desk-1"] = A_500


def hold_another(scene: Scene, figures: Figures) -> None:
    figures.holds[first(scene, MISSING)] = "20"


def change_a_refused_one(scene: Scene, figures: Figures) -> None:
    figures.leverage.changes.append(
        {
            "account_id": scene.ids[readable_refused(scene)],
            "detail": {"pair": "ETH:PERP-USDT", "leverage": "5"},
        }
    )


def see_another(outcome: NotApplied) -> NotApplied:
    return NotApplied(error=outcome.error, verification=outcome.verification, seen=Decimal(77))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (set_outcome("cached", None, lambda _: Missing()), "missing here, ok by the server"),
        (set_outcome("cached", None, lambda ok: Stale(ok.value)), "stale here, ok by the server"),
        (set_outcome("cached", STALE, lambda stale: Ok(stale.value)), "ok here, stale by the server"),
        (set_outcome("cached", LISTED, lambda _: Missing()), "missing here, failed, AccountError by"),
        (set_outcome("cached", MISSING, lambda _: Failed(A_500)), "failed, HTTP 500 here, missing by"),
        (set_outcome("live", None, lambda _: Failed(A_500)), "failed, HTTP 500 here, ok by"),
        (set_outcome("live", POISONOUS, lambda _: Missing()), "missing here, failed, HTTP 500 by"),
        (set_outcome("callers", None, lambda _: Failed(A_500)), "failed, HTTP 500 here, ok by"),
        (set_outcome("leverage", None, lambda _: Unknown(error=A_500)), "unknown here, applied by"),
        (set_outcome("leverage", None, lambda _: NotApplied(error=A_500)), "here, applied by the server"),
        (set_outcome("leverage", REFUSED, lambda _: Applied()), "applied here, not applied, HTTP 422 by"),
        (set_outcome("leverage", REFUSED, see_another), "reads: 77 here"),
        (leave_out, "accounts of desk-2 on one side only: ['"),
        (invent, "accounts of desk-1 on one side only: ['nobody'] here"),
        (unlist, "desk-1 is listed: False here"),
        (miscount_a_token, "requests of desk-2"),
        (set_figure("cached.told", 1), "requests sent: 1 here"),
        (set_figure("leverage.told", 1), "requests sent: 1 here"),
        (set_figure("equity.partial", Decimal(1)), "partial equity: 1 here"),
        (set_figure("equity.stated", 3), "accounts in the partial equity: 3 here"),
        (set_figure("equity.refusal", None), "total equity refused: False here"),
        (set_figure("equity.refusal", "of 26 accounts 1 failed"), "counts in the refusal"),
        (hold_another, "has: 5 here, 20 by the server"),
        (change_a_refused_one, "was set: False here, True by the server"),
        (set_figure("alone.sent", 1), "one after the other, requests: 1 here"),
        (set_figure("alone.done", 1), "one after the other, accounts: 1 here"),
    ],
)
def test_every_figure_is_checked(
    scene: Scene, figures: Figures, change: Callable[[Scene, Figures], None], named: str
) -> None:
    """A figure that the server does not bear out is named."""
    change(scene, figures)

    assert any(named in sentence for sentence in mismatches(scene, figures))


def test_an_age_that_the_fault_does_not_explain_is_named(scene: Scene, figures: Figures) -> None:
    """How old a stale balance is said to be is checked, too."""
    key = first(scene, STALE)
    found = figures.cached.outcomes[key]
    assert isinstance(found, Stale)
    figures.cached.outcomes[key] = Stale(type(found.value)(key, found.value.wire, "cached", 0.0, 60.0))

    assert any("has the age it was given: False" in sentence for sentence in mismatches(scene, figures))


@pytest.mark.parametrize(
    ("step", "endpoint", "outcome"),
    [
        ("live", "balances", Failed(A_500)),
        ("leverage", "set_leverage", Unknown(error=REFUSAL)),
    ],
)
def test_a_sound_account_fails_only_with_a_500_of_its_own(
    scene: Scene, figures: Figures, step: str, endpoint: str, outcome: Any
) -> None:
    """What one bad account does to a whole batch is no excuse for giving up the others."""
    batch = next(
        seen["accounts"]
        for seen in getattr(figures, step).requests
        if seen["user"] == 1 and seen["endpoint"] == endpoint and seen["status"] in (500, 422)
    )
    key = next(key for key in scene.sound if key.credential == "desk-2" and key.name in batch)
    changed: Step = getattr(figures, step)
    changed.outcomes[key] = outcome
    changed.requests = [
        seen
        for seen in changed.requests
        if seen["endpoint"] != endpoint or key.name not in seen["accounts"] or seen["accounts"] == batch
    ]

    assert any("nothing that explains it" in sentence for sentence in mismatches(scene, figures))


async def test_a_token_that_cannot_be_listed_is_told_from_one_without_accounts() -> None:
    """Its accounts are in no figure, the credential is named, and the server agrees."""
    scene, figures = await collected({"endpoint": "accounts", "user": 0, "status": 403}, accounts=3)
    out = io.StringIO()
    demo_view.reads(Console(file=out, width=80), figures.live)

    assert {key.credential for key in figures.live.outcomes} == {"desk-2"}
    assert "desk-1 could not be listed: HTTP 403" in out.getvalue()
    assert mismatches(scene, figures) == []


def test_at_most_twelve_accounts_are_shown(scene: Scene, figures: Figures) -> None:
    """More of them than fit are counted."""
    out = io.StringIO()
    step = Step("desk.balances()", outcomes=dict.fromkeys(list(scene.held)[:15], Missing()))
    demo_view.reads(Console(file=out, width=80), step)

    assert out.getvalue().count("no answer has it") == 12
    assert "and 3 more" in out.getvalue()


def test_a_bar_is_for_a_terminal_only() -> None:
    """Not even where colours are forced upon a file, as under CI, does a bar stand in it."""
    out = io.StringIO()
    with demo_view.progress(Console(file=out, force_terminal=True), "settled", 2) as settled:
        settled()

    assert "settled" not in out.getvalue()


async def test_the_demo_exits_with_0_and_fits_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal the output has 80 columns, no bars and no colours; the exit code is 0."""
    code = await demo.run(tokens=2, accounts=13, latency_s=0.0, retry=FAST)

    said = capsys.readouterr().out
    assert code == 0
    assert "Every figure matches the server's journal and state." in said
    assert all(f"\n{number}. " in said for number in (1, 2, 3))
    assert "computed" in said
    assert max(map(len, said.splitlines())) <= 80
    assert said.isascii()
    assert "\x1b" not in said
    assert "━" not in said


async def test_the_demo_exits_with_1_on_a_mismatch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A journal that says otherwise makes the demo fail, and say why."""
    taken = Simulation.taken

    async def one_more(self: Simulation) -> dict[str, list[dict[str, Any]]]:
        journal = await taken(self)
        return {**journal, "requests": journal["requests"] + journal["requests"][-1:]}

    monkeypatch.setattr(Simulation, "taken", one_more)
    code = await demo.run(tokens=1, accounts=2, latency_s=0.0, retry=FAST)

    said = capsys.readouterr().out
    assert code == 1
    assert "mismatch: desk.balances(), requests of desk-1" in said
    assert "Every figure matches" not in said


def test_the_command_shows_help_and_version() -> None:
    """`tread` without arguments explains itself; `--version` is one line."""
    tread = [sys.executable, "-c", "from tread_async.cli import main; main()"]
    helped = subprocess.run([*tread, "--help"], capture_output=True, text=True, check=True)
    version = subprocess.run([*tread, "--version"], capture_output=True, text=True, check=True)

    assert "demo" in helped.stdout
    assert version.stdout.startswith("tread-async ")


def test_without_the_extra_the_command_says_what_to_install() -> None:
    """Where typer is missing, `tread` is one sentence on stderr and exit code 2."""
    script = "import sys; sys.modules['typer'] = None; from tread_async.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr == "tread needs its extra: pip install 'tread-async[cli]'\n"
