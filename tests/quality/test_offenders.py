"""Each row that breaks a rule is named, and no other."""

import sys
from subprocess import run

import numpy as np
import pytest

from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.quality.offenders import offenders, row_offenders
from qmd_platform.quality.rules import ROW_RULES, UNIQUE_OPEN_TIMES
from tests.quality.tables import changed, clean, with_value

STEP = Timeframe.H1.step


def guilty(candles: Candles) -> dict[str, list[int]]:
    return {name: np.flatnonzero(mask).tolist() for name, mask in row_offenders(candles, STEP).items() if mask.any()}


def test_a_clean_table_has_no_offenders():
    masks = row_offenders(clean(), STEP)
    assert list(masks) == [rule.name for rule in ROW_RULES]
    assert all(len(mask) == len(clean()) and not mask.any() for mask in masks.values())


@pytest.mark.parametrize("column", COLUMNS[1:])
def test_nan_is_not_finite_and_breaks_nothing_else(column: str):
    assert guilty(with_value(clean(), column, [3, 7], np.nan)) == {"finite": [3, 7]}


@pytest.mark.parametrize(("column", "value"), [("volume", np.inf), ("high", np.inf)])
def test_infinity_is_not_finite(column: str, value: float):
    assert guilty(with_value(clean(), column, 5, value)) == {"finite": [5]}


def test_minus_infinity_is_neither_finite_nor_a_price():
    assert guilty(with_value(clean(), "low", 5, -np.inf)) == {"finite": [5], "positive_prices": [5]}


def test_a_price_of_zero_is_no_price():
    assert guilty(with_value(clean(), "low", 0, 0.0)) == {"positive_prices": [0]}


def test_volume_may_be_zero_but_not_below():
    assert guilty(with_value(clean(), "volume", 9, 0.0)) == {}
    assert guilty(with_value(clean(), "volume", 9, -1e-9)) == {"volume_not_negative": [9]}


def test_swapped_high_and_low_are_out_of_order():
    candles = clean()
    swapped = with_value(with_value(candles, "high", 4, candles.low[4]), "low", 4, candles.high[4])
    assert guilty(swapped) == {"ohlc_order": [4]}


@pytest.mark.parametrize("column", ["open", "close"])
def test_an_open_or_close_outside_the_range_is_out_of_order(column: str):
    assert guilty(with_value(clean(), column, 4, clean().high[4] * 1.5)) == {"ohlc_order": [4]}
    assert guilty(with_value(clean(), column, 4, clean().low[4] * 0.5)) == {"ohlc_order": [4]}


def test_a_flat_candle_is_in_order():
    candles = clean()
    assert guilty(changed(candles, high=candles.open, low=candles.open, close=candles.open)) == {}


def test_a_candle_off_the_grid_is_named():
    at = clean().open_at.copy()
    at[[0, 10]] += (1, -1)
    assert guilty(changed(clean(), open_at=at)) == {"on_the_grid": [0, 10]}


def test_an_empty_table_has_no_offenders():
    assert guilty(Candles.empty()) == {}


def test_every_copy_of_a_repeated_open_time_is_an_offender():
    at = np.array([3, 1, 2, 1, 1, 5])
    assert np.flatnonzero(offenders(UNIQUE_OPEN_TIMES, {"open_at": at})).tolist() == [1, 3, 4]


def test_keeping_bad_rows_out_imports_neither_pandas_nor_great_expectations():
    program = (
        "import sys, qmd_platform.quality.offenders, qmd_platform.quality.judge, qmd_platform.quality.chart;"
        "print(*{'pandas', 'great_expectations', 'pyarrow'} & set(sys.modules))"
    )
    done = run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
