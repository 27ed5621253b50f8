"""Bad input is named: percent, seconds, two rates for one settlement, a wrong interval field, a gap, a cap."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.funding.annual import simple_apr
from qmd_platform.funding.anomalies import scores
from qmd_platform.funding.cumulative import CumulativeIndex
from qmd_platform.funding.intervals import Fact, intervals
from qmd_platform.funding.suspicions import Kind, Suspicion, at_cap, checked, errors, flags
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window
from tests.funding.making import BP, DAY, HOUR, START, apart, at_hours, every

WHOLE_TIME = Window(START - DAY, START + 900 * DAY)


def flagged(rows: Settlements, **options: Any) -> dict[Kind, Suspicion]:
    found = intervals(rows, stated=options.get("stated", ()))
    return {one.kind: one for one in flags(rows, found, **options)}


def varied(count: int, scale: float = 1.0, hours: float = 8) -> Settlements:
    rates = BP * np.array([1.0, 0.4, 1.0, 0.73, 1.9, -0.6] * count)[:count]
    return every(hours, count, scale * rates)


def test_clean_settlements_raise_no_suspicion():
    rows = varied(120)
    assert errors(rows) == []
    assert flagged(rows) == {}
    assert checked(rows).equals(rows)


@pytest.mark.parametrize(("factor", "unit"), [(1e-3, "seconds"), (1e3, "microseconds"), (1e6, "nanoseconds")])
def test_times_that_are_not_milliseconds_are_an_error_that_says_their_unit(factor: float, unit: str):
    rows = varied(5)
    wrong = Settlements.of((rows.settled_at * factor).astype(np.int64), rows.rate)
    with pytest.raises(ConfigError, match=f"2025-01-01T00:00:00Z in {unit}"):
        checked(wrong)
    assert [one.kind for one in errors(wrong)] == [Kind.NOT_MILLISECONDS]
    assert len(errors(wrong)[0].rows) == 5


def test_a_settlement_with_two_rates_is_an_error_that_says_both():
    rows = varied(4)
    other = Settlements.of(rows.settled_at[2:3] + 7, [0.0042])
    with pytest.raises(ConfigError, match=r"binance BTC: 2 rows .* 2025-01-01T16:00:00Z is 0.0001 and 0.0042"):
        checked(Settlements.concat([rows, other]), "binance BTC")
    assert sorted(errors(Settlements.concat([rows, other]))[0].rows.tolist()) == [2, 4]


def test_the_same_row_twice_counts_once_and_rows_are_sorted():
    rows = varied(6)
    shuffled = rows.take(np.array([3, 0, 5, 0, 1, 2, 4, 3]))
    assert checked(shuffled).equals(rows)


def test_a_rate_that_is_no_number_is_an_error():
    with pytest.raises(ConfigError, match="1 rates are no numbers, first in row 1"):
        checked(at_hours(0, 8, 16, rate=[BP, float("nan"), BP]))


@pytest.mark.parametrize("hours", [1.0, 4.0, 8.0])
def test_rates_in_percent_are_flagged_by_their_interest_prints(hours: float):
    rows = varied(24, hours / 8, hours)
    assert flagged(rows) == {}
    percent = flagged(Settlements.of(rows.settled_at, 100 * rows.rate))
    assert set(percent) == {Kind.LOOKS_LIKE_PERCENT}
    assert "0.01 per 8 hours" in percent[Kind.LOOKS_LIKE_PERCENT].sentence


def test_rates_in_percent_are_flagged_by_a_rate_that_no_venue_lets_be():
    assert "37.5 %" in flagged(every(8, 4, np.array([0.02, 0.375, 0.001, 0.003])))[Kind.LOOKS_LIKE_PERCENT].sentence


def test_rates_in_percent_are_flagged_by_their_size_over_a_month():
    rates = BP * np.array([0.31, 0.42, 0.53, -0.37] * 30)
    assert flagged(every(8, 120, rates)) == {}
    assert "half of 120" in flagged(every(8, 120, 100 * rates))[Kind.LOOKS_LIKE_PERCENT].sentence


def test_mistake_19_annual_rates_kept_as_settled_ones_are_flagged():
    rows = varied(120)
    annual = simple_apr(rows.rate, 8.0)
    assert "annual" in flagged(Settlements.of(rows.settled_at, 0.5 * annual))[Kind.LOOKS_LIKE_PERCENT].sentence


def test_mistake_19_nothing_that_is_derived_touches_the_settled_rates():
    rows, before = varied(120), varied(120)
    found = intervals(rows)
    simple_apr(rows.rate, found.hours)
    scores(rows, found.hours)
    CumulativeIndex.of(rows)
    flags(rows, found)
    assert checked(rows).equals(before)
    assert rows.equals(before)


def test_days_of_a_squeeze_are_not_taken_for_percent():
    rates = np.full(29 * 24, -0.0081)
    rates[::3] = -0.0113
    assert Kind.LOOKS_LIKE_PERCENT not in flagged(every(1, len(rates), rates))


def test_a_venue_whose_interval_field_disagrees_with_its_timestamps_is_flagged():
    rows = apart(*[4] * 10, stated=[8] * 11)
    found = flagged(rows)
    assert set(found) == {Kind.INTERVAL_DISAGREES}
    assert "says 8 hours, but settlements come every 4: 10 rows" in found[Kind.INTERVAL_DISAGREES].sentence


def test_a_field_that_says_less_than_the_timestamps_is_flagged_too():
    assert Kind.INTERVAL_DISAGREES in flagged(apart(*[8] * 10, stated=[4] * 11))


def test_todays_interval_taken_for_the_past_is_flagged():
    """Binance's fundingInfo says 1 hour today; asked about last year, when it was 4, it is wrong."""
    found = flagged(every(4, 20), stated=[Fact(WHOLE_TIME, 1)])
    assert len(found[Kind.INTERVAL_DISAGREES].rows) == 19
    assert set(intervals(every(4, 20), stated=[Fact(WHOLE_TIME, 1)]).hours[1:].tolist()) == {4.0}


