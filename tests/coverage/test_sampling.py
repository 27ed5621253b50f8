"""What of the past is read again: bounded, the same whenever it is asked, and all of it in the end."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.coverage.sampling import DAY_MS, MONDAY_MS, WEEK_MS, Held, nightly, weekly
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant, month_of, month_window, months
from tests.coverage.days import DAY, days, opens, stretches

SERIES = [Series.candles(Market("binance", f"{base}/USDT"), Timeframe.D1) for base in ("AAA", "BBB", "CCC")]
PAGE = 7
TONIGHT = instant("2026-11-21T03:30:00Z")

nights = st.integers(0, 40_000).map(lambda day: day * DAY_MS + 12_345)


def held(windows: list[list[Window]]) -> list[Held]:
    return [Held(series, one, PAGE) for series, one in zip(SERIES, windows, strict=True)]


history = st.lists(stretches, min_size=3, max_size=3).map(held)


@given(history, nights, st.integers(1, 20))
def test_a_night_reads_no_more_pages_than_allowed_and_only_around_what_is_held(
    past: list[Held], at: int, requests: int
):
    found = nightly(past, at, requests)
    pages = [(series, window) for series, windows in found.items() for window in windows]
    assert len(pages) <= requests
    for series, window in pages:
        present = set(opens(past[SERIES.index(series)].windows))
        assert window.steps(DAY) <= PAGE
        assert month_of(window.start) == month_of(window.end - 1)
        assert {window.start, window.end - DAY} <= present


@given(history, nights, st.integers(1, 20))
def test_a_night_is_the_same_however_often_and_at_whatever_hour_it_is_planned(past: list[Held], at: int, requests: int):
    assert nightly(past, at, requests) == nightly(list(reversed(past)), at + DAY_MS // 2, requests)


@given(history, nights, st.integers(1, 20))
def test_every_held_candle_is_read_again_once_in_as_many_nights_as_it_takes(past: list[Held], at: int, requests: int):
    pages = sum(len(opens(month for _, month in months(w))) for one in past for w in one.windows)
    present = {(one.series, day) for one in past for day in opens(one.windows)}
    seen: set[tuple[Series, int]] = set()
    for night in range(pages // requests + 2):
        for series, windows in nightly(past, at + night * DAY_MS, requests).items():
            seen |= {(series, day) for day in opens(windows)}
    assert present <= seen


def test_two_nights_that_follow_read_different_pages():
    past = held([[days(0, 90)]] * 3)
    found = [nightly(past, TONIGHT + night * DAY_MS, 3) for night in range(8)]
    assert all(one != other for one, other in pairwise(found))
    assert len({window for one in found for windows in one.values() for window in windows}) > 8


def test_nothing_held_is_nothing_to_read():
    assert nightly([], TONIGHT, 10) == {}
    assert nightly(held([[]] * 3), TONIGHT, 10) == {}
    assert weekly({}, TONIGHT) == {}


NAMES = [f"{year}-{month:02d}" for year in range(2024, 2027) for month in range(1, 13)]


@given(st.sets(st.sampled_from(NAMES), min_size=1), nights)
def test_a_week_reads_one_month_that_is_held_and_has_ended(kept: set[str], at: int):
    found = weekly({SERIES[0]: kept}, at)
    if any(month_window(month).end + WEEK_MS < at for month in kept):
        assert month_of(found[SERIES[0]].start) in kept
    for window in found.values():
        assert window == month_window(month_of(window.start))
        assert window.end <= at


@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_every_month_that_has_ended_comes_up_before_twice_as_many_weeks_are_over(kept: set[str]):
    start = instant("2027-06-02T12:00:00Z")
    seen = [weekly({SERIES[0]: kept}, start + week * WEEK_MS)[SERIES[0]] for week in range(2 * len(kept))]
    assert {month_of(window.start) for window in seen} == kept


def test_every_month_comes_up_again_and_again_while_history_grows():
    last: dict[str, int] = {}
    for week in range(150):
        at = instant("2024-01-01") + week * WEEK_MS
        ended = [month for month in NAMES if month_window(month).end <= at]
        for window in weekly({SERIES[0]: NAMES[: len(ended) + 1]}, at).values():
            last[month_of(window.start)] = week
        overdue = [
            month
            for month in ended
            if week - last.get(month, (month_window(month).end - instant("2024-01-01")) // WEEK_MS) > 2 * len(ended) + 2
        ]
        assert overdue == []


def test_a_week_begins_on_monday():
    monday = instant("2026-11-16")
    assert (monday + MONDAY_MS) % WEEK_MS == 0
    kept = {SERIES[0]: NAMES[:30]}
    found = [weekly(kept, monday + day * DAY_MS) for day in range(-1, 8)]
    assert found[1:8] == [found[1]] * 7
    assert found[0] != found[1] != found[8]
