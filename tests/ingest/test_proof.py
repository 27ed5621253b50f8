"""Coverage tells the truth at borders: of months, of listings, of a venue's history, of rollups."""

from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import ConfigError, UnknownMarket, VenueDown, VenueError
from qmd_platform.ingest import rollup
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.rollup import roll_up
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State, windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.market import truth
from qmd_platform.sandbox.server import running

MINUTE = 60_000
BITFINEX = Market("bitfinex", "BTC/USD")
BINANCE = Market("binance", "BTC/USDT")
GATE = Market("gate", "BTC/USDT")


def minutes(start: int, numbers: list[int]) -> Candles:
    at = start + np.array(numbers, np.int64) * MINUTE
    price = np.full(len(at), 100.0)
    return Candles(at, price, price, price, price, np.ones(len(at)))


def replay(folder: Path, rows: Candles) -> Path:
    folder.mkdir()
    lines = ["open_at,open,high,low,close,volume", *(f"{at},100.0,100.0,100.0,100.0,1.0" for at in rows.open_at)]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    entry = 'venue = "bitfinex"\nmarket = "BTC/USD"\ntable = "candles"\ntimeframe = "1m"\nfile = "rows.csv"\n'
    (folder / "replay.toml").write_text(f"[[series]]\n{entry}")
    return folder


@pytest.mark.parametrize("silent", [5, 40])
def test_silent_minutes_around_a_month_end_are_proven_empty_from_the_candles_beyond(tmp_path: Path, silent: int):
    border = instant("2026-02-01")
    held = [minute for minute in range(-600, 600) if not -silent <= minute < silent]
    lake = Lake.open(tmp_path / "lake")
    january = Window(border - 600 * MINUTE, border)
    with running(now=instant("2026-02-09"), replay=replay(tmp_path / "replay", minutes(border, held))) as url:
        (receipt,) = backfill(lake, [BITFINEX], Timeframe.M1, january, run_id="r", url=url)
    assert receipt.summary.missing == 0
    assert receipt.summary.verified_empty == silent
    assert lake.coverage(Series.candles(BITFINEX, Timeframe.M1), january)[-1].window.end == border


def test_a_silent_minute_that_has_only_just_closed_is_left_for_the_next_run(tmp_path: Path):
    start = instant("2026-02-09")
    recorded = replay(tmp_path / "replay", minutes(start, [*range(59), 62]))  # nothing in the minutes 59, 60, 61
    lake = Lake.open(tmp_path / "lake")
    series, hour = Series.candles(BITFINEX, Timeframe.M1), Window(start, start + 63 * MINUTE)
    with running(now=start + 60 * MINUTE + 3_000, replay=recorded) as url:
        (early,) = backfill(lake, [BITFINEX], Timeframe.M1, hour, run_id="r", url=url)
    assert (early.summary.expected, early.summary.present, early.summary.missing) == (59, 59, 0)
    with running(now=start + 63 * MINUTE + 3_000, replay=recorded) as url:
        (later,) = backfill(lake, [BITFINEX], Timeframe.M1, hour, run_id="r", url=url)
    assert (later.summary.present, later.summary.verified_empty, later.summary.missing) == (60, 3, 0)
    assert lake.coverage(series, hour)[-1].window.end == hour.end


