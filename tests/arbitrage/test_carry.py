"""Funding of one market: per hour, per year over its true interval, over windows, added up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.arbitrage.carry import HOUR_MS, Trail, carry
from qmd_platform.funding.intervals import NOT_YET, Intervals, intervals
from qmd_platform.model.settlements import Settlements
from tests.arbitrage.worlds import START, settlements

rates = st.lists(st.floats(-0.01, 0.01), min_size=2, max_size=60)


def hours_of(one: Settlements) -> Intervals:
    return intervals(one)


@pytest.mark.parametrize(("hours", "percent"), [(1, 87.6), (2, 43.8), (4, 21.9), (8, 10.95)])
def test_mistake_18_one_basis_point_a_year_depends_on_its_interval(hours: float, percent: float):
    one = settlements([0.0001], hours=hours)
    assert carry(one, hours_of(one)).simple_per_year * 100 == pytest.approx([percent])


def test_a_rate_at_the_cap_every_four_hours_is_2187_percent_a_year():
    one = settlements([0.00999], hours=4)
    assert carry(one, hours_of(one)).simple_per_year * 100 == pytest.approx([2187.81])


def test_mistake_19_the_rate_stays_as_settled_beside_what_is_made_of_it():
    one = settlements([0.0003, -0.0002], hours=8)
    assert carry(one, hours_of(one)).rate.tolist() == [0.0003, -0.0002]


def test_compounded_is_told_apart_from_simple():
    one = settlements([0.001], hours=8)
    assert carry(one, hours_of(one)).compounded_per_year == pytest.approx([1.001**1095 - 1])


def test_a_window_over_a_change_of_interval_weighs_by_hours():
    one = Settlements.of(
        [START + 8 * HOUR_MS, START + 16 * HOUR_MS, START + 20 * HOUR_MS, START + 24 * HOUR_MS], [0.0008] * 4
    )
    hours = np.array([8.0, 8.0, 4.0, 4.0])
    one.stated_hours[:] = hours
    day = carry(one, hours_of(one), windows=(24,)).windows[24]
    assert day.simple_per_year[-1] == pytest.approx(4 * 0.0008 / 24 * 8760)
    assert day.simple_per_year[-1] != pytest.approx(np.mean(0.0008 / hours * 8760))


def test_a_window_that_is_not_accounted_for_is_unknown_and_not_zero():
    one = settlements([0.0001] * 6, hours=8)
    day = carry(one, hours_of(one), windows=(24,)).windows[24]
    assert np.isnan(day.simple_per_year).tolist() == [True, True, False, False, False, False]
    with_hole = one.take(np.array([0, 1, 2, 4, 5]))
    assert np.isnan(carry(with_hole, hours_of(with_hole), windows=(24,)).windows[24].simple_per_year[-2:]).all()


def test_unknown_hours_leave_the_year_unknown_and_the_sum_whole():
    one = settlements([0.0001, 0.0002])
    one.stated_hours[:] = np.nan
    found = carry(one, hours_of(one))
    assert np.isnan(found.simple_per_year[0])
    assert found.cumulative_rate == pytest.approx([0.0001, 0.0003])
    assert found.cumulative_quote == pytest.approx([0.01, 0.03])


@given(rates, st.sampled_from([1.0, 4.0, 8.0]), st.data())
def test_sums_over_adjoining_windows_add_up(values: list[float], hours: float, data: st.DataObject):
    one = settlements(values, hours=hours)
    trail = Trail.of(one.settled_at, one.rate, one.stated_hours)
    end = START + data.draw(st.integers(0, 500)) * HOUR_MS
    left, right = data.draw(st.integers(1, 200)), data.draw(st.integers(1, 200))
    whole = trail.over(np.array([end]), left + right)
    parts = zip(trail.over(np.array([end]), right), trail.over(np.array([end - right * HOUR_MS]), left), strict=True)
    assert np.allclose(whole, [one_ + other for one_, other in parts], atol=1e-12)


@given(rates, st.data())
def test_what_comes_later_changes_no_earlier_row(values: list[float], data: st.DataObject):
    cut = data.draw(st.integers(1, len(values) - 1))
    one, other = settlements(values), settlements([*values[:cut], *[0.009 - value for value in values[cut:]]])
    before, after = carry(one, hours_of(one)), carry(other, hours_of(other))
    for name in ("rate_per_hour", "simple_per_year", "compounded_per_year", "cumulative_rate", "cumulative_quote"):
        assert np.array_equal(getattr(before, name)[:cut], getattr(after, name)[:cut], equal_nan=True)
    for length, windowed in before.windows.items():
        for name in ("simple_per_year", "compounded_per_year", "covered"):
            later = getattr(after.windows[length], name)
            assert np.array_equal(getattr(windowed, name)[:cut], later[:cut], equal_nan=True)


def test_a_row_is_available_when_its_interval_stands_and_not_when_it_settled():
    # 8 h until 24:00, then 4 h: only the third row of the new pace proves that it is one.
    at = [START + hour * HOUR_MS for hour in (8, 16, 24, 28, 32, 36, 40)]
    found = carry(one := Settlements.of(at, [1e-4] * 7), intervals(one), delay_ms=0)
    assert found.available_at[3:].tolist() == [at[5], at[5], at[5], at[6]]
    early = one.take(slice(4))
    assert carry(early, intervals(early)).available_at[-1] == NOT_YET
