"""Time: one door in, half-open windows, the grid of a step, months."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant, iso, month_of, month_window, months

EPOCH_2000, EPOCH_2100 = 946_684_800_000, 4_102_444_800_000
instants = st.integers(EPOCH_2000, EPOCH_2100)
windows = st.builds(lambda start, length: Window(start, start + length), instants, st.integers(1, 400 * 1440 * MINUTE))
small = st.builds(lambda start, length: Window(start, start + length), st.integers(0, 300), st.integers(1, 100))


def test_the_same_moment_is_one_instant_however_it_is_written():
    written = [
        1_762_000_000_000,
        "2025-11-01T12:26:40Z",
        "2025-11-01T12:26:40+00:00",
        "2025-11-01T14:26:40+02:00",
        " 2025-11-01T12:26:40Z ",
        datetime(2025, 11, 1, 12, 26, 40, tzinfo=UTC),
        datetime(2025, 11, 1, 7, 26, 40, tzinfo=timezone(timedelta(hours=-5))),
    ]
    assert {instant(value) for value in written} == {1_762_000_000_000}


def test_a_date_is_its_midnight_in_utc():
    assert iso(instant("2026-11-01")) == "2026-11-01T00:00:00Z"


@pytest.mark.parametrize(
    "naive",
    ["2026-11-01T08:30:00", "2026-11-01 08:30", "20261101T0830", datetime(2026, 11, 1, 8, 30)],  # noqa: DTZ001 - naive on purpose
)
def test_a_time_of_day_without_a_zone_is_refused_and_the_refusal_says_how_to_write_it(naive: str | datetime):
    with pytest.raises(ConfigError, match=r"start .* has no time zone") as refusal:
        instant(naive, "start")
    assert "2026-11-01T08:30:00Z" in str(refusal.value)


@pytest.mark.parametrize("nonsense", ["", "yesterday", "2026-13-01", "2026-02-30", "1762000000000", "2026-11"])
def test_what_is_not_a_time_is_refused(nonsense: str):
    with pytest.raises(ConfigError, match="is not a time"):
        instant(nonsense)


@given(instants)
def test_an_instant_written_as_iso_reads_back_the_same(at: int):
    assert instant(iso(at)) == at


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - bounds are naive by hypothesis's rule
def test_an_aware_datetime_keeps_its_moment_to_the_millisecond(moment: datetime):
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=instant(moment))
    assert abs(at - moment) <= timedelta(microseconds=500)


@given(instants, st.integers(0, 1000))
def test_a_window_that_does_not_end_after_its_start_cannot_be_made(start: int, back: int):
    with pytest.raises(ConfigError, match="before or at its start"):
        Window(start, start - back)


@given(small, st.integers(1, 40))
def test_snapping_keeps_exactly_the_grid_instants_inside(window: Window, step: int):
    on_grid = [at for at in range(window.start, window.end) if at % step == 0]
    snapped = window.snapped(step)
    assert window.steps(step) == len(on_grid)
    assert (list(range(snapped.start, snapped.end, step)) if snapped else []) == on_grid


@given(small, small)
def test_what_two_windows_share_is_what_both_contain(these: Window, those: Window):
    both = these.intersection(those)
    shared = {at for at in range(400) if these.contains(at) and those.contains(at)}
    assert (set(range(both.start, both.end)) if both else set()) == shared


@given(windows)
def test_months_tile_a_window_each_part_in_its_own_month(window: Window):
    parts = list(months(window))
    assert parts[0][1].start == window.start
    assert parts[-1][1].end == window.end
    for (_, before), (_, after) in pairwise(parts):
        assert before.end == after.start
    for month, part in parts:
        assert month_of(part.start) == month_of(part.end - 1) == month
        assert part.intersection(month_window(month)) == part


@given(instants)
def test_an_instant_lies_in_the_window_of_its_month(at: int):
    assert month_window(month_of(at)).contains(at)


@given(instants, st.sampled_from(list(Timeframe)))
def test_every_month_is_a_whole_number_of_candles_of_every_timeframe(at: int, timeframe: Timeframe):
    month = month_window(month_of(at))
    assert month.snapped(timeframe.step) == month


def test_december_ends_where_january_starts():
    assert month_window("2025-12").end == month_window("2026-01").start == instant("2026-01-01")


@pytest.mark.parametrize("text", ["2026", "2026-00", "2026-13", "november", "2026-11-01", "", "all"])
def test_what_is_not_a_month_is_refused(text: str):
    with pytest.raises(ConfigError, match="is not a month"):
        month_window(text)
