"""Settlements out of files: only with a declared zone, and the hours a zone has twice or never."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.funding.files import Layout, settlements_of_text
from qmd_platform.funding.zones import instants, zone_of
from qmd_platform.model.window import instant, iso

LONDON = zone_of("Europe/London")
PLAIN = {"at": "Date", "rate": "Funding Rate"}
HEADER = "Symbol,Date,Funding Rate\n"


def read(*times: str, **layout: Any) -> list[str]:
    text = HEADER + "".join(f"BTC-USDT,{time},0.0001\n" for time in times)
    found = settlements_of_text(text, Layout(**(PLAIN | layout)), "history.csv")
    return [iso(int(at)) for at in found.settled_at]


def test_times_without_a_zone_are_refused_with_the_choices():
    with pytest.raises(ConfigError) as refused:
        read("2020-01-01 03:00:00")
    assert "history.csv: its times have no time zone (2020-01-01 03:00:00)" in refused.value.message
    assert (
        refused.value.hint
        == "declare the zone they are in: UTC, an offset such as +03:00, or a place such as Europe/London"
    )


@pytest.mark.parametrize(
    ("zone", "utc"),
    [("UTC", "03:00"), ("+03:00", "00:00"), ("-03:00", "06:00"), ("Europe/London", "02:00"), ("Asia/Seoul", "18:00")],
)
def test_times_are_in_the_zone_that_is_declared(zone: str, utc: str):
    day = "2020-06-30" if zone == "Asia/Seoul" else "2020-07-01"
    assert read("2020-07-01 03:00:00", zone=zone) == [f"{day}T{utc}:00Z"]


@pytest.mark.parametrize("name", ["Europe/Londn", "+3h", "", "London", "../../etc/passwd", "/etc/localtime"])
def test_a_zone_nobody_knows_is_refused_with_the_choices(name: str):
    with pytest.raises(ConfigError, match="Europe/London"):
        read("2020-07-01 03:00:00", zone=name)


def test_a_time_with_a_zone_of_its_own_needs_no_other_and_is_not_moved():
    assert read("2020-01-01T03:00:00+03:00") == read("2020-01-01T03:00:00+03:00", zone="Asia/Seoul")
    assert read("2020-01-01T00:00:00Z") == ["2020-01-01T00:00:00Z"]


def test_a_time_that_london_never_had_is_refused():
    with pytest.raises(ConfigError, match="2023-03-26 01:00:00 does not exist in Europe/London"):
        read("2023-03-26 01:00:00", zone="Europe/London")


def test_8_hour_settlements_of_london_are_8_hours_apart_over_both_changes():
    spring = read("2023-03-25 16:00", "2023-03-26 00:00", "2023-03-26 09:00", "2023-03-26 17:00", zone="Europe/London")
    assert spring == ["2023-03-25T16:00:00Z", *[f"2023-03-26T{hour}:00:00Z" for hour in ("00", "08", "16")]]
    autumn = read(
        "2023-10-28 09:00",
        "2023-10-28 17:00",
        "2023-10-29 01:00",
        "2023-10-29 08:00",
        "2023-10-29 16:00",
        zone="Europe/London",
    )
    assert autumn[2] == "2023-10-29T00:00:00Z"
    assert autumn[3:] == ["2023-10-29T08:00:00Z", "2023-10-29T16:00:00Z"]


def test_the_second_of_the_two_hours_is_told_by_the_grid_too():
    at = read(
        "2023-10-28 10:00",
        "2023-10-28 18:00",
        "2023-10-29 01:00",
        "2023-10-29 09:00",
        "2023-10-29 17:00",
        zone="Europe/London",
    )
    assert at[2] == "2023-10-29T01:00:00Z"


def test_an_hour_that_is_there_twice_is_the_first_and_the_second():
    at = read("2023-10-29 00:00", "2023-10-29 01:00", "2023-10-29 01:00", "2023-10-29 02:00", zone="Europe/London")
    assert at == ["2023-10-28T23:00:00Z", *[f"2023-10-29T0{hour}:00:00Z" for hour in (0, 1, 2)]]


def test_an_hour_that_london_had_twice_is_refused_where_nothing_tells_which():
    with pytest.raises(ConfigError, match=r"both 2023-10-29T00:00:00Z and 2023-10-29T01:00:00Z"):
        read("2023-10-29 01:00", "2023-11-03 12:00", zone="Europe/London")


@given(
    st.integers(0, 3 * 366),
    st.sampled_from([1, 2, 4, 8]),
    st.integers(20, 60),
    st.sampled_from(["Europe/London", "America/New_York", "Asia/Seoul"]),
)
def test_any_grid_written_in_wall_clock_comes_back_as_it_was(day: int, step: int, count: int, place: str):
    zone = zone_of(place)
    first = datetime(2022, 1, 1, tzinfo=UTC) + timedelta(days=day)
    moments = [first + timedelta(hours=step * row) for row in range(count)]
    walls = [moment.astimezone(zone).replace(tzinfo=None, fold=0) for moment in moments]
    edges = {
        wall
        for wall in walls[:2] + walls[-2:]
        if wall.replace(tzinfo=zone).utcoffset() != wall.replace(tzinfo=zone, fold=1).utcoffset()
    }
    if not edges:
        assert instants(walls, zone) == [round(moment.timestamp() * 1000) for moment in moments]


def test_mistake_23_a_zone_that_is_forgotten_moves_every_settlement():
    written, zoned = read("2020-01-01 03:00", zone="UTC"), read("2020-01-01 03:00", zone="+03:00")
    assert instant(written[0]) - instant(zoned[0]) == 3 * 3_600_000


def test_a_file_of_many_markets_is_cut_to_one_and_rows_without_a_rate_are_left_out():
    text = "time,exchange,contract,funding rate\n2023-01-01 00:00:00,binance,spot,\n"
    text += "2023-01-01 00:00:00,binance,perpetual,0.0001\n2023-01-01 00:00:00,bybit,perpetual,0.0002\n"
    layout = Layout(at="time", rate="funding rate", zone="UTC", only={"exchange": "binance"})
    assert settlements_of_text(text, layout).rate.tolist() == [0.0001]
    with pytest.raises(ConfigError, match="two sources or two markets"):
        settlements_of_text(text, Layout(at="time", rate="funding rate", zone="UTC"))


def test_times_that_are_numbers_need_no_zone_but_their_unit():
    text = "1700006400,0.0001\n1700035200,0.0002\n"
    found = settlements_of_text(text, Layout(at=0, rate=1, unit="s"))
    assert [iso(int(at)) for at in found.settled_at] == ["2023-11-15T00:00:00Z", "2023-11-15T08:00:00Z"]
    with pytest.raises(ConfigError, match="in seconds") as refused:
        settlements_of_text(text, Layout(at=0, rate=1))
    assert refused.value.hint == "declare the unit the times are in: s, ms, us or ns"
    with pytest.raises(ConfigError, match="unit of time"):
        settlements_of_text(text, Layout(at=0, rate=1, unit="sec"))


def test_the_archives_of_binance_say_the_interval_of_each_row():
    text = "calc_time,funding_interval_hours,last_funding_rate\n1746518400005,4,-0.02\n1746522000007,1,-0.02\n"
    layout = Layout(at="calc_time", rate="last_funding_rate", hours="funding_interval_hours", unit="ms")
    found = settlements_of_text(text, layout)
    assert found.stated_hours.tolist() == [4.0, 1.0]
    assert found.settled_at.tolist() == [instant("2025-05-06T08:00:00Z"), instant("2025-05-06T09:00:00Z")]


def test_percent_is_declared_and_becomes_a_fraction():
    text = HEADER + "BTC-USDT,2020-01-01 00:00,0.01\n"
    assert settlements_of_text(text, Layout(**PLAIN, zone="UTC", percent=True)).rate.tolist() == [0.0001]


def test_milliseconds_of_jitter_are_taken_off():
    assert read("2023-12-31 11:00:00.001", zone="UTC") == ["2023-12-31T11:00:00Z"]


def test_the_form_of_the_times_can_be_said():
    found = settlements_of_text("20201229 08:00:00,0.0002\n", Layout(at=0, rate=1, zone="UTC", form="%Y%m%d %H:%M:%S"))
    assert [iso(int(at)) for at in found.settled_at] == ["2020-12-29T08:00:00Z"]


@pytest.mark.parametrize(
    ("text", "layout", "message"),
    [
        (HEADER, {"rate": "Funding"}, "no column 'Funding'"),
        (HEADER + "BTC,2020-01-01,high\n", {"zone": "UTC"}, "'high' is not a number"),
        (HEADER + "BTC,yesterday,0.1\n", {"zone": "UTC"}, "'yesterday' is not a time"),
        (HEADER + "BTC,2020-01-01\n", {"zone": "UTC"}, "a row of 2 columns"),
        (HEADER + "BTC,2020-01-01 00:00,1\nBTC,2020-01-01 00:00,2\n", {"zone": "UTC"}, "another rate"),
    ],
)
def test_what_is_not_a_funding_file_is_refused(text: str, layout: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        settlements_of_text(text, Layout(**(PLAIN | layout)))


@pytest.mark.parametrize("text", ["", HEADER])
def test_an_empty_file_has_no_settlements_or_no_columns(text: str):
    if text:
        assert len(settlements_of_text(text, Layout(**PLAIN, zone="UTC"))) == 0
    else:
        with pytest.raises(ConfigError, match="no column"):
            settlements_of_text(text, Layout(**PLAIN, zone="UTC"))


def test_mark_prices_are_read_where_the_file_has_them():
    text = "t,r,m\n1700006400000,0.0001,37000.5\n1700035200000,0.0001,\n"
    found = settlements_of_text(text, Layout(at="t", rate="r", mark="m"))
    assert found.mark[0] == 37000.5
    assert np.isnan(found.mark[1])
