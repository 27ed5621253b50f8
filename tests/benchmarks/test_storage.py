"""The storage benchmark measures what it says: its markets, its gap arithmetic, its words, and a small run of all."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.storage.data import QUICK, Data
from benchmarks.storage.market import generated
from benchmarks.storage.port import holes, joined
from benchmarks.storage.report import NAMES, TITLES, Result, report
from qmd_platform.model.window import Window
from tests.project.tree import ROOT

DAYS = Window.of("2025-01-01", "2025-01-08")
MINUTE = 60_000


def test_a_made_up_market_is_the_same_every_time_and_unlike_the_next():
    assert generated(3, DAYS).equals(generated(3, DAYS))
    assert not generated(3, DAYS).equals(generated(4, DAYS))


@pytest.mark.parametrize("number", range(6))
def test_a_made_up_market_trades_as_a_market_may(number: int):
    rows = generated(number, DAYS)
    assert (rows.low > 0).all()
    assert (rows.low <= np.minimum(rows.open, rows.close)).all()
    assert (rows.high >= np.maximum(rows.open, rows.close)).all()
    quiet = rows.volume == 0
    assert (rows.high[quiet] == rows.low[quiet]).all()
    assert 0 < DAYS.steps(MINUTE) - len(rows) < DAYS.steps(MINUTE) / 2


def test_holes_are_what_is_not_there():
    window = Window(0, 10 * MINUTE)
    present = np.array([1, 2, 5, 8], np.int64) * MINUTE
    missing = {minute for start, end in holes(present, window) for minute in range(start // MINUTE, end // MINUTE)}
    assert missing == {0, 3, 4, 6, 7, 9}
    assert holes(np.arange(10) * MINUTE, window) == []
    assert holes(np.empty(0, np.int64), window) == [(0, 10 * MINUTE)]


def test_gaps_that_meet_where_two_months_do_are_one():
    assert joined({"A": [(0, 5), (5, 9), (11, 12)], "B": []}) == {"A": [(0, 9), (11, 12)]}


def made_up(seconds: float, size: float = 8.0) -> Result:
    return Result([seconds] * 3, [seconds], "1 candle, 0", {"bytes a candle": size}, "settings", {})


def test_the_report_says_where_another_system_is_quicker(tmp_path: Path):
    results = {("load", "qmd"): made_up(2.0), ("load", "duckdb"): made_up(1.0), ("load", "delta"): made_up(4.0)}
    said = report(results, Data(tmp_path, QUICK), 1, 60).partition("## Where the lake is slower")[2]
    lines = [line for line in said.splitlines() if line.startswith("- ")]
    assert "DuckDB is 2.0 times as quick" in lines[0]
    assert not [line for line in lines if "Delta Lake is" in line]


@pytest.mark.slow
def test_a_small_run_of_all_systems_at_hand_ends_in_a_report(tmp_path: Path):
    output = tmp_path / "report.md"
    command = [sys.executable, "-m", "benchmarks.storage", "--quick", "--folder", tmp_path / "run", "--output", output]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = output.read_text(encoding="utf-8")
    for title in TITLES.values():
        assert title.partition("{")[0] in text
    assert "| `import qmd_platform.reader` |" in text
    for system in ("qmd", "plain"):
        assert text.count(f"| {NAMES[system]} |") >= 8
