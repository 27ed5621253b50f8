"""The deterministic market: the same candle however it is asked for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.model.candles import rolled_up
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.market import BLOCK, Trading, in_base, trading, truth
from qmd_platform.sandbox.universe import Listing, listings

NOW = instant("2026-11-20T12:34:56.789Z")
DAY = 1440 * MINUTE
ALL = listings()
BY_MARKET = {str(listing.market): listing for listing in ALL}
LATE = BY_MARKET["binance:LATE/USDT"]
ETHER = BY_MARKET["binance:ETH/USDT"]
SPARSE = BY_MARKET["bitfinex:BTC/USDT"]

some_listing = st.sampled_from([one for one in ALL if one.base in {"BTC", "XRP", "1000PEPE", "LATE"}])
some_start = st.integers(instant("2026-10-01") // MINUTE, NOW // MINUTE).map(lambda minute: minute * MINUTE)
longer = st.sampled_from([t for t in Timeframe if t is not Timeframe.M1])


def same(one: Trading, other: Trading) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Trading.__slots__)


@given(some_listing, some_start, st.integers(1, 400), st.integers(0, 400))
def test_a_minute_is_the_same_whatever_window_it_is_asked_in(listing: Listing, start: int, count: int, skip: int):
    whole = trading(listing, MINUTE, start, start + (count + skip) * MINUTE, NOW)
    part = trading(listing, MINUTE, start + skip * MINUTE, start + (count + skip) * MINUTE, NOW)
    assert same(whole.take(whole.open_at >= start + skip * MINUTE), part)


@given(some_listing, longer, some_start, st.integers(1, 20))
def test_a_longer_candle_is_the_exact_rollup_of_the_minutes_shown(
    listing: Listing, timeframe: Timeframe, start: int, count: int
):
    window = Window(start, start + count * timeframe.step).snapped(timeframe.step)
    assert window is not None
    minutes = truth(listing.market, Timeframe.M1, window, NOW)
    rolled, _ = rolled_up(minutes.within(Window(0, NOW // timeframe.step * timeframe.step)), timeframe.step, MINUTE)
    assert truth(listing.market, timeframe, window, NOW).equals(rolled)


def test_a_long_window_is_computed_in_blocks_that_do_not_show():
    start = instant("2026-01-01")
    days = trading(ETHER, DAY, start, start + 300 * DAY, NOW)
    for at in (0, 90, 91, 92, 299):
        one = trading(ETHER, DAY, start + at * DAY, start + (at + 1) * DAY, NOW)
        assert same(days.take(slice(at, at + 1)), one)


@given(some_listing, some_start)
def test_prices_are_positive_and_ordered(listing: Listing, start: int):
    rows = trading(listing, MINUTE, start, start + 500 * MINUTE, NOW)
    assert (rows.low >= 1).all()
    assert (rows.high >= np.maximum(rows.open, rows.close)).all()
    assert (rows.low <= np.minimum(rows.open, rows.close)).all()
    assert (rows.volume >= 0).all()
    assert (rows.taker <= rows.volume).all()


@pytest.mark.parametrize("market", ["binance:BTC/USDT", "gate:BTC/USDT:USDT"])
def test_an_open_is_mostly_the_last_close_and_never_far_from_it(market: str):
    start = instant("2026-03-01")
    rows = trading(BY_MARKET[market], MINUTE, start, start + 10 * DAY, NOW)
    off = np.abs(rows.open[1:] - rows.close[:-1])
    assert off.max() == 1
    assert 0.02 < (off > 0).mean() < 0.1


def test_a_venue_that_prints_flat_candles_has_every_minute():
    start = instant("2026-03-01")
    rows = trading(BY_MARKET["gate:BTC/USDT"], MINUTE, start, start + 10 * DAY, NOW)
    idle = np.flatnonzero(rows.volume == 0)
    idle = idle[idle > 0]
    assert np.array_equal(rows.open_at, np.arange(start, start + 10 * DAY, MINUTE))
    assert 50 < len(idle) < 2000
    for name in ("open", "high", "low", "close"):
        assert np.array_equal(getattr(rows, name)[idle], rows.close[idle - 1])
    assert not rows.trades[idle].any()


def test_a_venue_that_omits_them_has_holes_and_no_candle_without_volume():
    start = instant("2026-03-01")
    rows = trading(SPARSE, MINUTE, start, start + 10 * DAY, NOW)
    holes = np.diff(rows.open_at) // MINUTE
    assert (rows.volume > 0).all()
    assert 0.5 < len(rows) / 14400 < 0.9
    assert 5 < holes.max() < BLOCK


def test_nothing_trades_before_the_listing_and_the_first_minute_does():
    window = Window(LATE.listed_at - DAY, LATE.listed_at + DAY)
    minutes = truth(LATE.market, Timeframe.M1, window, NOW)
    hours = truth(LATE.market, Timeframe.H1, window, NOW)
    assert minutes.open_at[0] == LATE.listed_at
    assert minutes.volume[0] > 0
    assert len(minutes) == 1440
    # The hour the listing falls into is there, and starts with it.
    assert hours.open_at[0] == instant("2026-10-15T08:00Z")
    assert hours.open[0] == minutes.open[0]
    assert hours.volume[0] == pytest.approx(minutes.volume[:23].sum())


def test_the_candle_in_progress_grows_towards_its_final_values_and_differs_from_them():
    for listing in (BY_MARKET["binance:BTC/USDT"], BY_MARKET["gate:BTC/USDT:USDT"], BY_MARKET["bitfinex:BTC/USD"]):
        start = NOW // MINUTE * MINUTE
        final = trading(listing, MINUTE, start, start + MINUTE, start + MINUTE)
        before = None
        for elapsed in (1, 10_000, 30_000, 59_999):
            part = trading(listing, MINUTE, start, start + MINUTE, start + elapsed)
            if not len(part):
                assert listing.omits_empty
                continue
            assert part.open[0] == final.open[0]
            assert part.volume[0] < final.volume[0]
            assert part.high[0] <= final.high[0]
            assert part.low[0] >= final.low[0]
            if before is not None:
                assert part.volume[0] >= before.volume[0]
                assert part.high[0] >= before.high[0]
                assert part.low[0] <= before.low[0]
            before = part


def test_a_longer_candle_in_progress_holds_what_has_happened_so_far():
    listing = BY_MARKET["binance:BTC/USDT"]
    start = NOW // (60 * MINUTE) * 60 * MINUTE
    hour = trading(listing, 60 * MINUTE, start, NOW, NOW)
    minutes = trading(listing, MINUTE, start, NOW + 1, NOW)
    assert len(minutes) == 35
    assert hour.volume.tolist() == [minutes.volume.sum()]
    assert hour.close[0] == minutes.close[-1]


def test_truth_holds_closed_candles_only():
    window = Window(NOW - DAY, NOW + DAY)
    for timeframe in (Timeframe.M1, Timeframe.H1):
        last = truth(LATE.market, timeframe, window, NOW).open_at[-1]
        assert last + timeframe.step <= NOW < last + 2 * timeframe.step


def test_truth_counts_volume_in_base_coins_to_the_last_digit():
    listing = BY_MARKET["gate:BTC/USDT:USDT"]
    lots = np.array([0, 1, 3, 12345, 70001])
    assert in_base(lots, listing).tolist() == [0.0, 0.0001, 0.0003, 1.2345, 7.0001]
    assert in_base(lots, replace(listing, lot_digits=1)).tolist() == [0.0, 0.00001, 0.00003, 0.12345, 0.70001]


def test_an_unknown_market_has_no_truth():
    with pytest.raises(ConfigError, match="binance:NOPE/USDT"):
        truth(Market("binance", "NOPE/USDT"), Timeframe.M1, Window(0, DAY), NOW)


def test_venues_disagree_a_little_about_the_same_coin():
    window = Window(NOW - DAY, NOW)
    one, other = (
        truth(Market.parse(name), Timeframe.M1, window, NOW).close for name in ("binance:BTC/USDT", "gate:BTC/USDT")
    )
    apart = np.abs(one / other - 1)
    assert 0 < apart.max() < 0.005


def test_whole_numbers_stay_far_from_the_end_of_64_bits():
    for listing in ALL:
        day = trading(listing, DAY, NOW - 3 * DAY, NOW, NOW)
        assert day.quote.min() > 0
        assert day.quote.max() < 2**60
        assert day.volume.max() < 2**53


def test_a_day_of_the_market_never_changes_between_versions():
    rows = truth(Market.parse("binance:BTC/USDT"), Timeframe.H6, Window.of("2026-03-01", "2026-03-02"), NOW)
    assert rows.open_at.tolist() == [instant(f"2026-03-01T{hour}:00Z") for hour in ("00", "06", "12", "18")]
    assert rows.open.tolist() == [66155.73, 66051.71, 65838.54, 65703.49]
    assert rows.high.tolist() == [66400.36, 66175.02, 66072.2, 65763.68]
    assert rows.low.tolist() == [66040.35, 65813.92, 65683.0, 65364.88]
    assert rows.close.tolist() == [66051.71, 65838.54, 65703.49, 65419.28]
    assert rows.volume.tolist() == [235.31458, 337.66514, 327.38797, 261.77084]
