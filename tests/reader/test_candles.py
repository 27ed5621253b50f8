"""Reading from Python: all that was asked for, or an error that says what to do."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qmd_platform.errors import BadSnapshot, ConfigError, CoverageError, Vacuumed
from qmd_platform.lake.store import Lake, Write
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Window
from qmd_platform.reader import candles, gaps, read, read_many

ROOT = Path(__file__).parents[2]
HOUR = 3_600_000
MARKET = "binance:BTC/USDT:USDT"
PARTITION = Partition(Series.parse(f"{MARKET}:1h"), "2026-01")
START = PARTITION.window.start
LATER = "2026-03-01"
"""A clock by which all of January is closed."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Hours 0 to 9 of January 2026 without hour 4, which is missing, and hour 6, which is known to be empty."""
    hours = np.array([0, 1, 2, 3, 5, 7, 8, 9])
    prices = np.arange(5 * len(hours)).reshape(5, -1) / 4
    write = Write(
        PARTITION,
        Candles(START + hours * HOUR, *prices).to_arrow(),
        asked=(Window(START, START + 10 * HOUR),),
        explained=(Run(Window(START + 6 * HOUR, START + 7 * HOUR), State.VERIFIED_EMPTY, "no trades"),),
    )
    with Lake.open(tmp_path / "lake") as lake:
        lake.commit([write], run_id="r", source="s")
    return tmp_path


def at(hour: int) -> int:
    return START + hour * HOUR


def test_a_frame_has_the_candles_of_the_half_open_window(home: Path):
    frame = candles(MARKET, "1h", "2026-01-01T01:00Z", datetime(2026, 1, 1, 4, tzinfo=UTC), home=home, now=LATER)
    assert list(frame.columns) == ["open_at", "open", "high", "low", "close", "volume"]
    assert str(frame.dtypes["open_at"]) == "datetime64[ms, UTC]"
    assert isinstance(frame.index, pd.RangeIndex)
    assert frame["open_at"].tolist() == [pd.Timestamp(at(hour), unit="ms", tz="UTC") for hour in (1, 2, 3)]
    assert frame["open"].tolist() == [0.25, 0.5, 0.75]
    assert frame["volume"].tolist() == [8.25, 8.5, 8.75]


