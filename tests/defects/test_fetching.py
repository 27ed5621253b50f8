"""Defects of well-known collectors that this one does not have: what is asked, taken and said of what is not there.

Each test is named after the defect. All go over a real socket, through ccxt, into a real lake.
"""

import time
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import CoverageError, OutOfTime, UnknownMarket, VenueDown
from qmd_platform.ingest.asking import Asking, Deadlines
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.instruments import refresh
from qmd_platform.ingest.partitions import fill
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import State
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.reader import candles as read_candles
from qmd_platform.sandbox.server import serving
from tests.ingest.accounts import BITFINEX, CLOSED, GATE, GATE_PERPETUAL, NOW, SPOT, USDM, WINDOW, playing

HOUR = 60 * MINUTE


def test_a_forming_candle_is_not_stored_as_final(tmp_path: Path):
    with playing(tmp_path, [{"kind": "forming"}]) as played:
        played.fill([SPOT, GATE])
        last = instant(NOW) // MINUTE * MINUTE - MINUTE
        for market in (SPOT, GATE):
            assert int(played.held(market).open_at[-1]) == last, "the minute of the clock has not ended"
            assert played.held(market).equals(played.truth(market))


def test_the_last_candle_of_a_covered_window_is_not_lost(tmp_path: Path):
    hour = Window.of("2026-03-05T08:00:00Z", "2026-03-05T09:00:00Z")
    with playing(tmp_path) as played:
        played.fill([SPOT], hour)
        played.fill([SPOT], Window(hour.end, hour.end + HOUR))
        open_at = played.held(SPOT).open_at
    assert np.array_equal(open_at, np.arange(hour.start, hour.end + HOUR, MINUTE))


def test_an_empty_page_is_not_the_end_of_the_data(tmp_path: Path):
    with playing(tmp_path, [{"kind": "empty_page", "at": [2]}]) as played:
        played.fill([SPOT])
        played.assert_true([SPOT])


def test_a_window_that_starts_before_the_listing_returns_what_was_listed(tmp_path: Path):
    late = Market("binance", "LATE/USDT")
    window = Window.of("2026-10-14", "2026-10-16")
    with playing(tmp_path, now="2026-10-20T00:00:30Z") as played:
        played.fill([late], window)
        true = played.truth(late, window)
        assert len(true)
        assert played.held(late).equals(true)
        before = Window(window.start, int(true.open_at[0]))
        assert played.windows(late, State.UNLISTED, window) == [before]


def test_a_window_that_is_known_to_be_empty_is_not_asked_for_for_ever(tmp_path: Path):
    gap = {"kind": "gap", "market": str(SPOT), "start": "2026-03-05T02:00:00Z", "end": "2026-03-05T03:00:00Z"}
    with playing(tmp_path, [gap]) as played:
        played.fill([SPOT])
        assert sum(w.steps(MINUTE) for w in played.windows(SPOT, State.VERIFIED_EMPTY)) == 60
        asked = len(played.sandbox.requests())
        played.fill([SPOT], CLOSED)
        assert len(played.sandbox.requests()) == asked, "not one request more, not even for the clock"


def test_a_total_failure_is_not_an_empty_frame(tmp_path: Path):
    month = Partition(Series.candles(SPOT, Timeframe.H1), "2026-03")
    with playing(tmp_path, [{"kind": "server_error", "path": "klines"}]) as played:
        with pytest.raises(VenueDown, match="nothing could be fetched"):
            fill(played.lake, [month], run_id="r", url=played.sandbox.url, asking=Asking(archive=False))
        with pytest.raises(CoverageError):
            read_candles(str(SPOT), "1h", CLOSED.start, CLOSED.end, strategy="fail_fast", home=tmp_path)


def test_what_cannot_succeed_is_not_tried_again(tmp_path: Path):
    known = Market("binance", "NEW/USDT")
    listing = {"market": str(known), "like": "binance:LINK/USDT", "listed_at": "2026-01-01T00:00:00Z"}
    with serving(now=instant(NOW), listings=[listing]) as sandbox, Lake.open(tmp_path / "lake") as lake:
        refresh(lake, "binance", run_id="listed", url=sandbox.url)
    with playing(tmp_path) as played:
        for market in (known, Market("binance", "NOSUCH/USDT")):
            with pytest.raises(UnknownMarket):
                played.fill([market])
        asked = [line["status"] for line in played.sandbox.requests() if "klines" in line["endpoint"]]
    assert asked == [400], "once for the market that was listed before, and not at all for the other"


def test_a_deadline_is_not_measured_only_after_the_wait(tmp_path: Path):
    with playing(tmp_path, [{"kind": "hang", "path": "klines", "seconds": 60}]) as played:
        began = time.monotonic()
        asking = Asking(archive=False, deadlines=Deadlines(request_s=30, partition_s=1.0))
        receipts = backfill(
            played.lake, [SPOT], Timeframe.M1, WINDOW, run_id="r", url=played.sandbox.url, asking=asking
        )
        assert time.monotonic() - began < 20, "one request would have hung for a minute"
        assert receipts[0].failures
        assert "the deadline came first" in receipts[0].failures[0]
        assert played.windows(SPOT, State.MISSING) == [CLOSED]


