"""Every test here runs on both event loops, unless it says ``asyncio(loop_factories=[...])``."""

from tests.support.loops import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]