def test_a_page_that_reaches_beyond_the_venues_history_loses_only_what_is_beyond(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    now = instant("2026-03-08")
    week = Window.of("2026-03-01", "2026-03-08")
    with running(now=now, gate_history_points=5_000) as url:
        (receipt,) = backfill(lake, [GATE], Timeframe.M1, week, run_id="r", url=url)
    ours = lake.candles(Series.candles(GATE, Timeframe.M1))
    assert 4_990 <= len(ours) <= 5_001
    held = Window(int(ours.open_at[0]), int(ours.open_at[-1]) + MINUTE)
    assert ours.equals(truth(GATE, Timeframe.M1, held, now))
    assert receipt.summary.missing == week.steps(MINUTE) - len(ours) - 1  # the last minute is not closed for good
    assert not receipt.failures


def test_a_failing_first_answer_about_the_oldest_candle_hides_no_candle_as_unlisted(tmp_path: Path):
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "empty_page"\npath = "klines"\nfirst = 1\n')
    lake = Lake.open(tmp_path / "lake")
    window = Window.of("2026-03-01", "2026-03-02")
    with running(now=instant("2026-03-05"), faults=faults) as url:
        (receipt,) = backfill(lake, [Market("binance", "BTC/USDT:USDT")], Timeframe.M1, window, run_id="r", url=url)
    assert receipt.summary.present == 1440
    assert receipt.summary.unlisted == 0


def test_rows_that_had_arrived_are_kept_when_the_question_after_them_fails(tmp_path: Path):
    faults = tmp_path / "faults.toml"
    first = '[[fault]]\nkind = "short_page"\npath = "candlesticks"\nfirst = 1\n'
    then = '[[fault]]\nkind = "server_error"\npath = "candlesticks"\nat = [2, 3, 4, 5, 6, 7, 8, 9]\n'
    faults.write_text(first + then)
    lake = Lake.open(tmp_path / "lake")
    window = Window.of("2026-03-01T00:00:00Z", "2026-03-01T04:00:00Z")
    with running(now=instant("2026-03-05"), faults=faults) as url:
        (receipt,) = backfill(lake, [GATE], Timeframe.M1, window, run_id="r", url=url)
    assert receipt.summary.present > 0
    assert receipt.summary.missing == 240 - receipt.summary.present
    assert receipt.failures


def test_what_is_refused_claims_no_world_and_keeps_no_instruments(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    window = Window.of("2026-03-01", "2026-03-02")
    with running(now=instant("2026-03-05")) as url:
        with pytest.raises(UnknownMarket):
            backfill(lake, [Market("binance", "FOO/BAR")], Timeframe.M1, window, run_id="r", url=url)
        with pytest.raises(ConfigError):
            backfill(lake, [GATE], Timeframe.M3, window, run_id="r", url=url)
    with pytest.raises(VenueError):
        backfill(lake, [BINANCE], Timeframe.M1, window, run_id="r", url=url)
    assert lake.series() == []
    lake.check_world("live")
    lake.check_world("sandbox")


def test_a_window_that_is_held_needs_no_venue(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    window = Window.of("2026-03-01", "2026-03-02")
    with running(now=instant("2026-03-05")) as url:
        backfill(lake, [BINANCE], Timeframe.M1, window, run_id="r", url=url)
    (receipt,) = backfill(lake, [BINANCE], Timeframe.M1, window, run_id="r", url=url)
    assert receipt.summary.present == 1440
    assert receipt.traffic.requests == 0


def test_a_longer_candle_over_a_missing_minute_is_missing_and_not_forgotten(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    start = instant("2026-03-01")
    day = Window(start, start + 1440 * MINUTE)
    rows = minutes(start, [number for number in range(1440) if number != 7])
    series = Series.candles(BINANCE, Timeframe.M1)
    lake.commit([Write(Partition(series, "2026-03"), rows.to_arrow(), asked=(day,))], run_id="r", source="test")
    (receipt,) = roll_up(lake, BINANCE, Timeframe.M5, day, run_id="r")
    assert (receipt.summary.expected, receipt.summary.present, receipt.summary.missing) == (288, 287, 1)
    hole = Window(start + 5 * MINUTE, start + 10 * MINUTE)
    assert Run(hole, State.MISSING, rollup.NOT_WHOLE) in receipt.runs


def test_a_slow_rollup_never_overwrites_one_of_newer_candles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lake = Lake.open(tmp_path / "lake")
    start = instant("2026-03-01")
    series = Series.candles(BINANCE, Timeframe.M1)
    partition = Partition(series, "2026-03")

    def hold(rows: Candles) -> None:
        asked = tuple(windows_of(rows.open_at, MINUTE))
        lake.commit([Write(partition, rows.to_arrow(), asked=asked)], run_id="r", source="test")

    hold(minutes(start, list(range(100))))
    computed = rollup.rolled_up
    overtaken = False

    def overtaking(*arguments: object) -> object:
        nonlocal overtaken
        slow = computed(*arguments)  # type: ignore[arg-type]  # handed on as they came
        if not overtaken:
            overtaken = True
            hold(minutes(start, list(range(100, 200))))
            roll_up(lake, BINANCE, Timeframe.M5, partition.window, run_id="fast")
        return slow

    monkeypatch.setattr(rollup, "rolled_up", overtaking)
    roll_up(lake, BINANCE, Timeframe.M5, partition.window, run_id="slow")
    assert len(lake.candles(Series.candles(BINANCE, Timeframe.M5))) == 40


def test_a_run_that_could_fetch_nothing_fails(tmp_path: Path):
    from qmd_platform.ingest.partitions import fill

    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "server_error"\npath = "klines"\nevery = 1\n')
    lake = Lake.open(tmp_path / "lake")
    partition = Partition(Series.candles(BINANCE, Timeframe.D1), "2026-02")
    with running(now=instant("2026-03-05"), faults=faults) as url, pytest.raises(VenueDown, match="nothing could be"):
        fill(lake, [partition], run_id="r", url=url)