@given(st.lists(st.integers(START, START + 4 * HOUR), min_size=2, max_size=2, unique=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_a_window_may_begin_and_end_anywhere_and_what_it_wants_is_what_opens_in_it(home: Path, ends: list[int]):
    start, end = sorted(ends)
    opened = [at(hour) for hour in range(4) if start <= at(hour) < end]
    found = read(MARKET, "1h", start, end, home=home, now=LATER, strategy="fail_fast")
    together = read_many([f"{MARKET}:1h"], start, end, home=home, now=LATER)
    for one in (found, *together.values()):
        assert one.arrow["open_at"].cast("int64").to_pylist() == opened
        assert one.provenance.summary.expected == one.provenance.summary.present == len(opened)
        assert [each.window for each in one.provenance.ranges] == (
            [Window(opened[0], opened[-1] + HOUR)] if opened else []
        )


def test_who_changes_a_frame_changes_neither_the_read_nor_its_data_version(home: Path):
    found = read(MARKET, "1h", at(0), at(4), home=home, now=LATER, strategy="fail_fast")
    frame = found.frame
    frame.loc[0, ["close", "volume"]] = -1.0
    frame["open_at"] += pd.Timedelta("1h")
    again = read(MARKET, "1h", at(0), at(4), home=home, now=LATER, strategy="fail_fast")
    assert found.rows.equals(again.rows)
    assert found.arrow.equals(again.arrow)
    assert found.provenance.data_version == again.provenance.data_version


def test_where_rows_came_from_goes_with_a_frame_and_with_arrow(home: Path):
    options = {"home": home, "now": LATER, "strategy": "fail_fast", "on_missing": "allow"}
    table = candles(MARKET, "1h", at(0), at(12), as_="arrow", **options)
    told = json.loads(table.schema.metadata[b"qmd"])
    assert told == candles(MARKET, "1h", at(0), at(12), **options).attrs["qmd"]
    assert told["coverage"] == 9 / 12
    assert (told["staleness_s"], told["failures"], told["reason"]) == (None, [], "met")
    assert [(one["source"], one["rows"]) for one in told["ranges"]][:2] == [("lake", 4), ("nowhere", 0)]


def test_arrow_says_the_same(home: Path):
    table = candles(MARKET, "1h", at(5), at(10), as_="arrow", home=home, now=LATER)
    frame = candles(MARKET, "1h", at(5), at(10), home=home, now=LATER)
    pd.testing.assert_frame_equal(table.to_pandas(), frame)
    assert len(table) == 4  # hour 6 is known to be empty: nothing is missing


def test_a_missing_candle_is_an_error_that_names_it_and_the_remedy(home: Path):
    with pytest.raises(CoverageError) as caught:
        candles(MARKET, "1h", at(0), at(12), strategy="fail_fast", home=home, now=LATER)
    assert "3 of the candles asked for are not there: [2026-01-01T04:00:00Z, 2026-01-01T05:00:00Z), " in str(
        caught.value
    )
    assert f"qmd backfill {MARKET} --timeframe 1h --start 2026-01-01T04:00:00Z --end 2026-01-01T12:00:00Z" in str(
        caught.value
    )


def test_who_allows_gaps_gets_what_is_there_and_can_ask_what_is_not(home: Path):
    frame = candles(MARKET, "1h", at(0), at(12), strategy="fail_fast", home=home, now=LATER, on_missing="allow")
    assert len(frame) == 8
    assert gaps(MARKET, "1h", at(0), at(12), home=home, now=LATER) == [Window(at(4), at(5)), Window(at(10), at(12))]


def test_what_is_not_closed_yet_is_no_gap(home: Path):
    table = candles(MARKET, "1h", at(7), at(700), as_="arrow", home=home, now=at(10) + 60_000)
    assert len(table) == 3
    assert len(candles(MARKET, "1h", at(500), at(700), as_="arrow", home=home, now=at(10))) == 0
    assert gaps(MARKET, "1h", at(7), at(700), home=home, now=at(11) + 60_000) == [Window(at(10), at(11))]


def test_a_candle_that_is_not_closed_by_the_clock_given_is_not_among_the_rows_though_the_lake_holds_it(home: Path):
    found = read(MARKET, "1h", at(0), at(10), home=home, now=at(3) + 60_000, strategy="fail_fast")
    assert found.rows.open_at.tolist() == [at(0), at(1), at(2)]
    assert [one.window for one in found.provenance.ranges] == [Window(at(0), at(3))]
    assert len(candles(MARKET, "1h", at(5), at(10), home=home, now=at(3), as_="arrow")) == 0


@pytest.fixture
def restated(home: Path) -> Path:
    """The same home after a second commit: hour 0 restated, hour 4 there."""
    hours = np.array([0, 4])
    write = Write(PARTITION, Candles(START + hours * HOUR, *np.full((5, 2), 7.0)).to_arrow())
    with Lake.open(home / "lake") as lake:
        lake.ledger.pin("before")
        lake.commit([write], run_id="r", source="s")
    return home


def test_a_past_state_has_its_own_rows_and_its_own_gaps(restated: Path):
    now = candles(MARKET, "1h", at(0), at(10), home=restated, now=LATER)
    assert now["open"].tolist()[0] == now["open"].tolist()[4] == 7.0
    for name in (1, "1", "before"):
        then = candles(MARKET, "1h", at(0), at(4), home=restated, now=LATER, as_of=name)
        assert then["open"].tolist() == [0.0, 0.25, 0.5, 0.75]
        assert gaps(MARKET, "1h", at(0), at(10), home=restated, now=LATER, as_of=name) == [Window(at(4), at(5))]
        with pytest.raises(CoverageError, match=r"as of commit 1: .*qmd log"):
            candles(MARKET, "1h", at(0), at(10), home=restated, now=LATER, as_of=name)


def test_a_pin_of_one_series_keeps_that_series_readable(restated: Path):
    with Lake.open(restated / "lake") as lake:
        lake.ledger.pin("mine", at=1, series=[PARTITION.series])
        lake.ledger.unpin("before")
        other = Partition(Series.parse("gate:BTC/USDT:1h"), "2026-01")
        for price in (1.0, 2.0):
            rows = Candles(np.array([START]), *np.full((5, 1), price)).to_arrow()
            lake.commit([Write(other, rows)], run_id="r", source="s")
        for later in (1, 2):
            vacuum(lake, run_id="v", now=time.time_ns() // 1_000_000 + later, keep_ms=0, grace_ms=0)
    then = candles(MARKET, "1h", at(0), at(4), home=restated, now=LATER, as_of="mine")
    assert then["open"].tolist() == [0.0, 0.25, 0.5, 0.75]
    with pytest.raises(Vacuumed):
        candles("gate:BTC/USDT", "1h", at(0), at(1), home=restated, now=LATER, as_of="mine")


def test_a_past_state_is_named_by_a_time_of_a_zone_too(restated: Path):
    early = datetime(2020, 1, 1, tzinfo=UTC)
    assert len(candles(MARKET, "1h", at(0), at(4), home=restated, as_of=early, on_missing="allow")) == 0
    late = datetime.now(UTC)
    assert len(candles(MARKET, "1h", at(0), at(4), home=restated, as_of=late, on_missing="allow")) == 4
    with pytest.raises(ConfigError, match="no time zone"):
        candles(MARKET, "1h", at(0), at(4), home=restated, as_of=early.replace(tzinfo=None))


def test_a_state_that_never_was_is_an_error_that_names_those_there_are(restated: Path):
    with pytest.raises(BadSnapshot, match="pins: before"):
        candles(MARKET, "1h", at(0), at(4), home=restated, as_of="after")


def test_the_home_is_that_of_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QMD_HOME", str(home))
    assert len(candles(MARKET, "1h", at(0), at(4), now=LATER)) == 4


def test_a_series_the_lake_does_not_hold_is_an_error_that_names_what_it_holds(home: Path):
    with pytest.raises(
        CoverageError,
        match=r"does not hold binance:BTC/USDT:1h.*binance:BTC/USDT:USDT:1h.*--start 2026-01-01T00:00:00Z --end 2026-01-01T01",
    ):
        candles("binance:BTC/USDT", "1h", at(0), at(1), strategy="fail_fast", home=home)


def test_where_there_is_no_lake_none_is_made(tmp_path: Path):
    with pytest.raises(
        CoverageError,
        match=r"there is no lake .*qmd backfill binance:BTC/USDT:USDT --timeframe 1h --start 2026-01-01T00:00:00Z",
    ):
        candles(MARKET, "1h", at(0), at(1), strategy="fail_fast", home=tmp_path / "empty")
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((MARKET, "1h", datetime(2026, 1, 1), LATER), "no time zone"),  # noqa: DTZ001 - what is refused
        ((MARKET, "1h", "2026-01-01T00:00", LATER), "no time zone"),
        ((MARKET, "7m", "2026-01-01", LATER), "unknown timeframe"),
        (("BTC/USDT", "1h", "2026-01-01", LATER), "not a market"),
        ((MARKET, "1h", LATER, "2026-01-01"), "ends .* before"),
    ],
)
def test_input_that_cannot_be_meant_is_refused(home: Path, given: tuple[str, str, str, str], says: str):
    with pytest.raises(ConfigError, match=says):
        candles(*given, home=home)


def test_a_misspelt_choice_about_missing_candles_never_turns_the_guarantee_off(home: Path):
    with pytest.raises(ConfigError, match="alow"):
        candles(MARKET, "1h", at(0), at(1), on_missing="alow", home=home)


def test_another_kind_of_result_is_refused(home: Path):
    with pytest.raises(ConfigError, match="polars"):
        candles(MARKET, "1h", at(0), at(1), home=home, as_="polars")


def test_reading_imports_neither_dagster_nor_ccxt_nor_pandas_where_arrow_is_asked_for(home: Path):
    program = f"""
import sys
from qmd_platform.reader import candles
rows = candles({MARKET!r}, "1h", {at(0)}, {at(4)}, as_="arrow", home={str(home)!r}, now={at(100)})
print(len(rows), [name for name in ("dagster", "ccxt", "pandas", "alembic", "aiohttp") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "4 []\n"


def test_importing_the_reader_imports_nothing_that_is_not_needed_yet():
    heavy = (
        "pandas",
        "pyarrow",
        "numpy",
        "sqlalchemy",
        "dagster",
        "ccxt",
        "aiohttp",
        "requests",
        "alembic",
        "msgspec",
        "qmd_platform.lake",
        "qmd_platform.ledger",
        "qmd_platform.ingest",
        "qmd_platform.live",
    )
    program = f"import sys, qmd_platform.reader, qmd_platform.reader.aio\nprint([one for one in {heavy!r} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
