"""The command ``tread``. Needs the extra ``cli``."""

from __future__ import annotations

import importlib.util
import sys

__all__ = ["main"]


def main() -> None:
    """Runs the command line; exits with 2 and one sentence where the extra is missing."""
    if any(importlib.util.find_spec(name) is None for name in ("typer", "rich")):
        sys.exit(_missing())
    from tread_async.cli.app import app
    from tread_async.cli.streams import prepared
    from tread_async.cli.usage import carried_out

    prepared()
    sys.exit(carried_out(app))


def _missing() -> int:
    print("tread needs its extra: pip install 'tread-async[cli]'", file=sys.stderr)  # noqa: T201
    return 2
