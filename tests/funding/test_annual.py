"""Rates per hour and per year: the published vectors, and the mistakes boards make."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.funding.annual import HOURS_PER_YEAR, compounded_apr, hourly, simple_apr, window_apr

BASIS_POINT = 1e-4
rates = st.floats(-0.05, 0.05)
lengths = st.sampled_from([1.0, 2.0, 4.0, 6.0, 8.0, 24.0])


def test_0999_percent_per_4_hours_is_2187_81_percent_a_year():
    assert simple_apr(0.00999, 4) == pytest.approx(21.8781, rel=1e-14)


@pytest.mark.parametrize(("hours", "percent"), [(1, 87.6), (2, 43.8), (4, 21.9), (8, 10.95)])
def test_a_basis_point_is_worth_what_its_interval_makes_it(hours: float, percent: float):
    assert 100 * simple_apr(BASIS_POINT, hours) == pytest.approx(percent, rel=1e-14)


def test_mistake_18_three_times_365_is_wrong_for_every_interval_but_8_hours():
    always_three_a_day = BASIS_POINT * 3 * 365
    right = simple_apr(np.full(4, BASIS_POINT), np.array([1.0, 2.0, 4.0, 8.0]))
    assert (np.abs(right / always_three_a_day - [8, 4, 2, 1]) < 1e-12).all()


def test_mistake_18_the_year_of_a_window_is_not_the_mean_of_its_years():
    rate, hours = np.array([0.0008, 0.0001, 0.0001]), np.array([8.0, 1.0, 1.0])
    assert window_apr(rate, hours) == pytest.approx(0.001 / 10 * 8760)
    assert simple_apr(rate, hours).mean() == pytest.approx(0.876)
    unequal = np.array([0.0008, 0.0002, 0.0002])
    assert window_apr(unequal, hours) == pytest.approx(0.0012 / 10 * 8760)
    assert simple_apr(unequal, hours).mean() > 1.3 * window_apr(unequal, hours)


def test_compounding_is_said_apart_and_is_more():
    assert compounded_apr(BASIS_POINT, 8) == pytest.approx(1.0001**1095 - 1, rel=1e-10)
    assert compounded_apr(-BASIS_POINT, 1) == pytest.approx(0.9999**8760 - 1, rel=1e-10)
    assert compounded_apr(0.5, 1) == np.inf
    assert compounded_apr(-1.0, 8) == -1.0


@given(rates, lengths)
def test_simple_is_the_hour_times_the_hours_of_a_year(rate: float, hours: float):
    assert simple_apr(rate, hours) == pytest.approx(hourly(rate, hours) * HOURS_PER_YEAR, rel=1e-14)
    assert compounded_apr(rate, hours) >= simple_apr(rate, hours) - 1e-9


@given(st.lists(st.tuples(rates, lengths), min_size=1, max_size=40))
def test_the_year_of_a_window_lies_between_the_years_of_its_settlements(rows: list[tuple[float, float]]):
    rate, hours = (np.array(column) for column in zip(*rows, strict=True))
    each = simple_apr(rate, hours)
    assert each.min() - 1e-9 <= window_apr(rate, hours) <= each.max() + 1e-9


@given(rates, lengths, st.integers(1, 12))
def test_the_year_of_a_window_of_equal_settlements_is_the_year_of_one(rate: float, hours: float, count: int):
    assert window_apr([rate] * count, [hours] * count) == pytest.approx(simple_apr(rate, hours), abs=1e-12)


def test_floats_give_a_float_and_arrays_an_array():
    assert isinstance(hourly(0.0008, 8), float)
    assert hourly(np.array([0.0008, 0.0001]), np.array([8.0, 1.0])).tolist() == [0.0001, 0.0001]


def test_what_is_not_known_stays_unknown():
    assert np.isnan(hourly(0.0001, float("nan")))
    assert np.isnan(window_apr([0.0001, 0.0001], [8.0, float("nan")]))
    assert np.isnan(window_apr([], []))


@pytest.mark.parametrize("hours", [0.0, -8.0])
def test_an_interval_without_length_is_refused(hours: float):
    with pytest.raises(ValueError, match="hours"):
        simple_apr(0.0001, hours)
    with pytest.raises(ValueError, match="hours"):
        window_apr([0.0001], [hours])


def test_a_window_needs_the_hours_of_each_settlement():
    with pytest.raises(ValueError, match="2 rates with 1 intervals"):
        window_apr([0.0001, 0.0001], [8.0])
