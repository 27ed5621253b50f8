"""backfill, series, coverage and read on a real lake, filled from a real server."""

import io
from pathlib import Path

import pyarrow as pa
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv, parquet

from qmd_platform.cli import export
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import Window, instant
from qmd_platform.reader import candles
from qmd_platform.sandbox.server import running
from tests.cli.conftest import DAY, NOW, Qmd, answer

MARKET = "binance:BTC/USDT"
SERIES = f"{MARKET}:1m"
NIGHT = ("2026-11-15T00:00:00Z", "2026-11-15T02:00:00Z")


def test_a_backfill_brings_every_closed_candle_and_says_so_in_a_receipt(qmd: Qmd, sandbox: str):
    result = qmd("backfill", MARKET, *DAY, "--venue-url", sandbox, "--json")
    assert result.exit_code == 0, result.output
    (receipt,) = answer(result)
    assert receipt["series"] == SERIES
    assert receipt["month"] == "2026-11"
    assert receipt["expected"] == receipt["present"] == receipt["new"] == 150
    assert receipt["missing"] == 0
    assert receipt["requests"] > 0
    assert receipt["stored_bytes"] > 0


def test_a_second_backfill_asks_nothing_and_says_that_all_is_held(qmd: Qmd, sandbox: str):
    qmd("backfill", MARKET, *DAY, "--venue-url", sandbox)
    result = qmd("backfill", MARKET, *DAY, "--venue-url", sandbox)
    assert result.exit_code == 0
    assert "Nothing to fetch: all 150 candles are held." in result.stdout


def test_the_table_of_receipts_ends_with_a_total(qmd: Qmd, sandbox: str):
    result = qmd("backfill", MARKET, f"{MARKET}:USDT", *DAY, "--venue-url", sandbox)
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith(("binance", "total"))] == [
        SERIES,
        f"{MARKET}:USDT:1m",
        "total",
    ]
    assert lines[-1].split()[:3] == ["total", "300", "300"]


def test_a_market_named_twice_is_fetched_once(qmd: Qmd, sandbox: str):
    result = qmd("backfill", MARKET, MARKET, *DAY, "--venue-url", sandbox, "--json")
    assert len(answer(result)) == 1


def test_a_window_in_the_future_holds_nothing_to_fetch(qmd: Qmd, sandbox: str):
    result = qmd("backfill", MARKET, "--start", "2027-01-01", "--end", "2027-01-02", "--venue-url", sandbox)
    assert result.exit_code == 0
    assert "No candle of this window is closed yet" in result.stdout


def test_series_lists_what_is_held_with_its_coverage(qmd: Qmd, in_filled: Path):
    found = {row["series"]: row for row in answer(qmd("series", "--json"))}
    assert set(found) == {SERIES, f"{MARKET}:USDT:1m", "bitfinex:BTC/USD:1m"}
    assert found[SERIES]["expected"] == found[SERIES]["present"] == 120
    assert found[SERIES]["first"] == "2026-11-15T00:00:00Z"
    assert found[SERIES]["last"] == "2026-11-15T01:59:00Z"
    bitfinex = found["bitfinex:BTC/USD:1m"]
    assert bitfinex["verified_empty"] > 0
    assert bitfinex["present"] + bitfinex["verified_empty"] + bitfinex["missing"] == bitfinex["expected"] == 120


def test_series_are_chosen_by_a_part_of_the_name_by_glob_and_by_timeframe(qmd: Qmd, in_filled: Path):
    def names(*args: str) -> list[str]:
        return [row["series"] for row in answer(qmd("series", *args, "--json"))]

    assert names("bitfinex") == ["bitfinex:BTC/USD:1m"]
    assert names("binance:*:USDT:1m") == [f"{MARKET}:USDT:1m"]
    assert len(names("bitfinex", "USDT")) == 3
    assert names("--timeframe", "1h") == []


def test_a_pattern_that_matches_nothing_is_an_error_with_the_closest_series(qmd: Qmd, in_filled: Path):
    result = qmd("series", "binance:BTC/USD:1h")
    assert result.exit_code == 2
    assert "did you mean" in result.stderr


def test_coverage_speaks_about_every_candle_that_was_asked_for(qmd: Qmd, in_filled: Path):
    found = answer(qmd("coverage", "bitfinex:BTC/USD:1m", "--json"))
    assert sum(run["candles"] for run in found["runs"]) == found["expected"] == 120
    assert {run["state"] for run in found["runs"]} == {"present", "verified_empty"}
    assert all(run["cause"] for run in found["runs"] if run["state"] == "verified_empty")


def test_coverage_draws_a_bar_a_month_and_says_what_is_not_there(qmd: Qmd, in_filled: Path):
    text = qmd("coverage", "bitfinex:BTC/USD:1m", "--start", "2026-10-15").stdout
    assert "2026-10 " in text
    assert "never asked for" in text
    assert "2026-11 " in text
    assert "the venue is known not to have" in text
    assert "verified empty   2026" not in text
    assert "verified empty  2026" in qmd("coverage", "bitfinex:BTC/USD:1m", "--all").stdout


