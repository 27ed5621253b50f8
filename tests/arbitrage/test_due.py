"""What is due next, and what was due and is not there: known at once, not when a gap is proven hours later."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.arbitrage.carry import DELAY_MS, known_from
from qmd_platform.arbitrage.due import Due, due
from qmd_platform.funding.intervals import intervals
from qmd_platform.model.settlements import Settlements
from tests.arbitrage.worlds import HOUR, START

EIGHT = 8 * HOUR


def looked(at_hours: Sequence[float], ask: Sequence[float], late_ms: Sequence[int] = ()) -> Due:
    """Of settlements at these hours (some so much later), at the asked hours and the time that publishing takes."""
    settled = START + (np.asarray(at_hours) * HOUR).astype(np.int64)
    settled[: len(late_ms)] += np.asarray(late_ms, np.int64)
    return asked(
        Settlements.of(settled, np.full(len(settled), 1e-4)), START + (np.asarray(ask) * HOUR).astype(np.int64)
    )


def asked(paid: Settlements, instants: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Due:
    found = intervals(paid)
    at = instants + DELAY_MS
    standing = np.searchsorted(known_from(found, DELAY_MS), at, side="right") - 1
    return due(paid, found, standing, at, DELAY_MS)


def hours(found: Due) -> list[float]:
    return [(at - START) / HOUR for at in found.next_at.tolist()]


def test_the_next_is_one_interval_after_the_last():
    found = looked([8, 16, 24, 32], [24, 28, 31.9, 32, 39.9])
    assert hours(found) == [32, 32, 32, 40, 40]
    assert not found.is_overdue.any()


def test_one_that_is_not_there_is_overdue_until_the_gap_is_proven():
    found = looked([8, 16, 24, 40, 48], [24, 31.9, 32, 36, 40, 47, 48])
    assert hours(found) == [32, 32, 32, 32, 48, 48, 56]
    # From 48 on the row after the gap has its interval, and is itself marked.
    assert found.is_overdue.tolist() == [False, False, True, True, True, True, False]


def test_a_shorter_interval_than_the_one_that_stands_makes_nothing_overdue():
    found = looked([8, 16, 24, 28, 32, 36], [24, 28, 32, 36])
    assert hours(found) == [32, 32, 40, 40]
    assert not found.is_overdue.any()


def test_a_longer_one_is_suspected_until_three_rows_prove_it():
    found = looked([4, 8, 12, 16, 24, 32, 40, 48], [16, 20, 24, 32, 40, 48])
    assert hours(found) == [20, 20, 28, 36, 48, 56]
    assert found.is_overdue.tolist() == [False, True, True, True, False, False]


def test_one_that_settles_a_little_late_is_not_missed_while_another_venue_is_already_out():
    late = looked([8, 16, 24, 32], [24, 32], late_ms=[0, 0, 0, 3])
    assert not late.is_overdue.any(), "3 ms after the minute it was not out, but it had happened"
    later = looked([8, 16, 24, 32], [32], late_ms=[0, 0, 0, DELAY_MS + 1])
    assert later.is_overdue.all()


def test_before_an_interval_stands_nothing_is_due():
    found = looked([8, 16, 24], [8, 16])
    assert (found.next_at.tolist(), found.is_overdue.tolist()) == ([0, 0], [False, False])
    none = asked(Settlements.empty(), np.array([START]))
    assert (none.next_at.tolist(), none.is_overdue.tolist()) == ([0], [False])


def test_what_is_over_for_good_stays_overdue():
    found = looked([8, 16, 24], [32, 320])
    assert hours(found) == [32, 32]
    assert found.is_overdue.all()


@given(st.lists(st.sampled_from([1, 4, 8, 12, 16, 24]), min_size=4, max_size=30), st.data())
def test_what_settles_later_changes_nothing_and_a_past_time_is_always_a_flag(steps: list[int], data: st.DataObject):
    settled = START + HOUR * np.cumsum(steps)
    whole = Settlements.of(settled, np.full(len(settled), 1e-4))
    cut = data.draw(st.integers(3, len(steps)))
    at = np.arange(START, int(settled[cut - 1]) + 1, HOUR // 2)
    early, late = asked(whole.take(slice(0, cut)), at), asked(whole, at)
    assert np.array_equal(early.next_at, late.next_at)
    assert np.array_equal(early.is_overdue, late.is_overdue)
    is_past = (late.next_at > 0) & (late.next_at <= at)
    assert late.is_overdue[is_past].all()


@pytest.mark.parametrize("count", [3, 400])
def test_many_rows_that_nothing_proves_are_read_in_one_go(count: int):
    steps = [8, 8, 8, *([5, 7, 6] * count)]
    found = looked(np.cumsum(steps), np.cumsum(steps))
    assert len(found.next_at) == len(steps)
