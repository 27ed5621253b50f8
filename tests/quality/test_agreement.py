"""Longer candles against the rollup of the shorter ones: every difference found, no other reported."""

import numpy as np
import pytest

from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.quality.agreement import of_agreement
from qmd_platform.quality.rules import TOLERANCE
from tests.quality.tables import clean, half_built, with_value

HOUR, QUARTER = Timeframe.H1, Timeframe.M15


def difference(candles: Candles, shorter: Candles) -> np.ndarray:
    return of_agreement(candles, HOUR.step, shorter, QUARTER.step)["shorter_difference"]


def test_exact_rollups_do_not_differ():
    assert (difference(clean(), clean(QUARTER)) == 0).all()


def test_every_half_built_candle_differs_and_no_other():
    differs = difference(half_built(clean(), 100), clean(QUARTER)) > TOLERANCE
    assert np.flatnonzero(differs).tolist() == list(range(99, len(clean()), 100))


@pytest.mark.parametrize("column", COLUMNS[1:])
def test_one_wrong_value_is_enough(column: str):
    wrong = with_value(clean(), column, 40, getattr(clean(), column)[40] * 1.001)
    found = difference(wrong, clean(QUARTER))
    assert np.flatnonzero(found > TOLERANCE).tolist() == [40]
    assert found[40] == pytest.approx(0.001, rel=0.01)


def test_a_bucket_that_lacks_a_shorter_candle_is_not_judged():
    lacking = np.delete(np.arange(len(clean(QUARTER))), 4 * 40 + 2)
    found = difference(with_value(clean(), "volume", [40, 41], 1.0), clean(QUARTER).take(lacking))
    assert np.isnan(found[40])
    assert found[41] > TOLERANCE


def test_without_shorter_candles_nothing_is_judged():
    assert np.isnan(difference(clean(), Candles.empty())).all()
    assert len(difference(Candles.empty(), clean(QUARTER))) == 0


def test_two_empty_volumes_agree():
    quiet, parts = with_value(clean(), "volume", 0, 0.0), with_value(clean(QUARTER), "volume", range(4), 0.0)
    assert difference(quiet, parts)[0] == 0
