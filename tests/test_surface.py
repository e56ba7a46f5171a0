"""The public names, and the direction of imports."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import FunctionType

import pytest

import tread_async

PACKAGE = Path(tread_async.__file__).parent

# From the bottom up; a module may import from the lines above its own, and from its own line.
LAYERS = (
    ("_version", "errors", "secret", "_amounts", "_texts", "_slots", "_rates", "_gates", "_pacing"),
    ("_together", "_deadlines"),
    ("hooks",),
    ("_telling",),
    ("models", "_stats"),
    ("_codec",),
    ("_policy", "_identity", "_home", "_sightings", "_creates"),
    ("_budget", "_breaker", "_repeating"),
    ("_hedging",),
    ("_attempt", "_receiving", "_pool"),
    ("_transport",),
    ("_intents",),
    ("_call",),
    ("_calls",),
    ("_hooked",),
    ("_machinery",),
    ("_wiring",),
    ("keys",),
    ("balance", "listing"),
    ("outcomes", "reports", "plans", "_exports"),
    ("changes", "_figures", "rules"),
    ("_judging", "update"),
    ("_lifecycle",),
    ("_fleet",),
    ("_watch",),
    ("feed",),
    ("_watched",),
    ("_config",),
    ("config",),
    ("client", "manager"),
    ("_surface",),
    ("__init__",),
    ("metrics", "tracing"),
    ("cli",),
)

# For the tests of users. It takes from both sides, and neither knows of it.
KIT = ("testing", "_pytest_plugin")

VOCABULARY = (
    "balance", "changes", "client", "errors", "feed", "keys", "listing", "manager", "models", "outcomes",
    "plans", "reports", "rules", "secret", "update", "config", "hooks",
)  # fmt: skip

# Helpers of type checking, functions that bear the name of their module, and those that read best with it.
IN_THEIR_MODULE = {
    "AllAccounts", "Overrides", "Source", "changes", "changes_in_steps",
    "equity_drop", "leverage_above", "margin_ratio_above", "missing", "stale_for",
    "AttemptEnded", "AttemptSent", "AttemptStarted", "BudgetRefused", "CallEnded", "CallStarted",
    "GateClosed", "PollingEnded", "PollingStarted", "Retried", "RoundPolled", "Told",
    "WriteUnknown",
}  # fmt: skip


def imported_modules(path: Path) -> set[str]:
    """The second parts of `tread_async.…` names that a file imports, wherever it does so.

    What is imported for types alone does not count.
    """
    tree = ast.parse(path.read_text())
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tread_async"):
            parts = (node.module or "").split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.split(".")[1] for alias in node.names if alias.name.startswith("tread_async.")
            }
    return found


def files_of(part: str) -> list[Path]:
    folder = PACKAGE / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{part}.py"]


def test_every_module_has_its_layer() -> None:
    """Every module of the package stands in the list of layers, or is the simulator or the kit for tests."""
    parts = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }

    assert parts == {part for layer in LAYERS for part in layer} | {"simulator", *KIT}


@pytest.mark.parametrize("height", range(len(LAYERS)))
def test_imports_go_down_only(height: int) -> None:
    """No module imports from a layer above its own."""
    above = {part for layer in LAYERS[height + 1 :] for part in layer}
    upward = {
        f"{path.name} imports {name}"
        for part in LAYERS[height]
        for path in files_of(part)
        for name in imported_modules(path) & above
    }

    assert not upward


def test_the_simulator_and_the_client_share_nothing() -> None:
    """The simulator imports nothing of the client, and the client nothing of the simulator.

    The command that is the simulator does.
    """
    theirs = set().union(*(imported_modules(path) for path in files_of("simulator")))
    users = {
        path.relative_to(PACKAGE).as_posix()
        for layer in LAYERS
        for part in layer
        for path in files_of(part)
        if "simulator" in imported_modules(path)
    }

    assert theirs <= {"simulator"}
    assert users == {"cli/simulate.py"}


def test_nothing_knows_the_kit_for_tests() -> None:
    """What users run has nothing in it that is for tests alone."""
    parts = [part for layer in LAYERS for part in layer]
    ours = set().union(*(imported_modules(path) for part in (*parts, "simulator") for path in files_of(part)))

    assert not ours & set(KIT)


def test_only_the_repeats_know_tenacity_and_only_the_transport_aiohttp() -> None:
    """The two libraries that could leak into the interface are imported where they are wrapped."""
    users: dict[str, set[str]] = {"tenacity": set(), "aiohttp": set()}
    for layer in LAYERS[:-1]:
        for part in layer:
            for path in files_of(part):
                for node in ast.walk(ast.parse(path.read_text())):
                    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                    names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                    for name in names:
                        if name.split(".")[0] in users:
                            users[name.split(".")[0]].add(part)

    assert users == {"tenacity": {"_repeating"}, "aiohttp": {"_attempt", "_pool", "_receiving", "_transport"}}


@pytest.mark.parametrize(
    "name", [f"tread_async{part}" for part in ("", *(f".{name}" for name in VOCABULARY))]
)
def test_all_is_sorted_and_complete(name: str) -> None:
    """``__all__`` is sorted as ruff sorts it, has no name twice, and every name exists."""
    module = importlib.import_module(name)

    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, public) for public in module.__all__)


def test_the_package_exports_the_whole_vocabulary() -> None:
    """Every public name of a public module is importable from the package itself, under one identity."""
    for part in VOCABULARY:
        module = importlib.import_module(f"tread_async.{part}")
        for name in set(module.__all__) - IN_THEIR_MODULE:
            assert getattr(tread_async, name) is getattr(module, name)
            assert name in tread_async.__all__


def public_classes() -> dict[str, type]:
    """Those of the package and of its vocabulary, by name."""
    modules = [tread_async, *[importlib.import_module(f"tread_async.{part}") for part in VOCABULARY]]
    things = {name: getattr(module, name) for module in modules for name in module.__all__}
    return {name: thing for name, thing in things.items() if isinstance(thing, type)}


def public_functions() -> dict[str, FunctionType]:
    """Those, and the methods and properties of the classes, inherited ones of ours among them, by name."""
    modules = [importlib.import_module(f"tread_async.{part}") for part in VOCABULARY]
    things = {name: getattr(module, name) for module in modules for name in module.__all__}
    for thing in public_classes().values():
        for kind in (kind for kind in thing.__mro__ if kind.__module__.startswith("tread_async")):
            things |= {
                f"{kind.__name__}.{name}": value.fget if isinstance(value, property) else value
                for name, value in vars(kind).items()
                if not name.startswith("_")
            }
    functions = {name: getattr(thing, "__func__", thing) for name, thing in things.items()}
    return {name: function for name, function in functions.items() if isinstance(function, FunctionType)}


def test_every_public_thing_has_a_docstring() -> None:
    """No public class, function, method or property is without one of its own."""
    functions = public_functions()

    assert {"Watched.watch", "Secret.of", "Balance.as_of", "equity_drop"} <= set(functions)
    assert [name for name, thing in public_classes().items() if not vars(thing).get("__doc__")] == []
    assert [name for name, function in functions.items() if not function.__doc__] == []


def test_every_coroutine_says_what_it_raises() -> None:
    """Or where that is said. Closing raises nothing."""
    coroutines = {
        name: function.__doc__ or ""
        for name, function in public_functions().items()
        if inspect.iscoroutinefunction(function) and not name.endswith(".close")
    }

    assert len(coroutines) > 15
    assert [name for name, text in coroutines.items() if "Raises:" not in text] == []


def test_every_coroutine_takes_a_deadline() -> None:
    """Every public coroutine takes ``deadline_s`` by keyword, and has a default for it.

    Not so closing, and waiting for a condition, whose ``timeout_s`` must be given.
    """
    coroutines = {
        f"{name}.{method}": inspect.signature(value).parameters
        for name in tread_async.__all__
        if isinstance(thing := getattr(tread_async, name), type)
        for method, value in vars(thing).items()
        if inspect.iscoroutinefunction(value)
        and not method.startswith("_")
        and method not in {"close", "wait_for"}
    }
    taken = {name: parameters.get("deadline_s") for name, parameters in coroutines.items()}

    assert "OutcomeUnknownError.resolve" in taken
    assert [name for name, one in taken.items() if one is None or one.kind is not one.KEYWORD_ONLY] == []
    assert [name for name, one in taken.items() if one is not None and one.default is not None] == []


def test_the_version_is_one() -> None:
    """The package says the version it was installed as."""
    from importlib.metadata import version

    assert tread_async.__version__ == version("tread-async")
