"""How a month is cut: every row gets a place, no two files speak for the same time."""

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.lake.slots import Piece, length_of, pieces, slots_of
from qmd_platform.ledger.records import Segment
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window

DAY = 86_400_000
MARKET = Market.parse("binance:BTC/USDT")
MINUTES = Partition(Series.candles(MARKET, Timeframe.M1), "2026-01")
START = MINUTES.window.start

timeframes = st.sampled_from([Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.D1])


def day(first: int, last: int) -> Window:
    return Window(START + first * DAY, START + last * DAY)


def segment(window: Window | None) -> Segment:
    return Segment(MINUTES, f"{window}", 1, 1, "", 1, window=window)


def cut(live: list[Segment], *days: float) -> list[Piece]:
    return pieces(MINUTES, live, np.array([START + int(one * DAY) for one in days], np.int64))


def test_a_slot_is_the_time_of_1440_candles_and_at_most_the_month():
    by_name = {t: length_of(replace(MINUTES, series=Series.candles(MARKET, t))) // DAY for t in Timeframe}
    assert [by_name[t] for t in (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.D1)] == [
        1, 5, 15, 31, 31,
    ]  # fmt: skip


def test_the_first_fill_of_an_open_month_keeps_its_last_day_apart():
    assert cut([], 0, 5, 9.5) == [Piece(day(0, 9)), Piece(day(9, 10))]


def test_a_whole_month_and_a_single_day_are_one_file():
    assert cut([], 0, 30.9) == [Piece(day(0, 31))]
    assert cut([], 4.1, 4.9) == [Piece(day(4, 5))]


def test_a_tail_lays_only_its_day_out_anew():
    live = [segment(day(0, 9)), segment(day(9, 10))]
    assert cut(live, 9.7) == [Piece(day(9, 10), (live[1],))]
    assert cut(live, 9.9, 10.1) == [Piece(day(9, 10), (live[1],)), Piece(day(10, 11))]


def test_a_late_row_goes_into_the_file_that_speaks_for_its_time():
    live = [segment(day(0, 9)), segment(day(12, 13))]
    assert cut(live, 3, 10.5) == [Piece(day(0, 9), (live[0],)), Piece(day(10, 11))]


def test_a_file_of_the_old_layout_speaks_for_the_whole_month():
    live = [segment(None)]
    assert cut(live, 30) == [Piece(MINUTES.window, (live[0],))]


@given(
    timeframe=timeframes, rounds=st.lists(st.sets(st.integers(0, 31 * 1440 - 1), min_size=1), min_size=1, max_size=6)
)
def test_however_rows_come_every_row_has_one_place_and_no_two_files_overlap(
    timeframe: Timeframe, rounds: list[set[int]]
):
    partition = Partition(Series.candles(MARKET, timeframe), "2026-01")
    live: dict[Window, Segment] = {}
    for minutes in rounds:
        steps = sorted({minute * 60_000 // timeframe.step for minute in minutes})
        open_at = START + np.array(steps, np.int64) * timeframe.step
        found = pieces(partition, list(live.values()), open_at)
        for at in open_at:
            assert sum(piece.window.contains(int(at)) for piece in found) == 1
        for piece in found:
            assert [one.window for one in piece.replaces] in ([], [piece.window])
            live[piece.window] = replace(segment(piece.window), partition=partition)
        windows = sorted(live)
        assert all(one.end <= other.start for one, other in itertools.pairwise(windows))
        assert all(window.intersection(partition.window) == window for window in windows)
        ends = np.array([window.start for window in windows] + [window.end - 1 for window in windows], np.int64)
        assert {int(slot) for slot in slots_of(partition, ends)} <= set(range(31))
