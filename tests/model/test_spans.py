"""The arithmetic of windows and runs, against plain sets of minutes."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.model.spans import (
    Run,
    State,
    accounted,
    clipped,
    in_state,
    intersected,
    merged,
    overlaid,
    subtracted,
    united,
    windows_of,
)
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window
from tests.model.minutes import a_window, is_canonical, minutes_of, some_runs, some_windows, told_by, window


@given(some_windows)
def test_uniting_windows_keeps_every_instant_and_leaves_no_two_touching(windows: list[Window]):
    together = united(windows)
    assert minutes_of(together) == minutes_of(windows)
    assert is_canonical(together)


@given(some_windows, some_windows)
def test_subtracting_takes_away_exactly_what_the_others_hold(windows: list[Window], without: list[Window]):
    rest = subtracted(windows, without)
    assert minutes_of(rest) == minutes_of(windows) - minutes_of(without)
    assert is_canonical(rest)


@given(some_windows, some_windows)
def test_what_two_lists_share_is_what_their_sets_share(these: list[Window], those: list[Window]):
    both = intersected(these, those)
    assert minutes_of(both) == minutes_of(these) & minutes_of(those)
    assert both == intersected(those, these)


@given(some_windows, some_windows)
def test_what_is_missing_plus_what_is_there_is_everything(wanted: list[Window], there: list[Window]):
    missing, present = subtracted(wanted, there), intersected(wanted, there)
    assert not minutes_of(missing) & minutes_of(present)
    assert minutes_of(missing) | minutes_of(present) == minutes_of(wanted)


@given(st.sets(st.integers(0, 60)))
def test_open_times_fill_the_windows_they_are_in_and_no_others(minutes: set[int]):
    open_at = np.array(sorted(minutes), np.int64) * MINUTE
    filled = windows_of(open_at, MINUTE)
    assert minutes_of(filled) == set(open_at.tolist())
    assert is_canonical(filled)


@given(st.sets(st.integers(0, 30)), st.sampled_from([3, 5, 15]))
def test_open_times_of_a_longer_timeframe_fill_whole_steps(opens: set[int], minutes: int):
    step = minutes * MINUTE
    filled = windows_of(np.array(sorted(opens), np.int64) * step, step)
    assert minutes_of(filled) == {(n * minutes + m) * MINUTE for n in opens for m in range(minutes)}


@given(some_runs())
def test_merging_runs_changes_nothing_that_is_said(runs: list[Run]):
    together = merged(reversed(runs))
    assert told_by(together) == told_by(runs)
    for a, b in pairwise(together):
        assert a.window.end < b.window.start or (a.state, a.cause) != (b.state, b.cause)


@given(some_runs(), some_runs())
def test_the_runs_above_win_and_those_below_show_through(below: list[Run], above: list[Run]):
    together = overlaid(below, above)
    assert told_by(together) == told_by(below) | told_by(above)
    assert together == sorted(together)


@given(some_runs(), some_runs())
def test_laying_the_same_runs_over_twice_is_laying_them_once(below: list[Run], above: list[Run]):
    once = overlaid(below, above)
    assert overlaid(once, above) == once


@given(some_runs(), a_window)
def test_clipping_keeps_what_is_said_inside_the_window(runs: list[Run], inside: Window):
    told = told_by(runs)
    assert told_by(clipped(runs, inside)) == {at: said for at, said in told.items() if inside.contains(at)}


@given(some_runs(), st.sets(st.sampled_from(list(State))))
def test_the_windows_in_a_state_are_those_of_the_runs_that_say_so(runs: list[Run], states: set[State]):
    found = in_state(runs, *states)
    assert minutes_of(found) == {at for at, (state, _) in told_by(runs).items() if state in states}
    assert is_canonical(found)


@given(some_windows, some_windows, some_runs())
def test_everything_asked_or_present_is_accounted_for_and_nothing_else(
    asked: list[Window], present: list[Window], explained: list[Run]
):
    told = told_by(accounted(asked, present, explained, "nobody knows"))
    there, explanations = minutes_of(present), told_by(explained)
    assert set(told) == minutes_of(asked) | there
    for at, said in told.items():
        if at in there:
            assert said == (State.PRESENT, "")
        else:
            assert said == explanations.get(at, (State.MISSING, "nobody knows"))


def test_touching_windows_become_one():
    assert united([window(5, 5), window(0, 5)]) == [window(0, 10)]


def test_a_window_inside_another_adds_nothing():
    assert united([window(0, 10), window(2, 3)]) == [window(0, 10)]


def test_a_window_taken_from_itself_leaves_nothing():
    assert subtracted([window(3, 4)], [window(3, 4)]) == []
