"""``qmd read --strategy``: what the lake lacks is fetched, and each range's source is told beside the rows."""

from pathlib import Path
from typing import get_args

import pytest

from qmd_platform.cli.read import STRATEGIES
from qmd_platform.reader.asked import Strategy
from qmd_platform.reader.candles import StrategyName
from tests.cli.conftest import Qmd

SERIES = "binance:BTC/USDT:1m"
NIGHT = ("--start", "2026-11-15", "--end", "2026-11-15T02:00Z")


def test_the_strategies_are_those_of_the_reader():
    assert STRATEGIES == tuple(Strategy) == get_args(StrategyName)


def test_an_empty_lake_is_filled_and_the_rows_are_on_stdout_alone(qmd: Qmd, sandbox: str):
    result = qmd("read", SERIES, *NIGHT, "--strategy", "seamless", "--venue-url", sandbox)
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 1 + 120
    assert "[2026-11-15T00:00:00Z, 2026-11-15T02:00:00Z): 120 candles, backfill in process" in result.stderr
    again = qmd("read", SERIES, *NIGHT, "--strategy", "auto_backfill", "--venue-url", sandbox)
    assert again.stdout == result.stdout
    assert "120 candles, lake, version 1" in again.stderr


def test_partial_fill_prints_what_is_there_and_then_fills(qmd: Qmd, sandbox: str):
    result = qmd("read", SERIES, *NIGHT, "--strategy", "partial_fill", "--venue-url", sandbox)
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 1
    assert "0 candles, nowhere" in result.stderr
    assert len(qmd("read", SERIES, *NIGHT).stdout.splitlines()) == 1 + 120


def test_a_venue_that_is_down_is_named_within_the_deadline(qmd: Qmd):
    told = qmd(
        "read", SERIES, *NIGHT, "--strategy", "seamless", "--deadline", "1s", "--venue-url", "http://127.0.0.1:9"
    )
    assert told.exit_code == 5
    assert "120 of the candles asked for are not there" in told.stderr
    assert "add --allow-gaps" in told.stderr


def test_who_allows_gaps_gets_what_is_there_by_the_deadline_and_is_told(qmd: Qmd):
    patience = ("--deadline", "2s", "--allow-gaps", "--venue-url", "http://127.0.0.1:9")
    told = qmd("read", SERIES, *NIGHT, "--strategy", "seamless", *patience)
    assert told.exit_code == 0, told.output
    assert len(told.stdout.splitlines()) == 1
    assert "0 candles, nowhere" in told.stderr
    assert "failed: " in told.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--strategy", "seemless"), "seemless"),
        (("--strategy", "seamless", "--as-of", "1", *NIGHT), "cannot fill the past"),
        (("--strategy", "seamless"), "needs --start"),
        (("--deadline", "-3", *NIGHT), "--deadline"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: tuple[str, ...], says: str, qmd: Qmd, in_filled: Path):
    told = qmd("read", SERIES, *options)
    assert told.exit_code == 2
    assert says in told.stderr


@pytest.mark.parametrize("options", [(), ("--strategy", "seamless")], ids=["lake alone", "seamless"])
def test_a_window_that_is_all_in_the_future_is_told_on_stderr(qmd: Qmd, in_filled: Path, options: tuple[str, ...]):
    told = qmd("read", SERIES, "--start", "2096-11-15", "--end", "2096-11-16", *options)
    assert (told.exit_code, len(told.stdout.splitlines())) == (0, 1)
    assert "note: nothing of [2096-11-15T00:00:00Z, 2096-11-16T00:00:00Z) is closed yet" in told.stderr
