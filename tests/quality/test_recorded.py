"""The rules on recorded market data: known defects are named, and nothing else is."""

from pathlib import Path

import numpy as np
import pytest

from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State, accounted, windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, iso, months
from qmd_platform.quality.agreement import of_agreement
from qmd_platform.quality.judge import Beside, Finding, judged
from qmd_platform.quality.offenders import row_offenders
from qmd_platform.quality.page_boundary import repetition
from qmd_platform.quality.rules import TOLERANCE
from tests.acceptance.recordings import recorded_candles
from tests.quality.tables import broken

GATE = "gate_perp_2023/BTC_USDT_USDT-{}-futures.feather"
BROKEN_GATE = GATE.format("15m")

LADDERS = [
    ("gate_perp_2023/BTC_USDT_USDT-{}-futures.feather", [("5m", "1h"), ("5m", "1d"), ("1h", "4h"), ("1h", "1d")]),
    (
        "binance_perp_2025/BTC_USDT_USDT-{}-futures.feather",
        [("3m", "15m"), ("5m", "15m"), ("5m", "30m"), ("5m", "1h"), ("15m", "1d")],
    ),
    ("bybit_perp_2024/BTC_USDT_USDT-{}-futures.json", [("5m", "1h"), ("1h", "4h"), ("1h", "1d")]),
    ("gate_perp_2024-08/BTC_USDT_USDT-{}-futures.feather", [("5m", "4h"), ("4h", "8h")]),
    ("hyperliquid_perp/BTC_USDC_USDC-{}-futures.feather", [("1m", "5m"), ("1m", "1h")]),
]
PAIRS = [(name, *pair) for name, pairs in LADDERS for pair in pairs]


def candle_files(data: Path) -> list[tuple[Path, Timeframe]]:
    files = []
    for path in sorted([*data.rglob("*.feather"), *data.rglob("*-futures.json")]):
        text = path.stem.removesuffix("-futures").rpartition("-")[2]
        if text in {t.value for t in Timeframe}:
            files.append((path, Timeframe(text)))
    assert len(files) > 40
    return files


def monthly(candles: Candles, step: int) -> list[tuple[str, Candles]]:
    window = Window(int(candles.open_at[0]), int(candles.open_at[-1]) + step)
    return [(month, candles.within(part)) for month, part in months(window)]


def judged_month(path: Path, timeframe: Timeframe, month: str, rows: Candles, shorter: Candles) -> dict[str, Finding]:
    of = Partition(Series.candles(Market("gate", "BTC/USDT:USDT"), timeframe), month)
    there = windows_of(rows.open_at, timeframe.step)
    asked = Window(there[0].start, there[-1].end)
    runs = accounted([asked], there, [Run(asked, State.VERIFIED_EMPTY, "no trades")], "")
    return broken(judged(of, rows, runs, Beside(shorter, Timeframe.M5)))


def test_the_25_broken_gate_candles_are_named_month_by_month_and_no_other(shared_data: Path):
    whole = recorded_candles(shared_data / BROKEN_GATE)
    shorter = recorded_candles(shared_data / GATE.format("5m"))
    named: list[object] = []
    for month, rows in monthly(whole, Timeframe.M15.step):
        found = judged_month(shared_data / BROKEN_GATE, Timeframe.M15, month, rows, shorter)
        assert set(found) <= {"agrees_with_shorter"}
        named += [offender["open_at"] for finding in found.values() for offender in finding.sample]
    assert named == [iso(int(at)) for at in whole.open_at[999::1000]]
    assert len(named) == 25


def test_the_25_broken_gate_candles_are_named_from_the_whole_file_too(shared_data: Path):
    whole, shorter = (recorded_candles(shared_data / GATE.format(step)) for step in ("15m", "5m"))
    found = of_agreement(whole, Timeframe.M15.step, shorter, Timeframe.M5.step)["shorter_difference"]
    assert np.flatnonzero(found > TOLERANCE).tolist() == list(range(999, 25_000, 1000))


def test_the_broken_gate_series_gives_itself_away_without_any_other(shared_data: Path):
    found = repetition(recorded_candles(shared_data / BROKEN_GATE), Timeframe.M15.step)
    assert found is not None
    assert (found.damage, found.distance) == ("half-built candle", 1000)
    assert found.rows.tolist() == list(range(999, 25_000, 1000))


@pytest.mark.parametrize(("name", "shorter", "longer"), PAIRS)
def test_a_venues_own_longer_candles_agree_with_its_shorter_ones(
    shared_data: Path, name: str, shorter: str, longer: str
):
    long, short = (recorded_candles(shared_data / name.format(step)) for step in (longer, shorter))
    found = of_agreement(long, Timeframe(longer).step, short, Timeframe(shorter).step)["shorter_difference"]
    assert np.isfinite(found).sum() > 5
    assert not (found > TOLERANCE).any()


def test_the_hours_where_the_hyperliquid_recording_contradicts_itself_are_named(shared_data: Path):
    name = "hyperliquid_perp/BTC_USDC_USDC-{}-futures.feather"
    long, short = (recorded_candles(shared_data / name.format(step)) for step in ("1h", "5m"))
    found = of_agreement(long, Timeframe.H1.step, short, Timeframe.M5.step)["shorter_difference"]
    half_an_hour, *by_one_tick = np.flatnonzero(found > TOLERANCE)
    assert iso(int(long.open_at[half_an_hour])) == "2025-04-20T10:00:00Z"
    assert found[half_an_hour] > 0.7
    assert [iso(int(long.open_at[row])) for row in by_one_tick] == ["2025-06-08T10:00:00Z", "2025-07-19T10:00:00Z"]
    assert (found[by_one_tick] < 1e-5).all()


def test_no_other_recorded_series_shows_page_boundaries_or_bad_rows(shared_data: Path):
    claims = []
    for path, timeframe in candle_files(shared_data):
        candles = recorded_candles(path)
        assert not any(mask.any() for mask in row_offenders(candles, timeframe.step).values()), path
        parts = [("whole", candles), *monthly(candles, timeframe.step)]
        claims += [(str(path), what) for what, rows in parts if repetition(rows, timeframe.step)]
    assert claims == [(str(shared_data / BROKEN_GATE), "whole")]


@pytest.mark.parametrize("name", [GATE.format("1h"), GATE.format("1d"), "freqtrade_testdata/ETH_BTC-5m.feather"])
def test_recorded_clean_months_break_no_rule(shared_data: Path, name: str):
    timeframe = Timeframe(name.removesuffix("-futures.feather").removesuffix(".feather").rpartition("-")[2])
    for month, rows in monthly(recorded_candles(shared_data / name), timeframe.step):
        shorter = recorded_candles(shared_data / GATE.format("5m")) if name.startswith("gate") else None
        of = Partition(Series.candles(Market("gate", "BTC/USDT:USDT"), timeframe), month)
        there = windows_of(rows.open_at, timeframe.step)
        asked = Window(there[0].start, there[-1].end)
        runs = accounted([asked], there, [Run(asked, State.VERIFIED_EMPTY, "no trades")], "")
        assert broken(judged(of, rows, runs, Beside(shorter, shorter and Timeframe.M5))) == {}
