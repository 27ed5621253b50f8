"""The cumulative index: additive, equal to the sum of its rows, and it counts what lies in (entry, exit]."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.funding.cumulative import CumulativeIndex
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE
from tests.funding.making import HOUR, START, at_hours, every

HOURS = 200
instants = st.integers(-2 * 60, (HOURS + 2) * 60).map(lambda minute: START + minute * MINUTE)


@st.composite
def marked(draw: Any) -> Settlements:
    minutes = sorted(draw(st.sets(st.integers(0, HOURS * 60), max_size=40)))
    rates = draw(st.lists(st.floats(-0.05, 0.05), min_size=len(minutes), max_size=len(minutes)))
    marks = draw(st.lists(st.floats(1e-6, 1e6), min_size=len(minutes), max_size=len(minutes)))
    return Settlements.of([START + minute * MINUTE for minute in minutes], rates, marks)


def counted(rows: Settlements, entry: int, exit_: int) -> Settlements:
    return rows.take((entry < rows.settled_at) & (rows.settled_at <= exit_))


@given(marked(), st.lists(instants, min_size=3, max_size=8))
def test_the_index_is_additive_over_splits(rows: Settlements, cuts: list[int]):
    index, at = CumulativeIndex.of(rows), np.array(sorted(cuts))
    parts, whole = index.between(at[:-1], at[1:]), index.between(at[0], at[-1])
    assert math.fsum(parts) == pytest.approx(float(whole), abs=1e-16, rel=1e-14)
    cash = index.cash_between(at[:-1], at[1:])
    scale = float(np.abs(rows.rate * rows.mark).sum())
    assert abs(math.fsum(cash) - float(index.cash_between(at[0], at[-1]))) <= 1e-14 * scale + 1e-300


@given(marked(), instants, instants)
def test_rates_and_cash_equal_the_sums_of_the_rows_between(rows: Settlements, one: int, other: int):
    entry, exit_ = min(one, other), max(one, other)
    index, inside = CumulativeIndex.of(rows), counted(rows, entry, exit_)
    assert float(index.between(entry, exit_)) == pytest.approx(math.fsum(inside.rate), abs=1e-17, rel=1e-14)
    paid = rows.rate * rows.mark
    cash = math.fsum(inside.rate * inside.mark)
    assert abs(float(index.cash_between(entry, exit_)) - cash) <= 1e-15 * float(np.abs(paid).sum())
    assert int(index.count_between(entry, exit_)) == len(inside)


@given(marked(), instants, instants)
def test_going_back_is_the_opposite(rows: Settlements, one: int, other: int):
    index = CumulativeIndex.of(rows)
    assert index.between(one, other) == -index.between(other, one)


@given(marked(), instants)
def test_the_index_is_what_was_paid_since_before_the_first(rows: Settlements, when: int):
    index = CumulativeIndex.of(rows)
    assert index.at(when) == index.between(START - HOUR * 10, when)


@given(marked(), instants)
def test_shift_what_settles_later_changes_no_index_before_it(rows: Settlements, when: int):
    past = rows.take(rows.settled_at <= when)
    assert CumulativeIndex.of(past).at(when) == CumulativeIndex.of(rows).at(when)
    entry = min(START, when)
    assert CumulativeIndex.of(past).between(entry, when) == CumulativeIndex.of(rows).between(entry, when)


def test_a_short_window_of_a_long_history_is_as_exact_as_the_rows():
    rates = np.r_[np.full(100_000, 0.0375), 1e-8]
    rows = Settlements.of(START + HOUR * np.arange(len(rates)), rates)
    entry = int(rows.settled_at[-1]) - 1
    assert float(CumulativeIndex.of(rows).between(entry, entry + 1)) == pytest.approx(1e-8, rel=1e-9, abs=0)
    assert float(np.cumsum(rates)[-1] - np.cumsum(rates)[-2]) != pytest.approx(1e-8, rel=1e-6, abs=0)


def test_a_settlement_counts_after_the_entry_and_until_the_exit():
    rows = at_hours(8, 16, rate=[0.001, 0.01])
    index, at = CumulativeIndex.of(rows), rows.settled_at
    assert index.between(at[0], at[1]) == pytest.approx(0.01)
    assert index.between(at[0] - 1, at[1] - 1) == pytest.approx(0.001)
    assert index.between(at[0], at[1] - 1) == 0
    assert index.between(at[0] - 1, at[0] - 1) == 0


def test_a_position_closed_before_the_settlement_pays_nothing():
    rows = at_hours(8)
    assert CumulativeIndex.of(rows).between(START, START + 8 * HOUR - 1) == 0


def test_near_a_settlement_it_is_said_that_nobody_can_tell():
    index = CumulativeIndex.of(at_hours(8))
    at = START + 8 * HOUR
    near = index.ambiguous(START, at + np.array([-61_000, -60_000, 0, 60_000, 61_000]))
    assert near.tolist() == [False, True, True, True, False]
    assert index.ambiguous(at + 1000, at + HOUR)
    assert not index.ambiguous(at + 1000, at + HOUR, band_ms=500)


def test_cash_is_not_known_where_a_mark_is_not():
    at = at_hours(8, 16, 24).settled_at
    index = CumulativeIndex.of(Settlements.of(at, [0.001, 0.001, 0.001], [100.0, float("nan"), 200.0]))
    assert float(index.cash_between(START, at[0])) == pytest.approx(0.1)
    assert np.isnan(index.cash_between(START, at[1]))
    assert float(index.cash_between(at[1], at[2])) == pytest.approx(0.2)
    assert float(index.between(START, at[2])) == pytest.approx(0.003)


def test_venues_of_different_intervals_are_compared_over_the_same_time():
    """Joined by equal timestamps, three of four settlements of the 2-hourly venue would be lost."""
    slow, fast = every(8, 13, 0.0008), every(2, 49, 0.0002)
    entry, exit_ = START, START + 96 * HOUR
    income = CumulativeIndex.of(slow).between(entry, exit_) - CumulativeIndex.of(fast).between(entry, exit_)
    assert float(income) == pytest.approx(0, abs=1e-17)
    equal = np.isin(fast.settled_at, slow.settled_at)
    assert slow.rate[1:].sum() - fast.rate[equal][1:].sum() == pytest.approx(12 * 0.0006)


def test_no_settlements_pay_nothing():
    index = CumulativeIndex.of(Settlements.empty())
    assert index.between(START, START + HOUR) == 0
    assert not index.ambiguous(START, START + HOUR)
