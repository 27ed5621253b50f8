"""Gaps: candle by candle, everything wanted and not settled is in one of them, with what is known of it."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.coverage.causes import AGREED, DELISTED, OMITTED, TOO_OLD, UNPROVEN
from qmd_platform.coverage.gaps import Gap, derivable, gaps, settled
from qmd_platform.model.evidence import Attempt
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Window
from tests.coverage.days import DAY, DAYS, NOW, days, opens, some_known, stretches, told

HOUR = 3_600_000


@given(some_known(), stretches)
def test_a_candle_is_in_a_gap_if_and_only_if_it_is_wanted_and_not_settled(
    known: tuple[list[Run], list[Attempt]], wanted: list[Window]
):
    found = gaps(wanted, *known, NOW, DAY)
    said = {at: gap.due_at for gap in found for at in opens([gap.window])}
    model = told(*known, opens(wanted))
    assert len(said) == len(opens(gap.window for gap in found)), "a candle is in two gaps"
    assert said.keys() == model.keys()
    unasked = {at for gap in found if not gap.asks for at in opens([gap.window])}
    assert all(said[at] == (NOW if at in unasked and due is not None else due) for at, due in model.items())
    assert all(before.window.end <= after.window.start for before, after in pairwise(found))


@given(some_known())
def test_gaps_say_how_often_and_when_each_candle_was_asked_for(known: tuple[list[Run], list[Attempt]]):
    runs, attempts = known
    asked = {at: (one.asks, one.last_at) for one in attempts for at in opens([one.window])}
    for gap in gaps([days(0, DAYS)], runs, attempts, NOW, DAY):
        assert {asked.get(at, (0, 0)) for at in opens([gap.window])} == {(gap.asks, gap.last_at)}


@given(some_known(), st.integers(0, 10_000))
def test_what_is_unexplained_stays_a_gap_however_often_it_is_asked_for(
    known: tuple[list[Run], list[Attempt]], asks: int
):
    runs, _ = known
    attempts = [Attempt(days(0, DAYS), asks + 1, NOW)]
    found = set(opens(gap.window for gap in gaps([days(0, DAYS)], runs, attempts, NOW, DAY)))
    said = {at: (run.state, run.cause) for run in runs for at in opens([run.window])}
    unexplained = {
        at
        for at in opens([days(0, DAYS)])
        if said.get(at, (State.MISSING, ""))[0] in {State.MISSING, State.QUARANTINED}
    }
    assert unexplained <= found


def test_neighbours_of_which_the_same_is_known_are_one_gap():
    runs = [Run(days(0, 3), State.MISSING, UNPROVEN), Run(days(3, 3), State.MISSING, UNPROVEN)]
    attempts = [Attempt(days(0, 2), 2, NOW - HOUR), Attempt(days(2, 4), 2, NOW - HOUR)]
    assert gaps([days(0, 6)], runs, attempts, NOW, DAY) == [
        Gap(days(0, 6), State.MISSING, UNPROVEN, 2, NOW - HOUR, NOW - HOUR + 4 * 60_000)
    ]


def test_each_cause_gives_a_gap_its_due_time():
    runs = [
        Run(days(0, 1), State.MISSING, UNPROVEN),
        Run(days(1, 1), State.MISSING, TOO_OLD),
        Run(days(2, 1), State.VERIFIED_EMPTY, AGREED),
        Run(days(3, 1), State.VERIFIED_EMPTY, OMITTED),
        Run(days(4, 1), State.PRESENT),
    ]
    found = gaps([days(0, 6)], runs, [Attempt(days(0, 4), 2, NOW)], NOW, DAY)
    assert [(gap.window, gap.due_at) for gap in found] == [
        (days(0, 1), NOW + 4 * 60_000),
        (days(1, 1), None),
        (days(2, 1), NOW + 4 * HOUR),
        (days(5, 1), NOW),
    ]
    assert [gap.is_due(NOW) for gap in found] == [False, False, False, True]


def test_a_market_that_was_relisted_is_asked_for_the_time_it_was_thought_delisted():
    runs = [Run(days(0, 5), State.PRESENT), Run(days(5, 5), State.UNLISTED, DELISTED)]
    assert [gap.window for gap in gaps([days(0, 10)], runs, [], NOW, DAY)] == [days(5, 5)]
    assert gaps([days(0, 5)], runs, [], NOW, DAY) == []


def test_only_candles_on_the_grid_are_wanted():
    found = gaps([Window(days(0, 1).start - 1, days(2, 1).start + 1)], [], [], NOW, DAY)
    assert [gap.window for gap in found] == [days(0, 3)]


@given(some_known(), some_known())
def test_a_longer_candle_can_be_made_if_and_only_if_all_shorter_ones_are_settled(
    longer: tuple[list[Run], list[Attempt]], shorter: tuple[list[Run], list[Attempt]]
):
    step = 4 * DAY  # days(0, ...) starts at day 20,454, which is not on this grid
    held = [replace(run, window=part) for run in longer[0] if (part := run.window.snapped(step)) is not None]
    found = gaps([days(0, DAYS)], held, (), NOW, step)
    made = derivable(found, settled(shorter[0]), step)
    unsettled = {State.MISSING, State.QUARANTINED}
    there = {at for run in shorter[0] if run.state not in unsettled for at in opens([run.window])}
    wanted = {at for gap in found for at in range(gap.window.start, gap.window.end, step)}
    assert {at for gap in made for at in range(gap.window.start, gap.window.end, step)} == {
        at for at in wanted if all(at + day * DAY in there for day in range(4))
    }
