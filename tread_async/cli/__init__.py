"""The command ``tread``. Needs the extra ``cli``."""

from __future__ import annotations

import sys

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> None:
    """Runs the command line; exits with 2 and one sentence where the extra is missing."""
    try:
        code = _carried_out()
    except KeyboardInterrupt:  # while it is loaded, say: whoever presses Ctrl-C wants no traceback
        code = _INTERRUPTED
    sys.exit(code)


def _carried_out() -> int:
    import importlib.util

    if any(importlib.util.find_spec(name) is None for name in ("typer", "rich")):
        return _missing()
    from tread_async.cli.app import app
    from tread_async.cli.streams import prepared
    from tread_async.cli.usage import carried_out

    prepared()
    return carried_out(app)


def _missing() -> int:
    print("tread needs its extra: pip install 'tread-async[cli]'", file=sys.stderr)  # noqa: T201
    return 2