def test_a_run_that_is_late_says_so_and_keeps_what_it_has(tmp_path: Path):
    window = Window.of("2026-01-01", NOW)
    with playing(tmp_path, [{"kind": "hang", "path": "klines", "at": [3], "seconds": 60}]) as played:
        asking = Asking(archive=False, deadlines=Deadlines(request_s=30, run_s=4.0))
        with pytest.raises(OutOfTime, match="are over"):
            backfill(played.lake, [SPOT], Timeframe.H1, window, run_id="r", url=played.sandbox.url, asking=asking)
        played.sandbox.plan_faults([])
        played.fill([SPOT], window, Timeframe.H1)
        assert played.held(SPOT, Timeframe.H1).equals(played.truth(SPOT, window, Timeframe.H1))


def test_spot_and_swap_of_one_name_are_not_mixed_up(tmp_path: Path):
    with playing(tmp_path) as played:
        played.fill([SPOT, USDM, GATE, GATE_PERPETUAL])
        for market in (SPOT, USDM, GATE, GATE_PERPETUAL):
            assert played.held(market).equals(played.truth(market)), market
        assert not played.held(SPOT).equals(played.held(USDM))
        assert not played.held(GATE).equals(played.held(GATE_PERPETUAL))


def test_two_symbols_never_have_one_id():
    names = ["BTC/USDT", "BTC/USDT:USDT", "BTC/USDT:USDT-240329", "BTCUSDT", "BTC/USD:BTC", "1000PEPE/USDT:USDT"]
    markets = [Market(venue, name) for venue in ("binance", "gate") for name in names if "/" in name]
    partitions = [Partition(Series.candles(market, Timeframe.M1), "2026-03") for market in markets]
    assert len({str(one) for one in partitions}) == len(partitions)
    assert len({market.slug for market in markets}) == len(markets)
    assert [Market.from_slug(market.slug) for market in markets] == markets


def test_candles_at_the_borders_of_pages_are_neither_lost_nor_doubled(tmp_path: Path):
    with playing(tmp_path) as played:
        played.fill([SPOT, USDM, BITFINEX])
        for market in (SPOT, USDM, BITFINEX):
            open_at = played.held(market).open_at
            assert len(np.unique(open_at)) == len(open_at)
            assert played.held(market).equals(played.truth(market))
        assert sum(receipt.duplicates for receipt in played.receipts) == 0


def test_what_is_known_of_coverage_is_never_out_of_date(tmp_path: Path):
    with playing(tmp_path) as played:
        first, rest = Window(CLOSED.start, CLOSED.start + HOUR), Window(CLOSED.start, CLOSED.start + 2 * HOUR)
        played.fill([SPOT], first)
        series = Series.candles(SPOT, Timeframe.M1)
        assert [run.window for run in played.lake.coverage(series, rest)] == [first]
        played.fill([SPOT], rest)
        assert [run.window for run in played.lake.coverage(series, rest)] == [rest], "the same open lake says it"


def test_the_interval_of_one_series_is_not_applied_to_another(tmp_path: Path):
    with playing(tmp_path) as played:
        for timeframe in (Timeframe.M1, Timeframe.M5, Timeframe.H1):
            played.fill([SPOT], CLOSED, timeframe)
        for timeframe in (Timeframe.M1, Timeframe.M5, Timeframe.H1):
            held = played.held(SPOT, timeframe)
            assert np.all(np.diff(held.open_at) == timeframe.step)
            assert held.equals(played.truth(SPOT, CLOSED, timeframe))


def test_gaps_at_the_edges_of_a_window_are_told(tmp_path: Path):
    gap = {"kind": "gap", "market": str(SPOT)}
    edges = [
        gap | {"start": "2026-03-04", "end": "2026-03-04T00:05:00Z"},
        gap | {"start": "2026-03-05T11:55:00Z", "end": NOW},
    ]
    with playing(tmp_path, edges) as played:
        played.fill([SPOT])
        lacking = [*played.windows(SPOT, State.MISSING), *played.windows(SPOT, State.VERIFIED_EMPTY)]
    assert {(window.start, window.end) for window in lacking} == {
        (CLOSED.start, CLOSED.start + 5 * MINUTE),
        (CLOSED.end - 5 * MINUTE, CLOSED.end),
    }


@pytest.mark.parametrize("value", ["low_above_high", "negative"])
def test_impossible_values_are_not_let_in_unflagged(tmp_path: Path, value: str):
    with playing(tmp_path, [{"kind": "bad_values", "value": value}]) as played:
        (receipt,) = played.fill([SPOT], Window(CLOSED.start, CLOSED.start + HOUR))
        assert receipt.quarantined
        held = played.held(SPOT)
        assert np.all(held.low <= held.high)
        assert np.all(held.volume >= 0)
        assert played.windows(SPOT, State.QUARANTINED, Window(CLOSED.start, CLOSED.start + HOUR))
