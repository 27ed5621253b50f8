"""Rates to come: what accrues made whole, errors at fixed leads, and no look ahead."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qmd_platform.funding.predictions import (
    LEADS_HOURS,
    NEAR_LEAD,
    PredictionErrors,
    Predictions,
    at_leads,
    from_accrual,
    prediction_errors,
    summed_up,
)
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE
from tests.funding.making import HOUR, START

STEP = 8 * HOUR
EVENTS = 6
QUARTERS = np.arange(START, START + EVENTS * STEP, 15 * MINUTE)


def rate(event: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rate of the event at START + event * STEP."""
    return np.round(1e-4 * np.sin(event) + 5e-5, 8)


def paid(events: int = EVENTS + 1) -> Settlements:
    at = np.arange(events)
    return Settlements.of(START + at * STEP, rate(at))


def drifting(seen_at: NDArray[np.int64] = QUARTERS) -> Predictions:
    """Predictions that are off by a basis point an hour that is left."""
    event = (seen_at - START) // STEP + 1
    settles_at = START + event * STEP
    return Predictions(seen_at, settles_at, rate(event) + 1e-4 * (settles_at - seen_at) / HOUR)


def same(one: PredictionErrors, other: PredictionErrors) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in one.__slots__)


@pytest.mark.parametrize(
    ("seconds", "accrued", "whole"),
    [(259, 0.00000527, 0.000586), (694, 0.00001449, 0.000601), (1785, 0.00003959, 0.000639)],
)
def test_what_has_accrued_is_made_whole_by_the_share_of_time_gone(seconds: int, accrued: float, whole: float):
    seen = np.array([START + seconds * 1000])
    found = from_accrual(np.array([accrued]), seen, np.array([START + STEP]), np.array([8.0]))
    assert found[0] == pytest.approx(whole, abs=5e-7)


def test_of_what_has_hardly_accrued_or_is_over_or_of_which_the_interval_is_not_known_nothing_is_expected():
    seen = START + np.array([30_000, 30_000, STEP + 1000, HOUR, HOUR])
    hours = np.array([8.0, 1.0, 8.0, np.nan, 8.0])
    found = from_accrual(np.full(5, 1e-5), seen, np.full(5, START + STEP), hours)
    assert np.isnan(found[:4]).all()
    assert found[4] == pytest.approx(8e-5)


def test_a_prediction_is_judged_by_the_settlement_it_is_about_and_by_no_other():
    errors = prediction_errors(drifting(), paid())
    assert len(errors) == len(QUARTERS)
    assert np.abs(errors.error - 1e-4 * errors.hours_ahead).max() < 1e-15
    without = paid().take(np.arange(EVENTS + 1) != 3)
    assert set(prediction_errors(drifting(), without).settled_at.tolist()) == set(errors.settled_at.tolist()) - {
        START + 3 * STEP
    }
    assert len(prediction_errors(drifting(), Settlements.empty())) == 0


def test_each_lead_has_the_prediction_seen_nearest_to_it():
    found, leads = at_leads(prediction_errors(drifting(QUARTERS + 10 * MINUTE), paid()))
    last = found.settled_at == START + EVENTS * STEP
    assert leads[last].tolist() == [1 / 12, 1.0, 4.0, 8.0]
    assert (found.hours_ahead[last] * 60).round(6).tolist() == [5.0, 65.0, 245.0, 470.0]
    assert len(found) == 4 * EVENTS
    assert (np.diff(found.settled_at) >= 0).all()


def test_a_lead_that_nothing_was_seen_near_has_no_row():
    once = drifting(np.array([START + STEP - 4 * HOUR + NEAR_LEAD, START + 2 * STEP - 4 * HOUR + NEAR_LEAD + MINUTE]))
    found, leads = at_leads(prediction_errors(once, paid()))
    assert (found.settled_at.tolist(), leads.tolist()) == ([START + STEP], [4.0])
    assert len(at_leads(prediction_errors(once, Settlements.empty()))[0]) == 0


def test_of_two_as_near_the_earlier_one_counts():
    either = START + STEP - HOUR + np.array([5, -5]) * MINUTE
    found, _ = at_leads(prediction_errors(drifting(np.sort(either)), paid()))
    assert found.seen_at.tolist() == [either.min()]


def test_a_contract_that_settles_every_hour_has_only_leads_within_the_hour():
    seen = np.arange(START, START + 5 * HOUR, 15 * MINUTE) + 10 * MINUTE
    hourly = Settlements.of(START + np.arange(1, 6) * HOUR, np.zeros(5))
    predictions = Predictions(seen, -(-seen // HOUR) * HOUR, np.zeros(len(seen)))
    _, leads = at_leads(prediction_errors(predictions, hourly))
    assert set(leads.tolist()) == {1.0, 1 / 12}


@given(st.sets(st.integers(0, EVENTS * 480 - 1), min_size=1, max_size=60), st.integers(1, EVENTS))
def test_shift_what_is_seen_or_settled_later_changes_no_row_of_a_settlement_that_is_over(minutes: set[int], cut: int):
    seen = np.array(sorted(START + minute * MINUTE for minute in minutes))
    now = START + cut * STEP
    whole, leads = at_leads(prediction_errors(drifting(seen), paid()))
    over = whole.settled_at <= now
    early = paid().take(paid().settled_at <= now)
    past, past_leads = at_leads(prediction_errors(drifting(seen[seen <= now]), early))
    assert same(past, whole.take(over))
    assert past_leads.tolist() == leads[over].tolist()
    assert (whole.seen_at < whole.settled_at).all()


def test_errors_are_summed_up_at_each_lead_the_longest_first():
    told = summed_up(np.array([3e-4, -1e-4, 2e-5]), np.array([8.0, 8.0, 1.0]))
    assert [(one.lead_hours, one.count) for one in told] == [(8.0, 2), (1.0, 1)]
    assert told[0].mean_absolute == pytest.approx(2e-4)
    assert told[0].bias == pytest.approx(1e-4)
    assert told[0].worst == pytest.approx(3e-4)
    assert summed_up(np.empty(0), np.empty(0)) == []


def test_the_leads_are_those_that_contracts_of_eight_and_of_four_hours_have():
    assert LEADS_HOURS == (8.0, 4.0, 1.0, 1 / 12)