def test_a_missing_settlement_is_a_gap_not_a_disagreement():
    found = flagged(apart(4, 4, 16, 4, 4, stated=[4] * 6))
    assert set(found) == {Kind.SUSPECT_GAP}
    assert "3 settlements seem to be missing in 1 places" in found[Kind.SUSPECT_GAP].sentence


def test_a_rate_at_the_cap_is_flagged():
    rows = at_hours(0, 8, 16, rate=[BP, -0.02, 0.003])
    assert at_cap(rows).tolist() == [False, True, True]
    assert at_cap(rows, 0.02).tolist() == [False, True, False]
    assert at_cap(at_hours(0, rate=[0.01052356])).tolist() == [False]
    assert flagged(rows, cap=0.02)[Kind.AT_CAP].rows.tolist() == [1]


@given(st.lists(st.integers(-(10**8), 10**8), min_size=1, max_size=30), st.integers(1, 29))
def test_shift_a_cap_is_told_by_the_row_alone(digits: list[int], cut: int):
    rows = every(8, len(digits), np.array(digits) / 1e8)
    assert at_cap(rows)[:cut].tolist() == at_cap(rows.take(slice(0, cut))).tolist()


def test_errors_are_errors_and_flags_are_not():
    assert [kind.name for kind in Kind if kind.is_error] == ["NOT_MILLISECONDS", "CONTRADICTION", "NOT_A_NUMBER"]


def test_nothing_is_wrong_with_no_settlements():
    assert errors(Settlements.empty()) == []
    assert flagged(Settlements.empty()) == {}
    assert len(checked(Settlements.empty())) == 0


def test_a_change_of_the_interval_is_no_disagreement_where_facts_hold_for_their_time():
    change = START + 40 * HOUR
    facts = [Fact(Window(START - DAY, change), 4), Fact(Window(change, change + DAY), 1)]
    assert flagged(apart(*[4] * 10, *[1] * 10), stated=facts) == {}
