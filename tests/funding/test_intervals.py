"""How long an interval was: a missing row is not a longer one, and what was read stays read."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.funding.annual import simple_apr
from qmd_platform.funding.intervals import NOT_YET, Fact, Intervals, changes, intervals
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window
from tests.funding.making import BP, DAY, HOUR, START, apart, at_hours, every

NAN = float("nan")


def read(*elapsed: float, stated: list[float] | None = None) -> Intervals:
    return intervals(apart(*elapsed, stated=stated))


def hours(found: Intervals) -> list[float]:
    return [-1.0 if np.isnan(one) else one for one in found.hours.tolist()]


def suspects(found: Intervals) -> list[int]:
    return np.flatnonzero(found.suspect).tolist()


@pytest.mark.parametrize("step", [1.0, 2.0, 4.0, 8.0])
def test_settlements_a_step_apart_have_that_interval(step: float):
    found = intervals(every(step, 30))
    assert set(found.hours.tolist()) == {step}
    assert not found.suspect.any()
    assert set(found.evidence.tolist()) == {"neighbours"}


def test_mistake_18_a_contract_of_every_4_hours_is_not_taken_for_one_of_8():
    found = intervals(every(4, 10))
    assert simple_apr(np.full(10, BP), found.hours) == pytest.approx(np.full(10, 0.219))


def test_a_missing_settlement_is_not_a_longer_interval():
    found = read(4, 4, 4, 16, 4, 4)
    assert hours(found) == [4] * 7
    assert suspects(found) == [4]
    assert found.missing.tolist() == [0, 0, 0, 0, 3, 0, 0]
    assert simple_apr(BP, float(found.hours[4])) == pytest.approx(0.219)


def test_two_settlements_that_are_missing_side_by_side_are_both_suspected():
    found = read(8, 8, 16, 24, 8, 8)
    assert suspects(found) == [3, 4]
    assert found.missing.tolist() == [0, 0, 0, 1, 2, 0, 0]


def test_a_new_interval_is_accepted_when_the_next_two_rows_have_it():
    found = read(8, 8, 4, 4, 4, 4)
    assert hours(found) == [8, 8, 8, 4, 4, 4, 4]
    assert not found.suspect.any()
    assert [tuple(one)[:3] for one in changes(apart(8, 8, 4, 4, 4, 4), found)] == [(START + 16 * HOUR, 8, 4)]


def test_a_longer_interval_is_accepted_when_the_next_two_rows_have_it_and_suspected_until_then():
    final, early = read(1, 1, 1, 4, 4, 4), read(1, 1, 1, 4, 4)
    assert (hours(final), suspects(final)) == ([1, 1, 1, 1, 4, 4, 4], [])
    assert (hours(early), suspects(early)) == ([1] * 6, [4, 5])
    assert early.known_at[4:].tolist() == [NOT_YET] * 2
    assert final.known_at[4:].tolist() == [START + 15 * HOUR] * 3


def test_a_shorter_interval_that_the_next_rows_do_not_have_is_not_known():
    found = read(8, 8, 1, 8, 8)
    assert hours(found) == [8, 8, 8, -1, 8, 8]
    assert found.evidence[3] == "unknown"
    assert suspects(found) == []


def test_a_late_settlement_and_an_early_one_after_it_are_no_change_and_nothing_is_missing():
    for late in ([10, 6], [8.4, 7.6], [13, 3], [11, 5]):
        found = read(8, 8, *late, 8, 8)
        assert hours(found) == [8] * 7
        assert suspects(found) == []


def test_an_extra_settlement_is_for_nobody_knows_how_long():
    found = read(8, 8, 3, 5, 8, 8)
    assert hours(found) == [8, 8, 8, -1, -1, 8, 8]
    assert suspects(found) == []


def test_a_gap_and_an_extra_settlement_after_it_do_not_make_up_for_each_other():
    found = read(8, 8, 16, 2, 8, 8)
    assert hours(found) == [8, 8, 8, 8, -1, 8, 8]
    assert suspects(found) == [3]


def test_rows_between_two_intervals_that_fit_neither_are_not_known():
    found = read(8, 8, 6, 1, 1, 1, 1)
    assert hours(found) == [8, 8, 8, -1, 1, 1, 1, 1]
    assert suspects(found) == [3]


def test_a_series_that_begins_with_a_gap_is_read_by_what_follows():
    found = read(16, 4, 4, 4)
    assert hours(found) == [-1, 4, 4, 4, 4]
    assert suspects(found) == [1]


def test_too_few_settlements_prove_nothing():
    assert hours(read()) == [-1]
    assert hours(read(8)) == [-1, -1]
    assert hours(read(8, 8)) == [8, 8, 8]
    assert len(intervals(Settlements.empty())) == 0


def test_what_the_venue_says_of_a_row_needs_no_neighbours():
    found = read(8, 4, stated=[8, 8, 4])
    assert hours(found) == [8, 8, 4]
    assert found.evidence.tolist() == ["stated"] * 3
    assert found.known_at.tolist() == apart(8, 4).settled_at.tolist()


def test_a_row_that_says_4_hours_and_comes_after_16_has_a_gap_before_it():
    found = read(4, 16, 4, stated=[4, 4, 4, 4])
    assert hours(found) == [4] * 4
    assert found.missing.tolist() == [0, 0, 3, 0]
    assert found.known_at[2] == START + 20 * HOUR


def test_rows_that_say_8_hours_and_come_every_4_are_read_as_4():
    found = read(*[4] * 6, stated=[8] * 7)
    assert hours(found)[1:] == [4] * 6
    assert set(found.evidence[1:].tolist()) == {"neighbours"}


def test_a_fact_of_the_venue_makes_a_new_interval_certain_at_once():
    rows = apart(8, 8, 4, 4)
    fact = Fact(Window(START + 16 * HOUR, START + 30 * DAY), 4)
    found = intervals(rows, stated=[fact])
    assert found.hours.tolist()[1:] == [8, 8, 4, 4]
    assert found.evidence.tolist()[3:] == ["venue", "venue"]
    assert found.known_at[3] == rows.settled_at[3]


def test_a_fact_holds_for_its_time_only():
    """Binance's fundingInfo tells the interval of today: 1 hour for LAYER, which had 4 before."""
    rows = every(4, 12)
    found = intervals(rows, stated=[Fact(Window(START + 44 * HOUR, START + 30 * DAY), 1)])
    assert set(found.hours.tolist()) == {4.0}


