"""What the lake knows without reading a row, the series' two spellings, and the same from an event loop."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import ConfigError, CoverageError, Unmet
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.rollup import ROLLUP
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.reader import Range, Sla, Source, aio, candles, coverage, gaps, read, read_many
from tests.reader.worlds import HANG, HOUR, MARKET, NEVER, NEW, NOW, SERIES, World, at, span

INNER = (span("11:00", "11:20"), span("11:23", "12:00"))


def test_coverage_speaks_about_every_closed_candle_with_the_cause(played: World):
    home = played.home("covered", *INNER)
    played.fails()
    told = coverage(SERIES, start=HOUR.start, end=at("13:00"), home=home, now=NOW)
    assert told.window == HOUR
    assert told.runs == (
        Run(span("11:00", "11:20"), State.PRESENT),
        Run(span("11:20", "11:23"), State.MISSING, "nobody has asked for it"),
        Run(span("11:23", "12:00"), State.PRESENT),
    )
    assert told.gaps == gaps(str(SERIES), HOUR.start, HOUR.end, home=home, now=NOW) == [span("11:20", "11:23")]
    assert told.share == 57 / 60
    assert told.frame["candles"].tolist() == [20, 3, 37]
    assert str(told.frame.dtypes["start"]).endswith("UTC]")
    assert played.asked == 0


def test_a_series_and_a_market_with_its_timeframe_are_the_same(played: World):
    home = played.home("spelled", HOUR)
    said = [
        candles(str(MARKET), "1m", HOUR.start, HOUR.end, home=home, now=NOW),
        candles(str(SERIES), HOUR.start, HOUR.end, home=home, now=NOW),
        candles(SERIES, start=HOUR.start, end=HOUR.end, home=home, now=NOW),
        candles(MARKET, "1m", HOUR.start, HOUR.end, home=home, now=NOW),  # type: ignore[call-overload]  # works as well
        read_many(SERIES, HOUR.start, HOUR.end, home=home, now=NOW)[str(SERIES)].frame,  # type: ignore[arg-type]  # too
    ]
    assert all(one.equals(said[0]) for one in said)
    for args, says in (
        ((str(MARKET), HOUR.start, HOUR.end), "has no timeframe"),
        ((str(SERIES), HOUR.start), "needs"),
        ((str(MARKET),), "has no timeframe"),
        ((str(SERIES), 1.5, HOUR.end), "not a time"),
        ((str(SERIES), True, HOUR.end), "not a time"),
        ((str(SERIES), HOUR.start // 1000, HOUR.end // 1000), "start 1772708400 is in 1970 .*looks like seconds"),
        ((str(SERIES), HOUR.start * 1_000_000, HOUR.end * 1_000_000), "in no year .*not micro- or nanoseconds"),
        ((Series.funding(MARKET), HOUR.start, HOUR.end), "no series of candles"),
    ):
        with pytest.raises(ConfigError, match=says):
            read(*args, home=home)


@pytest.mark.parametrize("strategy", ["fail_fast", "seamless", "auto_backfill", "partial_fill"])
def test_a_window_that_ends_within_a_candle_holds_all_of_it_and_nobody_is_asked(strategy: Any, played: World):
    home = played.home(f"uneven {strategy}", HOUR)
    played.fails()
    start, end = at("11:10") + 1, at("11:30") + 30_000
    found = read(SERIES, start=start, end=end, home=home, now=NOW, url=played.sandbox.url, strategy=strategy)
    assert found.rows.equals(played.truth(span("11:11", "11:31")))
    assert found.provenance.ranges == (Range(span("11:11", "11:31"), Source.LAKE, 20, version=1),)
    assert found.filling is None
    assert coverage(SERIES, start=start, end=end, home=home, now=NOW).window == span("11:11", "11:31")
    assert played.asked == 0


def test_longer_candles_of_a_window_that_ends_within_one_are_whole_beside_shorter_ones(played: World):
    home = played.home("uneven together", HOUR)
    hourly = Series.candles(MARKET, Timeframe.H1)
    with Lake.open(home / "lake") as lake:
        backfill(lake, [MARKET], Timeframe.H1, HOUR, run_id="r", url=played.sandbox.url)
    found = read_many([hourly, SERIES], HOUR.start, at("11:30"), home=home, now=NOW)
    assert [(one.window, one.rows) for one in found[str(hourly)].provenance.ranges] == [(HOUR, 1)]
    assert [(one.window, one.rows) for one in found[str(SERIES)].provenance.ranges] == [(span("11:00", "11:30"), 30)]


def test_many_series_are_read_in_one_state_of_the_lake(played: World):
    home = played.home("many", HOUR)
    played.fails()
    other = Series.candles(NEW, Timeframe.M1)
    with Lake.open(home / "lake") as lake:
        backfill(lake, [NEW], Timeframe.M1, span("11:15", "12:00"), run_id="r", url=played.sandbox.url)
        last = lake.ledger.last_commit()
    found = read_many([SERIES, str(other)], at("11:20"), HOUR.end, home=home, now=NOW)
    assert list(found) == [str(SERIES), str(other)]
    assert {one.provenance.commit for one in found.values()} == {last}
    for series in (SERIES, other):
        alone = read(series, start=at("11:20"), end=HOUR.end, home=home, now=NOW, strategy="fail_fast")
        assert found[str(series)].rows.equals(alone.rows)
        assert found[str(series)].provenance == alone.provenance
    with pytest.raises(Unmet, match="NEW/USDT:1m: 15 of the candles"):
        read_many([SERIES, other], HOUR.start, HOUR.end, home=home, now=NOW)
    held = read_many([SERIES, other], HOUR.start, HOUR.end, home=home, now=NOW, on_missing="allow")
    assert [len(one) for one in held.values()] == [60, 45]
    with pytest.raises(CoverageError, match="does not hold binance:ETC/USDT:1m"):
        read_many([SERIES, "binance:ETC/USDT:1m"], HOUR.start, HOUR.end, home=home, now=NOW, on_missing="allow")
    assert read_many([], HOUR.start, HOUR.end, home=home) == {}


def test_longer_candles_are_made_by_the_universes_rule(played: World):
    home = played.folder / "ruled"
    home.mkdir()
    (home / "universe.toml").write_text(
        'start = "2026-01-01"\ntimeframes = ["5m"]\n[venues.binance]\nmarkets = ["BTC/USDT"]\nnative = ["15m"]\n'
    )
    played.fails()
    made = read(str(MARKET), "5m", HOUR.start, HOUR.end, home=home, now=NOW, url=played.sandbox.url)
    assert made.rows.equals(played.sandbox.truth(MARKET, Timeframe.M5, HOUR))
    fetched = read(str(MARKET), "15m", HOUR.start, HOUR.end, home=home, now=NOW, url=played.sandbox.url)
    assert fetched.rows.equals(played.sandbox.truth(MARKET, Timeframe.M15, HOUR))
    with Lake.open(home / "lake") as lake:
        sources = {one.partition.series.table: one.source for one in lake.ledger.versions() if one.rows}
        assert sources["candles_5m"] == f"{ROLLUP}candles_1m"
        assert sources["candles_15m"] == sources["candles_1m"] == "sandbox:binance"


def test_what_was_fetched_as_such_goes_on_so_whatever_the_universe_says(played: World):
    home = played.folder / "fetched"
    played.fails()
    options = {"home": home, "now": NOW, "url": played.sandbox.url}
    (home).mkdir()
    (home / "universe.toml").write_text('start = "2026-01-01"\ntimeframes = []\n[venues.binance]\nmarkets = []\n')
    read(str(MARKET), "5m", HOUR.start, at("11:30"), **options)
    (home / "universe.toml").write_text('start = "2026-01-01"\ntimeframes = ["5m"]\n[venues.binance]\nmarkets = []\n')
    found = read(str(MARKET), "5m", HOUR.start, HOUR.end, **options)
    assert len(found) == 12
    with Lake.open(home / "lake") as lake:
        assert not lake.states(SERIES)


def test_an_event_loop_goes_on_while_a_venue_hangs(played: World):
    home = played.home("awaited", *INNER)
    played.fails(HANG)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.01)

    async def both() -> None:
        turning = asyncio.create_task(turn())
        with pytest.raises(Unmet) as told:
            await aio.read(
                SERIES, start=HOUR.start, end=HOUR.end, home=home, url=played.sandbox.url, sla=Sla(total_s=0.5)
            )
        assert told.value.reason == "total_late"
        held = await aio.candles(SERIES, start=HOUR.start, end=at("11:20"), home=home, now=NOW)
        assert len(held) == 20
        told_ = await aio.coverage(SERIES, start=HOUR.start, end=HOUR.end, home=home, now=NOW)
        assert await aio.gaps(SERIES, start=HOUR.start, end=HOUR.end, home=home, now=NOW) == told_.gaps
        turning.cancel()

    asyncio.run(both())
    assert turns > 5


def test_who_is_cancelled_stops_waiting_at_once(played: World):
    home = played.home("cancelled", *INNER)
    played.fails(HANG)

    async def cancelled() -> float:
        reading = aio.read(
            SERIES, start=HOUR.start, end=HOUR.end, home=home, url=played.sandbox.url, sla=Sla(total_s=2)
        )
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reading, 0.2)
        return time.monotonic() - began

    assert asyncio.run(cancelled()) < NEVER / 2


def test_a_sync_read_works_inside_a_running_event_loop_as_in_a_notebook(played: World, tmp_path: Path):
    played.fails()

    async def cell() -> int:
        return len(read(SERIES, start=HOUR.start, end=HOUR.end, home=tmp_path, now=NOW, url=played.sandbox.url))

    assert asyncio.run(cell()) == 60
