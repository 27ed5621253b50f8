"""Every venue and kind of market over real sockets: what the lake holds afterwards is the truth, candle for candle."""

from pathlib import Path

import pytest

from qmd_platform.coverage.causes import TOO_OLD, UNLISTED
from qmd_platform.ingest.candles import backfill
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import State, in_state
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, Window, instant
from qmd_platform.sandbox.market import truth
from qmd_platform.sandbox.server import running
from qmd_platform.venues import facts
from tests.ingest.accounts import playing

NOW = "2026-03-05T12:00:30Z"
MARKETS = [
    "binance:BTC/USDT",
    "binance:BTC/USDT:USDT",
    "bitfinex:BTC/USD",
    "bitfinex:ETH/USDT:USDT",
    "bybit:ETH/USDT",
    "bybit:BTC/USDT:USDT",
    "gate:BTC/USDT",
    "gate:BTC/USDT:USDT",
    "kraken:BTC/USD",
    "okx:BTC/USDT",
    "okx:DOGE/USDT:USDT",
]
LATE_NOW = "2026-10-15T11:02:30Z"
LATE = "2026-10-15T08:37:00Z"
KRAKEN = Market("kraken", "BTC/USD")


def filled(
    folder: Path, markets: list[Market], timeframe: Timeframe, window: Window, now: str = NOW
) -> tuple[Lake, list[str]]:
    """A lake after one backfill from a sandbox that stands still, and what failed."""
    lake = Lake.open(folder / "lake")
    with running(now=now) as url:
        receipts = backfill(lake, markets, timeframe, window, run_id="r", url=url)
    return lake, [failure for receipt in receipts for failure in receipt.failures]


def held(lake: Lake, market: Market, timeframe: Timeframe) -> Candles:
    return lake.candles(Series.candles(market, timeframe))


def closed(timeframe: Timeframe, now: str = NOW) -> Instant:
    return (instant(now) - 2_000) // timeframe.step * timeframe.step


SLOW = [pytest.param(one, marks=pytest.mark.slow) for one in (Timeframe.H1, Timeframe.D1)]


@pytest.mark.parametrize("text", MARKETS)
@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M5, *SLOW])
def test_the_lake_holds_the_truth_of_every_venue_and_kind_across_page_boundaries(
    tmp_path: Path, text: str, timeframe: Timeframe
):
    market = Market.parse(text)
    # More than a page of OKX, and all that Kraken serves but a few; a year of days takes the sandbox seconds to make.
    count = 701 if timeframe < Timeframe.D1 else 301 if market.venue == "okx" else 41
    end = closed(timeframe)
    window = Window(end - count * timeframe.step, end)
    lake, failures = filled(tmp_path, [market], timeframe, window)
    assert failures == []
    series, true = Series.candles(market, timeframe), truth(market, timeframe, window, instant(NOW))
    assert held(lake, market, timeframe).equals(true)
    assert facts.of(market.venue, market.kind).omits_empty or len(true) == count
    runs = lake.coverage(series, window)
    assert sum(one.steps(timeframe.step) for one in in_state(runs, State.PRESENT)) == len(true)
    assert in_state(runs, State.UNLISTED) == in_state(runs, State.QUARANTINED) == []


@pytest.mark.parametrize(
    "text", ["okx:LATE/USDT", "okx:LATE/USDT:USDT", "bybit:LATE/USDT", "bybit:LATE/USDT:USDT", "kraken:LATE/USD"]
)
@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M5, Timeframe.H1, Timeframe.D1])
def test_a_market_begins_with_the_candle_it_was_listed_in_and_what_is_before_is_unlisted(
    tmp_path: Path, text: str, timeframe: Timeframe
):
    market, step = Market.parse(text), timeframe.step
    first = instant(LATE) // step * step
    now = LATE_NOW if timeframe < Timeframe.D1 else "2026-10-18T00:00:30Z"
    window = Window(first - 40 * step, closed(timeframe, now))
    lake, failures = filled(tmp_path, [market], timeframe, window, now)
    assert failures == []
    true = truth(market, timeframe, window, instant(now))
    assert int(true.open_at[0]) == first
    assert held(lake, market, timeframe).equals(true)
    runs = lake.coverage(Series.candles(market, timeframe), window)
    assert [(run.window, run.cause) for run in runs if run.state is State.UNLISTED] == [
        (Window(window.start, first), UNLISTED)
    ]
    assert in_state(runs, State.MISSING) == []


def test_kraken_serves_its_newest_720_candles_and_what_is_older_is_told_as_too_old_in_few_requests(tmp_path: Path):
    week = Window.of("2026-02-26", "2026-03-05T12:00:00Z")
    with running(now=NOW) as url:
        lake = Lake.open(tmp_path / "lake")
        receipts = backfill(lake, [KRAKEN], Timeframe.M1, week, run_id="r", url=url)
    requests = sum(receipt.traffic.requests for receipt in receipts)
    assert requests <= 4, "nothing is asked for that is too old by the venue's own clock"
    assert [failure for receipt in receipts for failure in receipt.failures] == []
    newest = instant(NOW) // MINUTE * MINUTE
    served = Window(newest - 719 * MINUTE, newest)
    ours = held(lake, KRAKEN, Timeframe.M1)
    assert ours.equals(truth(KRAKEN, Timeframe.M1, served, instant(NOW)))
    runs = lake.coverage(Series.candles(KRAKEN, Timeframe.M1), week)
    missing = [(run.window, run.cause) for run in runs if run.state is State.MISSING]
    assert {cause for _, cause in missing} == {TOO_OLD}
    assert sum(window.steps(MINUTE) for window, _ in missing) == week.steps(MINUTE) - len(ours)


def test_where_the_universe_begins_before_what_kraken_serves_a_tail_is_one_request(tmp_path: Path):
    """It does not ask every time where the market begins: what is older is known as too old."""
    week = Window.of("2026-02-26", "2026-03-06")
    with playing(tmp_path, now=NOW) as played:
        played.fill([KRAKEN], week)
        for later in ("2026-03-05T12:05:30Z", "2026-03-05T12:10:30Z"):
            played.sandbox.move_clock(later)
            played.sandbox.reset()
            (receipt,) = [one for one in played.fill([KRAKEN], week, tail=5) if one.new]
            assert (receipt.new, receipt.reread) == (5, 5)
            assert len([one for one in played.sandbox.requests() if one.get("market")]) == 1


def test_kraken_keeps_what_is_held_when_it_serves_it_no_longer(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    day = Window.of("2026-03-05", "2026-03-07")
    for now in (NOW, "2026-03-05T23:50:30Z", "2026-03-06T11:40:30Z"):
        with running(now=now) as url:
            backfill(lake, [KRAKEN], Timeframe.M1, day, run_id="r", url=url)
    kept = Window.of("2026-03-05T00:01:00Z", "2026-03-06T11:40:00Z")
    whole = truth(KRAKEN, Timeframe.M1, kept, instant("2026-03-06T11:40:30Z"))
    assert held(lake, KRAKEN, Timeframe.M1).equals(whole)