def test_a_fact_tells_a_gap_from_a_longer_interval_before_the_next_rows_do():
    fact = Fact(Window(START - DAY, START + 30 * DAY), 8)
    found = intervals(apart(8, 16), stated=[fact])
    assert found.hours.tolist() == [8, 8, 8]
    assert suspects(found) == [2]


@pytest.mark.parametrize("rows", [at_hours(0, 0), at_hours(8, 0)])
def test_rows_that_are_not_sorted_or_twice_there_are_refused(rows: Settlements):
    with pytest.raises(ValueError, match="sorted"):
        intervals(rows)


def test_milliseconds_of_jitter_are_no_interval():
    rows = every(1, 20)
    jittered = Settlements.of(rows.settled_at + np.arange(20) * 7 % 31, rows.rate)
    assert set(intervals(jittered).hours.tolist()) == {1.0}


elapsed_hours = st.lists(st.sampled_from([0.5, 1, 1, 1, 2, 4, 4, 4, 4, 7, 8, 8, 8, 8, 9, 12, 16, 24]), max_size=30)
runs = st.lists(
    st.tuples(st.sampled_from([1.0, 4.0, 8.0]), st.integers(1, 6)).map(lambda run: [run[0]] * run[1]), max_size=8
).map(lambda parts: [one for part in parts for one in part])


@st.composite
def histories(draw: Any) -> tuple[Settlements, list[Fact]]:
    elapsed = draw(st.one_of(elapsed_hours, runs))
    said = draw(st.one_of(st.none(), st.lists(st.sampled_from([1.0, 4.0, 8.0, NAN, NAN]), min_size=31, max_size=31)))
    rows = apart(*elapsed)
    if said is not None:
        rows = apart(*elapsed, stated=np.resize(said, len(rows)).tolist())
    facts = draw(
        st.lists(
            st.builds(
                lambda first, length, hours: Fact(Window(START + first * HOUR, START + (first + length) * HOUR), hours),
                st.integers(-10, 100),
                st.integers(1, 100),
                st.sampled_from([1.0, 4.0, 8.0]),
            ),
            max_size=3,
        )
    )
    return rows, facts


@given(histories(), st.integers(1, 31))
def test_shift_what_is_known_of_a_row_does_not_change_with_what_comes_after_it(
    history: tuple[Settlements, list[Fact]], cut: int
):
    rows, facts = history
    past = rows.take(slice(0, cut))
    whole, seen = intervals(rows, stated=facts), intervals(past, stated=facts)
    until = int(past.settled_at[-1])
    known = seen.known_at <= until
    assert (known == (whole.known_at[: len(past)] <= until)).all()
    for name in ("hours", "evidence", "suspect", "elapsed", "known_at"):
        then, now = getattr(seen, name)[known], getattr(whole, name)[: len(past)][known]
        assert then.tobytes() == now.tobytes(), name


def test_shift_a_row_at_a_new_pace_waits_for_the_third_even_where_the_venue_settles_the_second():
    stated = [1.0, 1, 1, 1, 1, 8, 1, 1]
    rows = apart(1, 1, 1, 1, 4, 4, 4, stated=stated)
    early, final = intervals(rows.take(slice(0, 7))), intervals(rows)
    assert early.known_at[5:].tolist() == [NOT_YET] * 2
    assert final.known_at[5:].tolist() == [rows.settled_at[7]] * 3


@given(histories())
def test_every_row_has_an_answer_and_its_reason(history: tuple[Settlements, list[Fact]]):
    rows, facts = history
    found = intervals(rows, stated=facts)
    assert len(found) == len(rows)
    assert ((found.evidence == "unknown") == np.isnan(found.hours)).all()
    assert (found.known_at >= rows.settled_at).all()
    assert (np.diff(found.known_at) >= 0).all(), "what is computed from a row and those before it stands from then on"
    assert (found.hours[np.isfinite(found.hours)] > 0).all()
    assert (found.missing[~found.suspect] == 0).all()
    assert np.isfinite(rows.stated_hours[found.evidence == "stated"]).all()


@given(st.sampled_from([1.0, 2.0, 4.0, 8.0]), st.integers(6, 60), st.data())
def test_whatever_single_rows_are_lost_is_counted_and_changes_no_interval(step: float, count: int, data: Any):
    lost = data.draw(st.lists(st.integers(4, count - 2), max_size=3, unique=True))
    apart_enough = [one for one in lost if all(abs(one - other) > 3 for other in lost if other != one)]
    kept = [one for one in range(count) if one not in apart_enough]
    found = intervals(every(step, count).take(np.array(kept)))
    assert set(found.hours.tolist()) == {step}
    assert int(found.missing.sum()) == len(apart_enough)
    assert changes(every(step, count).take(np.array(kept)), found) == []
