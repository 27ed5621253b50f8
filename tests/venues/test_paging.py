"""Cutting windows into pages and judging answers, with no venue in sight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.spans import united
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window
from qmd_platform.venues.paging import Judgement, judged, pages, served_from, too_old_before
from tests.model.minutes import minutes_of, some_windows, window

steps = st.sampled_from([MINUTE, 5 * MINUTE])
asked = st.builds(window, st.integers(0, 20), st.integers(1, 30))


def answer(opens: list[float], values: list[int] | None = None) -> Candles:
    """What a venue might send: rows at these minutes (fractions are misaligned), sorted, in given values."""
    values = values or [1] * len(opens)
    rows = sorted(zip(opens, values, strict=True))
    open_at = np.array([round(minute * MINUTE) for minute, _ in rows], np.int64)
    column = np.array([value for _, value in rows], np.float64)
    return Candles(open_at, column, column, column, column, column)


minutes_sent = st.integers(-5, 60).map(float) | st.integers(-5, 60).map(lambda minute: minute + 0.5)
answers = st.lists(st.tuples(minutes_sent, st.integers(1, 2)), max_size=20).map(
    lambda rows: answer([minute for minute, _ in rows], [value for _, value in rows])
)


def count(judgement: Judgement) -> int:
    rejected = len(judgement.rejected)
    return len(judgement.candles) + judgement.duplicates + judgement.outside + judgement.forming + rejected


@given(some_windows, steps, st.integers(1, 9))
def test_pages_tile_the_windows_exactly(windows: list[Window], step: int, limit: int):
    on_grid = [snapped for both in united(windows) if (snapped := both.snapped(step))]
    cut = pages(on_grid, step, limit)
    assert minutes_of(cut) == minutes_of(on_grid)
    assert sum(page.steps(step) for page in cut) == sum(part.steps(step) for part in on_grid)
    assert all(0 < page.steps(step) <= limit and page.snapped(step) == page for page in cut)
    assert cut == sorted(cut)


@given(some_windows, steps, st.integers(1, 9))
def test_no_more_pages_are_asked_than_needed(windows: list[Window], step: int, limit: int):
    on_grid = [snapped for both in united(windows) if (snapped := both.snapped(step))]
    assert len(pages(on_grid, step, limit)) == sum(-(-part.steps(step) // limit) for part in on_grid)


def test_no_window_needs_no_page():
    assert pages([], MINUTE, 1000) == []


@given(answers, asked, st.integers(0, 60))
def test_every_row_that_came_in_is_in_exactly_one_place(rows: Candles, window: Window, closed: int):
    judgement = judged(rows, window, MINUTE, closed * MINUTE)
    assert count(judgement) == len(rows)
    positions = [position for position, _ in judgement.rejected]
    assert len(set(positions)) == len(positions)


@given(answers, asked, st.integers(0, 60))
def test_rows_that_are_kept_are_asked_for_closed_aligned_and_single(rows: Candles, window: Window, closed: int):
    kept = judged(rows, window, MINUTE, closed * MINUTE).candles.open_at
    assert (np.diff(kept) > 0).all()
    assert (kept % MINUTE == 0).all()
    assert all(window.contains(at) and at < closed * MINUTE for at in kept.tolist())


@given(answers, asked, st.integers(0, 60))
def test_holes_are_the_asked_and_closed_minutes_without_a_row(rows: Candles, window: Window, closed: int):
    judgement = judged(rows, window, MINUTE, closed * MINUTE)
    wanted = {at for at in minutes_of([window]) if at < closed * MINUTE}
    assert minutes_of(judgement.holes) == wanted - set(judgement.candles.open_at.tolist())


@given(answers, asked, st.integers(0, 60))
def test_a_minute_told_in_two_ways_is_not_believed_in_either(rows: Candles, window: Window, closed: int):
    kept = judged(rows, window, MINUTE, closed * MINUTE).candles.open_at.tolist()
    told: dict[int, set[float]] = {}
    for at, value in zip(rows.open_at.tolist(), rows.close.tolist(), strict=True):
        told.setdefault(at, set()).add(value)
    assert not [at for at in kept if len(told[at]) > 1]
    believable = [at for at, values in told.items() if len(values) == 1]
    closed_and_asked = [at for at in believable if window.contains(at) and at < closed * MINUTE and at % MINUTE == 0]
    assert kept == closed_and_asked


@given(st.sets(st.integers(0, 30), min_size=1), st.data())
def test_judging_the_same_rows_sent_again_counts_them_as_duplicates(minutes: set[int], data: st.DataObject):
    once = sorted(minutes)
    repeated = once + data.draw(st.lists(st.sampled_from(once), max_size=20))
    judgement = judged(answer(repeated), window(0, 31), MINUTE, 100 * MINUTE)
    assert judgement.candles.equals(answer(once))
    assert judgement.duplicates == len(repeated) - len(once)


def test_a_whole_answer_is_whole():
    judgement = judged(answer([0, 1, 2]), window(0, 3), MINUTE, 100 * MINUTE)
    assert (judgement.holes, judgement.rejected) == ((), ())
    assert judgement.candles.equals(answer([0, 1, 2]))


def test_an_empty_answer_leaves_everything_a_hole():
    judgement = judged(Candles.empty(), window(0, 3), MINUTE, 100 * MINUTE)
    assert judgement.holes == (window(0, 3),)


def test_a_short_answer_leaves_a_hole_at_the_edge():
    judgement = judged(answer([0, 1, 3]), window(0, 6), MINUTE, 100 * MINUTE)
    assert judgement.holes == (window(2, 1), window(4, 2))


def test_the_forming_candle_is_counted_and_not_taken():
    judgement = judged(answer([0, 1, 2]), window(0, 5), MINUTE, 2 * MINUTE)
    assert judgement.forming == 1
    assert judgement.candles.open_at.tolist() == [0, MINUTE]
    assert judgement.holes == ()


def test_nothing_is_closed_yet_so_nothing_is_missing():
    judgement = judged(answer([5]), window(5, 5), MINUTE, 5 * MINUTE)
    assert (len(judgement.candles), judgement.forming, judgement.holes) == (0, 1, ())


@pytest.mark.parametrize("column", COLUMNS[1:])
def test_repeats_that_differ_in_any_column_contradict(column: str):
    rows = answer([3, 3])
    changed = Candles(*(getattr(rows, name).copy() for name in COLUMNS))
    getattr(changed, column)[1] += 1
    judgement = judged(changed, window(0, 10), MINUTE, 100 * MINUTE)
    assert [position for position, _ in judgement.rejected] == [0, 1]
    assert len(judgement.candles) == 0


def test_a_row_off_the_grid_is_rejected_with_the_reason():
    judgement = judged(answer([0, 1.5, 2]), window(0, 3), MINUTE, 100 * MINUTE)
    assert judgement.rejected == ((1, "misaligned"),)
    assert judgement.holes == (window(1, 1),)


@given(st.lists(st.integers(0, 900), min_size=1, max_size=30), st.integers(1, 40))
def test_a_venue_that_serves_its_newest_candles_serves_them_and_every_row_it_sent(minutes: list[int], newest: int):
    rows = answer(sorted(map(float, minutes)))
    last = max(minutes)
    assert served_from(rows, MINUTE, newest) == min(*minutes, last - newest + 1) * MINUTE
    assert served_from(rows, MINUTE, None) is None
    assert served_from(Candles.empty(), MINUTE, newest) is None


@given(st.integers(800, 5_000), st.integers(0, 500), st.integers(1, 700))
def test_nothing_is_called_too_old_that_such_a_venue_ever_sends(now: int, later: int, newest: int):
    """Whatever part of a minute has gone by, and although it may send one candle more than it promises."""
    told = too_old_before(now * MINUTE + 30_000, MINUTE, newest)
    sent = answer([float(minute) for minute in range(now + later - newest, now + later + 1)])
    assert sent.open_at[0] >= told
    assert too_old_before(now * MINUTE, MINUTE, None) == 0