def test_coverage_of_a_series_that_is_not_held_names_those_that_are(qmd: Qmd, in_filled: Path):
    result = qmd("coverage", "binance:BTC/USDT:5m")
    assert result.exit_code == 5
    assert "the lake holds nothing of binance:BTC/USDT:5m" in result.stderr
    assert f"did you mean {SERIES}" in result.stderr


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow"])
def test_a_file_holds_the_candles_of_the_lake_value_for_value(qmd: Qmd, in_filled: Path, tmp_path: Path, suffix: str):
    path = tmp_path / f"night.{suffix}"
    result = qmd("read", SERIES, "-o", path)
    assert (result.exit_code, result.stdout) == (0, "")
    table = {"csv": csv.read_csv, "parquet": parquet.read_table, "arrow": _ipc}[suffix](path)
    held = candles(MARKET, "1m", *NIGHT, as_="arrow")
    for name in ("open", "high", "low", "close", "volume"):
        assert table.column(name).to_pylist() == held.column(name).to_pylist()
    assert table.column("open_at").cast(pa.timestamp("ms", "UTC")).equals(held.column("open_at"))
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


def _ipc(path: Path) -> pa.Table:
    return pa.ipc.open_file(path).read_all()


def test_csv_is_what_a_pipe_gets(qmd: Qmd, in_filled: Path):
    lines = qmd("read", SERIES).stdout.splitlines()
    assert lines[0] == "open_at,open,high,low,close,volume"
    assert lines[1].startswith("2026-11-15T00:00:00Z,")
    assert len(lines) == 121


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_float_written_as_csv_reads_back_as_the_same_float(values: list[float]):
    times = pa.array(range(0, len(values) * 60_000, 60_000), pa.timestamp("ms", "UTC"))
    written = io.BytesIO()
    export.write(pa.table({"open_at": times, "close": values}), "csv", written)
    rows = written.getvalue().decode().splitlines()[1:]
    assert [float(row.split(",")[1]) for row in rows] == values


def test_as_json_every_candle_is_a_row_with_its_time(qmd: Qmd, in_filled: Path):
    found = answer(qmd("read", SERIES, "--start", "2026-11-15T01:58:00Z", "--json"))
    assert [row["open_at"] for row in found["rows"]] == ["2026-11-15T01:58:00Z", "2026-11-15T01:59:00Z"]
    assert set(found["rows"][0]) == {"open_at", "open", "high", "low", "close", "volume"}


def test_with_a_file_json_says_what_was_written(qmd: Qmd, in_filled: Path, tmp_path: Path):
    path = tmp_path / "night.csv"
    found = answer(qmd("read", SERIES, "-o", path, "--json"))
    assert found == {"series": SERIES, "file": str(path), "format": "csv", "rows": 120, "bytes": path.stat().st_size}


def test_a_long_table_shows_both_ends_and_says_how_much_is_between(qmd: Qmd, in_filled: Path):
    text = qmd("read", SERIES, "--format", "table").stdout
    assert "2026-11-15 00:00" in text
    assert "2026-11-15 01:59" in text
    assert "100 more between" in text


def test_missing_candles_refuse_the_read_and_leave_no_file(qmd: Qmd, in_filled: Path, tmp_path: Path):
    path = tmp_path / "day.csv"
    path.write_text("what was here before")
    window = ("--start", "2026-11-14", "--end", "2026-11-15T02:00Z")
    result = qmd("read", SERIES, *window, "-o", path)
    assert result.exit_code == 5
    assert path.read_text() == "what was here before"
    assert [left.name for left in tmp_path.iterdir()] == ["day.csv"]
    assert len(qmd("read", SERIES, *window, "--allow-gaps").stdout.splitlines()) == 121


def test_a_place_that_cannot_be_written_is_said_and_nothing_is_left(qmd: Qmd, in_filled: Path, tmp_path: Path):
    result = qmd("read", SERIES, "-o", tmp_path / "no such folder" / "x.csv")
    assert result.exit_code == 2
    assert "cannot write" in result.stderr
    assert [left.name for left in tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--format", "parquet"], "parquet is not text"),
        (["-o", "x.xls"], "cannot tell a format"),
        (["-o", "x.txt", "--format", "table"], "a table is for the terminal"),
        (["--json", "--format", "csv"], "--json prints the candles as JSON"),
    ],
)
def test_formats_that_make_no_sense_are_refused(qmd: Qmd, in_filled: Path, args: list[str], said: str):
    result = qmd("read", SERIES, *args)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_sandbox_stands_still_so_these_tests_say_the_same_every_day(sandbox: str):
    assert requests.get(f"{sandbox}/api/v3/time", timeout=10).json() == {"serverTime": instant(NOW)}


