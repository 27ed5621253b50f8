"""The map of coverage: every candle is counted in exactly one cell, and nothing grave is hidden by what is good."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.coverage.causes import AGREED, DELISTED, TOO_OLD, UNPROVEN
from qmd_platform.coverage.gaps import Gap, gaps
from qmd_platform.coverage.heatmap import Cell, Line, gravest, line, months_of, worst_first
from qmd_platform.coverage.summary import Summary
from qmd_platform.model.evidence import Attempt
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, month_of
from tests.coverage.days import DAY, DAYS, NOW, days, opens, some_known

SERIES = Series.candles(Market("binance", "AAA/USDT"), Timeframe.D1)
ALL = days(0, DAYS)


def mapped(runs: list[Run], attempts: list[Attempt] | None = None, listed: Window | None = ALL) -> Line:
    found = gaps([listed] if listed else [], runs, attempts or [], NOW, DAY)
    return line(SERIES, ALL, listed, runs, found)


@given(some_known(), st.integers(1, DAYS))
def test_every_candle_is_in_one_cell_and_in_one_state(known: tuple[list[Run], list[Attempt]], listed: int):
    runs, _ = known
    found = mapped(*known, listed=days(0, listed))
    said = {at: run.state for run in runs if run.cause != DELISTED for at in opens([run.window])}
    said |= dict.fromkeys(opens([days(listed, DAYS - listed)] if listed < DAYS else []), State.UNLISTED)
    model = {month: Counter[State | None]() for month in found.cells}
    for at in opens([ALL]):
        model[month_of(at)][said.get(at)] += 1
    for month, cell in found.cells.items():
        counts = {state: getattr(cell.summary, state.value) for state in State} | {None: cell.never_asked}
        assert counts == {state: model[month][state] for state in (*State, None)}
        assert cell.wanted + cell.summary.unlisted == model[month].total()
        assert 0 <= cell.share <= 1
        assert (cell.share == 1) == (cell.settled == cell.wanted)
    assert found.total.wanted + found.total.summary.unlisted == DAYS


def test_a_market_that_was_never_listed_wants_nothing():
    found = mapped([], listed=None)
    assert (found.total.wanted, found.total.share, found.total.summary.unlisted) == (0, 1.0, DAYS)


@pytest.mark.parametrize(
    ("counts", "never_asked", "worst"),
    [
        ({"present": 9, "missing": 1, "quarantined": 1}, 5, State.MISSING),
        ({"present": 9, "quarantined": 1}, 5, State.QUARANTINED),
        ({"present": 9}, 1, None),
        ({"present": 1, "verified_empty": 9, "unlisted": 9}, 0, State.PRESENT),
        ({"verified_empty": 1, "unlisted": 9}, 0, State.VERIFIED_EMPTY),
        ({"unlisted": 1}, 0, State.UNLISTED),
    ],
)
def test_a_cell_is_called_after_the_gravest_thing_in_it(counts: dict[str, int], never_asked: int, worst: State | None):
    assert Cell(Summary(**counts), never_asked).worst is worst


def test_a_line_says_where_its_first_hole_is_and_when_it_is_asked_about_next():
    runs = [Run(days(0, 10), State.VERIFIED_EMPTY, AGREED), Run(days(10, 80), State.PRESENT)]
    runs += [Run(days(90, 5), State.MISSING, UNPROVEN), Run(days(95, 5), State.MISSING, TOO_OLD)]
    found = mapped(runs, [Attempt(days(0, 10), 1, NOW), Attempt(days(90, 10), 1, NOW)])
    assert found.oldest_gap == days(90, 1).start
    assert found.next_ask == NOW + 60_000
    assert mapped([Run(ALL, State.PRESENT)]).oldest_gap is None
    assert mapped([Run(ALL, State.PRESENT)]).next_ask is None


def test_months_without_a_cell_between_others_are_in_the_map():
    lines = [line(SERIES, window, window, [], []) for window in (days(0, 3), days(95, 2))]
    assert months_of(lines) == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert months_of([]) == []


def test_the_lines_that_lack_most_come_first():
    whole, some, none = mapped([Run(ALL, State.PRESENT)]), mapped([Run(days(0, 99), State.PRESENT)]), mapped([])
    assert worst_first([whole, some, none]) == [none, some, whole]


def test_unexplained_gaps_are_graver_than_those_nobody_asked_for_and_long_ones_than_short_ones():
    def gap(at: int, length: int, state: State = State.MISSING, cause: str = UNPROVEN, asks: int = 1) -> Gap:
        return Gap(days(at, length), state, cause, asks, 0, 0)

    empty, old = gap(0, 9, State.VERIFIED_EMPTY, AGREED), gap(9, 9, cause=TOO_OLD)
    unasked, rejected = gap(18, 9, cause="", asks=0), gap(27, 1, State.QUARANTINED, "high is below low")
    short, long = gap(28, 1), gap(29, 5)
    found = gravest([Line(SERIES, {}, [empty, old, unasked, rejected, short, long])])
    assert [one for _, one in found] == [long, short, rejected, unasked, old, empty]
