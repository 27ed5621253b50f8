"""What is known about the archives, each fact with its source, and where each file lies."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant, month_of, month_window
from qmd_platform.venues import archive_facts, dialects, facts
from qmd_platform.venues.archive_facts import ARCHIVES, day_file, day_window, days, file_of, find, month_file

SPOT = ARCHIVES["binance", "spot"]
USDM = ARCHIVES["binance", "perpetual"]
MONTHS = st.integers(instant("2017-08-01"), instant("2035-01-01")).map(month_of)


@pytest.mark.parametrize("which", ARCHIVES)
def test_every_fact_says_where_it_is_from(which: tuple[str, str]):
    known = ARCHIVES[which]
    assert set(known.sources) == {field.name for field in fields(known)} - {"sources"}
    assert all(len(source) > 20 for source in known.sources.values())


@pytest.mark.parametrize("which", ARCHIVES)
def test_an_archive_is_of_a_kind_the_venue_has_with_volumes_in_base_coins_and_candles_the_api_has(
    which: tuple[str, str],
):
    assert facts.of(*which).volume_unit == "base"
    assert ARCHIVES[which].timeframes <= set(dialects.of(*which).timeframes)


def test_files_lie_where_the_venue_says():
    month = month_file(SPOT, "BTCUSDT", Timeframe.M1, "2024-10")
    assert month.path == "/data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-10.zip"
    assert month.checksum_path == month.path + ".CHECKSUM"
    assert (month.name, month.member) == ("BTCUSDT-1m-2024-10.zip", "BTCUSDT-1m-2024-10.csv")
    assert month.window == month_window("2024-10")
    day = day_file(USDM, "BTCUSDT_240329", Timeframe.H12, "2024-02-29")
    assert day.path == "/data/futures/um/daily/klines/BTCUSDT_240329/12h/BTCUSDT_240329-12h-2024-02-29.zip"
    assert day.window == Window.of("2024-02-29", "2024-03-01")


def test_a_window_has_a_file_if_it_is_a_month_or_a_day():
    for window, wanted in (
        (month_window("2026-02"), month_file(SPOT, "A", Timeframe.M1, "2026-02")),
        (day_window("2026-02-28"), day_file(SPOT, "A", Timeframe.M1, "2026-02-28")),
    ):
        assert file_of(SPOT, "A", Timeframe.M1, window) == wanted
    with pytest.raises(ValueError, match="neither a month nor a day"):
        file_of(SPOT, "A", Timeframe.M1, Window.of("2026-02-01", "2026-02-03"))
    with pytest.raises(ConfigError, match="'2026-02-30' is not a day"):
        day_window("2026-02-30")


def test_there_is_no_archive_where_none_is_known():
    assert find("binance", "spot", Timeframe.M1) is SPOT
    assert find("binance", "future", Timeframe.D1) is USDM
    assert find("gate", "spot", Timeframe.M1) is None
    assert find("binance", "option", Timeframe.M1) is None


@pytest.mark.parametrize(
    ("window", "moment"),
    [
        (day_window("2026-11-19"), "2026-11-20T12:00:00Z"),
        (month_window("2026-10"), "2026-11-03"),  # Monday the 2nd, and a day
        (month_window("2026-05"), "2026-06-02"),  # the 1st is a Monday
        (month_window("2026-08"), "2026-09-08"),  # the 1st is a Tuesday
    ],
)
def test_a_file_can_be_expected_some_time_after_its_end(window: Window, moment: str):
    assert SPOT.published_at(window) == USDM.published_at(window) == instant(moment)


@given(MONTHS)
def test_a_months_file_comes_in_the_first_nine_days_and_after_most_of_its_days_files(month: str):
    window = month_window(month)
    assert 1 <= (SPOT.published_at(window) - window.end) / archive_facts.DAY < 8
    inside = list(days(window))
    assert [(one.start, one.end) for one in inside] == [
        (start, start + archive_facts.DAY) for start in range(window.start, window.end, archive_facts.DAY)
    ]
    assert all(SPOT.published_at(one) < SPOT.published_at(window) for one in inside)