@pytest.fixture
def two_ends(qmd: Qmd, sandbox: str) -> None:
    """A lake that was asked for a night in October and one in November, and for nothing between."""
    for night in (("--start", "2026-10-02", "--end", "2026-10-02T02:00Z"), ("--start", NIGHT[0], "--end", NIGHT[1])):
        assert qmd("backfill", MARKET, *night, "--venue-url", sandbox).exit_code == 0


@pytest.mark.usefixtures("two_ends")
def test_what_nobody_asked_for_between_the_first_and_the_last_candle_is_not_whole(qmd: Qmd):
    between = (instant(NIGHT[0]) - instant("2026-10-02T02:00Z")) // 60_000
    (row,) = answer(qmd("series", "--json"))
    assert (row["expected"], row["missing"], row["never_asked"]) == (240, 0, between)
    table = qmd("series").stdout
    assert f"{between:,}" in table
    assert "100 %" not in table
    assert answer(qmd("coverage", SERIES, "--json"))["never_asked"] == between
    drawn = qmd("coverage", SERIES).stdout
    assert f"{between:,} candles from 2026-10-02 00:00 to 2026-11-15 02:00 were never asked for" in drawn
    assert "Nothing is missing" not in drawn
    assert "100 %" not in drawn


def test_a_window_beyond_what_was_asked_for_is_not_said_to_miss_nothing(qmd: Qmd, in_filled: Path):
    asked = ("--start", NIGHT[0], "--end", NIGHT[1])
    assert "Nothing is missing from 2026-11-15 00:00 to 2026-11-15 02:00" in qmd("coverage", SERIES, *asked).stdout
    wider = qmd("coverage", SERIES, "--start", "2026-11-14T23:00Z", "--end", NIGHT[1]).stdout
    assert "60 candles from 2026-11-14 23:00 to 2026-11-15 02:00 were never asked for" in wider
    assert "Nothing is missing" not in wider


def test_a_backfill_is_judged_by_the_candles_it_was_asked_for(qmd: Qmd, sandbox: str, own_home: Path):
    hole = Window.of("2026-11-15T00:00Z", "2026-11-15T00:05Z")
    assert qmd("backfill", MARKET, "--start", "2026-11-15T01:00Z", *DAY[2:], "--venue-url", sandbox).exit_code == 0
    november = Partition(Series.parse(SERIES), "2026-11")
    with Lake.open(own_home / "lake") as lake:
        lake.commit([Write(november, Candles.empty().to_arrow(), asked=(hole,))], run_id="r", source="sandbox:binance")
    beside = qmd("backfill", MARKET, "--start", "2026-11-15T00:10Z", *DAY[2:], "--venue-url", sandbox)
    assert (beside.exit_code, "missing of what" in beside.stderr) == (0, False)
    again = qmd("backfill", MARKET, "--start", "2026-11-15T00:10Z", *DAY[2:], "--venue-url", sandbox)
    assert "Nothing to fetch: all 140 candles are held." in again.stdout


def test_a_backfill_of_what_stays_missing_exits_with_5(qmd: Qmd, tmp_path: Path):
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "empty_page"\n', encoding="utf-8")
    with running(now=NOW, faults=faults) as url:
        result = qmd("backfill", MARKET, *DAY, "--venue-url", url)
    assert result.exit_code == 5, result.output
    assert "missing of what was asked for: " in result.stderr


@pytest.mark.parametrize("window", [(), ("--start", NIGHT[0]), ("--end", NIGHT[1]), NIGHT], ids=len)
def test_reading_a_series_the_lake_does_not_hold_exits_with_5_whatever_the_window(
    qmd: Qmd, in_filled: Path, window: tuple[str, ...]
):
    options = ("--start", window[0], "--end", window[1]) if window is NIGHT else window
    result = qmd("read", f"{MARKET}:1h", *options)
    assert result.exit_code == 5
    assert SERIES in result.stderr


def test_a_refused_read_names_the_option_that_allows_gaps(qmd: Qmd, in_filled: Path):
    result = qmd("read", SERIES, "--start", "2026-11-14", "--end", NIGHT[1])
    assert "--allow-gaps" in result.stderr
    assert "on_missing" not in result.stderr


def test_a_backfill_from_the_future_is_refused_before_anything_is_asked_or_made(qmd: Qmd, own_home: Path):
    result = qmd("backfill", MARKET, "--start", "2999-01-01")
    assert result.exit_code == 2
    assert "--start is in the future" in result.stderr
    assert not own_home.exists()


def test_a_lake_of_sandbox_data_is_refused_before_anything_is_said_to_come_from_the_real_venues(
    qmd: Qmd, in_filled: Path
):
    result = qmd("backfill", MARKET, "--start", "2020-01-01", "--end", "2020-01-02")
    assert result.exit_code != 0
    assert "sandbox" in result.stderr
    assert "from the real venues" not in result.stderr
