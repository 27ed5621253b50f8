"""What the command line's tests share: a sandbox exchange whose clock stands still, and running ``qmd``.

Its time is two and a half hours into 2026-11-15, so that windows of a few hours are small and the same every day.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from qmd_platform.cli.app import app
from qmd_platform.sandbox.server import running

NOW = "2026-11-15T02:30:30Z"
DAY = ("--start", "2026-11-15", "--end", "2026-11-16")

Qmd = Callable[..., Result]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[str]:
    with running(now=NOW) as url:
        yield url


@pytest.fixture
def qmd() -> Qmd:
    """``qmd("series", "--json")`` in this process, with this test's QMD_HOME."""

    def run(*args: str | Path) -> Result:
        result = CliRunner().invoke(app, [str(arg) for arg in args])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture(scope="session")
def filled(sandbox: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose lake holds the night of a spot, a perpetual and a venue that omits empty minutes. Only read it."""
    home = tmp_path_factory.mktemp("filled")
    before = dict(os.environ)
    os.environ.update(QMD_HOME=str(home), QMD_VENUE_URL=sandbox)
    try:
        markets = ("binance:BTC/USDT", "binance:BTC/USDT:USDT", "bitfinex:BTC/USD")
        result = CliRunner().invoke(app, ["backfill", *markets, "--start", "2026-11-15", "--end", "2026-11-15T02:00Z"])
        assert result.exit_code == 0, result.output
    finally:
        os.environ.clear()
        os.environ.update(before)
    return home


@pytest.fixture
def in_filled(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this test's QMD_HOME be the filled one."""
    monkeypatch.setenv("QMD_HOME", str(filled))
    return filled


def answer(result: Result) -> Any:
    """The JSON document a command printed."""
    return json.loads(result.stdout)
