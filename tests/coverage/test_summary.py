"""Coverage counted in candles."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.coverage.summary import Summary, never_asked, summarised
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import MINUTE
from tests.model.minutes import some_runs, told_by, window

counts = st.integers(0, 100)
summaries = st.builds(Summary, counts, counts, counts, counts, counts, counts)


@given(some_runs())
def test_every_candle_is_counted_once_in_its_state(runs: list[Run]):
    summary = summarised(runs, MINUTE)
    by_hand = Counter(state for state, _ in told_by(runs).values())
    assert {state: getattr(summary, state.value) for state in State} == {state: by_hand[state] for state in State}


@given(some_runs())
def test_expected_is_present_and_missing_and_empty_and_kept_apart(runs: list[Run]):
    summary = summarised(runs, MINUTE)
    assert summary.expected == summary.present + summary.missing + summary.verified_empty + summary.quarantined


@given(summaries, summaries)
def test_summaries_add_up_number_by_number(one: Summary, other: Summary):
    total = one + other
    assert all(getattr(total, name) == getattr(one, name) + getattr(other, name) for name in Summary.__slots__)


@given(some_runs())
def test_a_candle_was_never_asked_for_when_no_run_speaks_about_it(runs: list[Run]):
    assert never_asked(window(0, 1000), runs, MINUTE) == 1000 - len(told_by(runs))


def test_nothing_known_is_nothing_expected_and_complete():
    assert summarised([], MINUTE) == Summary()
    assert Summary().is_complete


@pytest.mark.parametrize(
    ("state", "is_complete"),
    [
        (State.PRESENT, True),
        (State.VERIFIED_EMPTY, True),
        (State.UNLISTED, True),
        (State.MISSING, False),
        (State.QUARANTINED, False),
    ],
)
def test_coverage_is_complete_unless_candles_are_missing_or_kept_apart(state: State, is_complete: bool):  # noqa: FBT001 - a table of cases
    assert summarised([Run(window(0, 3), state)], MINUTE).is_complete is is_complete
