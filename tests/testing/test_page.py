"""What docs/testing.md shows is run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.testing.test_plugin import run_pytest

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_each_block_is_a_file_of_tests(tmp_path: Path) -> None:
    """All of them pass, under the plugin that the page names first."""
    for place, block in enumerate(BLOCKS):
        (tmp_path / f"test_block_{place}.py").write_text(block)

    said = run_pytest(tmp_path, "-p", "no:anyio", "-p", "no:aiohttp", "-o", "asyncio_mode=strict")

    faults = BLOCKS[3].count("dict(")
    assert f"{len(BLOCKS) - 1 + faults} passed" in said, said


def test_no_backoff_for_a_whole_project(tmp_path: Path) -> None:
    """The setting of the page: here with an answer that asks for a wait of longer than a test may take."""
    [setting] = re.findall(r"^```ini\n\[pytest\]\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "test_it.py").write_text(
        "async def test_it(tread_simulator, tread_client):\n"
        "    tread_simulator.fail(status=429, headers={'Retry-After': '5'}, times=1)\n"
        "    assert await tread_client.balances(deadline_s=6)\n"
    )

    options = ("-p", "no:anyio", "-o", "asyncio_mode=auto", "-o", setting.strip().replace(" = ", "="))
    said = run_pytest(tmp_path, *options, "--durations=1", "--durations-min=4")

    assert "1 passed" in said, said
    assert "s call" not in said


def test_the_message_on_the_page_is_the_one_that_is_shown(tmp_path: Path) -> None:
    """To the letter."""
    [shown] = re.findall(r"^```text\nAssertionError: (.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "test_it.py").write_text(
        "PAIR = 'ETH:PERP-USDT'\n"
        "async def test_it(tread_simulator, tread_client, no_backoff):\n"
        "    tread_simulator.fail(endpoint='set_leverage', drop='after', times=1)\n"
        "    tread_simulator.fail(account='AA', status=422)\n"
        "    ids = [tread_simulator.account('A').id]\n"
        "    await tread_client.set_leverage(5, pair=PAIR, account_ids=ids)\n"
        "    tread_simulator.assert_applied_once(account='A', pair=PAIR, leverage=5)\n"
    )

    said = run_pytest(tmp_path, "-p", "no:anyio", "-o", "asyncio_mode=auto")

    assert shown in said.replace("\nE       ", "\n"), said
