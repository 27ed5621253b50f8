"""How unusual a rate is: against what came before it, per hour, and with a scale that is never noise."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.funding.anomalies import AnomalyRule, Scores, scores
from qmd_platform.funding.intervals import intervals
from qmd_platform.model.settlements import Settlements
from tests.funding.making import BP, START, apart, every

SMALL = AnomalyRule(min_events=7, min_days=0)


def scored(rates: list[float], rule: AnomalyRule | None = None, hours: float = 8.0) -> Scores:
    rows = every(hours, len(rates), np.array(rates))
    lasted = np.full(len(rates), hours)
    return scores(rows, lasted) if rule is None else scores(rows, lasted, rule)


def inside(values: np.ndarray) -> float:
    """The mistake: the largest z of values that are in their own sample."""
    return float(np.max(np.abs(values - values.mean()) / values.std(ddof=1)))


@pytest.mark.parametrize(("count", "bound"), [(8, 2.47), (10, 2.85)])
def test_mistake_37_with_the_point_inside_the_window_z_cannot_exceed_its_bound(count: int, bound: float):
    wild = np.r_[np.zeros(count - 1), 1e9]
    assert inside(wild) == pytest.approx((count - 1) / math.sqrt(count))
    assert math.floor(100 * inside(wild)) / 100 == pytest.approx(bound, abs=0.011)


@given(st.lists(st.floats(-1, 1), min_size=8, max_size=8).filter(lambda v: np.ptp(v) > 1e-6))
def test_mistake_37_so_2_5_of_8_points_could_never_fire(values: list[float]):
    assert inside(np.array(values)) < 2.475


def test_the_same_point_outside_its_window_fires():
    found = scored([BP, 1.1 * BP] * 4 + [10 * BP], SMALL)
    assert found.is_anomaly.tolist() == [False] * 8 + [True]
    assert found.z_robust[-1] > 80
    assert inside(np.array([BP, 1.1 * BP] * 3 + [BP, 10 * BP])) < 2.5


@pytest.mark.parametrize("constant", [1e-4, 0.125e-3, 2**-13])
def test_mistake_37_after_a_constant_history_noise_is_no_anomaly_and_a_jump_is_one(constant: float):
    noise = scored([constant] * 30 + [constant + 1e-8])
    assert noise.enough[-1]
    assert not noise.is_anomaly[-1]
    assert noise.z_robust[-1] == pytest.approx(0.001, rel=1e-6)
    jump = scored([constant] * 30 + [0.0075])
    assert jump.is_anomaly[-1]
    assert jump.z_robust[-1] == pytest.approx((0.0075 - constant) / 1e-5, rel=1e-9)


def test_mistake_37_the_deviation_of_a_constant_history_is_float_noise_that_would_flag_it():
    history = np.full(30, 0.0001)
    history[::2] = 0.0001 * (1 + 2e-16)
    noise = history.std(ddof=0)
    assert 0 < noise < 1e-19
    assert (0.00010001 - history.mean()) / noise > 1e9


def test_a_window_needs_20_settlements_and_7_days():
    daily = scored([BP] * 25, hours=8)
    assert np.flatnonzero(daily.enough)[0] == 21, "20 settlements of 8 hours are less than 7 days"
    hourly = scored([BP] * 200, hours=1)
    assert np.flatnonzero(hourly.enough)[0] == 7 * 24
    slow = scored([BP] * 25, hours=24)
    assert np.flatnonzero(slow.enough)[0] == 20
    assert np.isnan(daily.z_robust[:21]).all()


def test_a_change_of_the_interval_is_no_anomaly():
    rows = apart(*[8] * 40, *[1] * 40)
    hours = intervals(rows).hours
    rates = np.where(hours == 8, 8 * BP, BP)
    rates = rates * np.where(np.arange(len(rows)) % 2, 1.2, 0.8)
    rows = Settlements.of(rows.settled_at, rates)
    assert not scores(rows, hours).is_anomaly.any()
    assert scores(rows, np.full(len(rows), 8.0)).z_robust[41:44].min() < -2


def test_a_rate_whose_interval_is_not_known_is_not_scored_and_not_compared_with():
    rates = [BP] * 30 + [0.0075, BP]
    hours = np.full(32, 8.0)
    hours[30] = np.nan
    found = scores(every(8, 32, np.array(rates)), hours)
    assert np.isnan(found.z_robust[30])
    assert not found.enough[30]
    assert found.scale[31] == 1e-5 / 8
    assert found.events[29:].tolist() == [29, 0, 30]


def test_what_is_older_than_the_window_does_not_count():
    found = scored([0.01] * 10 + [BP] * 120 + [2 * BP])
    assert found.events[-1] == 90
    assert found.centre[-1] == pytest.approx(BP / 8)


def test_half_a_history_of_interest_prints_does_not_make_the_other_half_unusual():
    chance = np.random.default_rng(7)
    rates = np.where(chance.random(400) < 0.55, BP, BP * (1 + chance.normal(0, 0.5, 400)))
    found = scored(rates.tolist())
    assert found.is_anomaly[found.enough].mean() < 0.08


def test_both_scores_are_reported():
    history = [BP * (1 + 0.1 * (row % 5)) for row in range(40)]
    found = scored([*history, 3 * BP])
    window = np.array(history[-40:]) / 8
    assert found.z_classic[-1] == pytest.approx((3 * BP / 8 - window.mean()) / max(window.std(ddof=1), 1e-5 / 8))
    mad = 1.4826 * np.median(np.abs(window - np.median(window)))
    scale = max(mad, window.std(ddof=1), 1e-5 / 8)
    assert found.z_robust[-1] == pytest.approx((3 * BP / 8 - np.median(window)) / scale)


@given(st.lists(st.floats(-0.05, 0.05), min_size=2, max_size=25))
def test_the_centre_is_the_median_of_the_window(rates: list[float]):
    found = scored([*rates, 0.0], AnomalyRule(min_events=2, min_days=0))
    assert found.centre[-1] == pytest.approx(float(np.median(np.array(rates) / 8)), abs=1e-18)


@st.composite
def histories(draw: Any) -> Settlements:
    elapsed = draw(st.lists(st.sampled_from([1.0, 4.0, 8.0, 8.0]), min_size=20, max_size=60))
    rates = draw(st.lists(st.sampled_from([BP, BP, 2 * BP, -BP, 1e-5, 0.0075]), min_size=61, max_size=61))
    return Settlements.of(apart(*elapsed).settled_at, rates[: len(elapsed) + 1])


@given(histories(), st.integers(1, 60), st.floats(-1, 1))
def test_shift_the_future_never_changes_a_score(rows: Settlements, cut: int, other: float):
    hours = np.diff(rows.settled_at, prepend=START - 8 * 3_600_000) / 3_600_000
    changed = rows.rate.copy()
    changed[cut:] = other
    rule = AnomalyRule(min_events=5, min_days=1)
    before = scores(rows, hours, rule)
    for after in (
        scores(Settlements.of(rows.settled_at, changed), hours, rule),
        scores(rows.take(slice(0, cut)), hours[:cut], rule),
    ):
        for name in Scores.__slots__:
            assert getattr(before, name)[:cut].tobytes() == getattr(after, name)[:cut].tobytes(), name


def test_no_settlements_have_no_scores():
    assert len(scores(Settlements.empty(), np.empty(0)).z_robust) == 0


@given(histories(), st.integers(0, 61))
def test_scores_from_a_row_on_are_those_of_all_rows(rows: Settlements, first: int):
    hours = np.diff(rows.settled_at, prepend=START - 8 * 3_600_000) / 3_600_000
    rule = AnomalyRule(min_events=5, min_days=1)
    whole, part = scores(rows, hours, rule), scores(rows, hours, rule, first=first)
    assert not part.enough[:first].any()
    for name in Scores.__slots__:
        assert getattr(whole, name)[first:].tobytes() == getattr(part, name)[first:].tobytes(), name
