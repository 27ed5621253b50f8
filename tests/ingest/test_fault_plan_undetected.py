"""Faults that no single answer gives away: what is then held, to the candle, and that reading again puts it right."""

from pathlib import Path

import numpy as np

from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, instant
from tests.ingest.accounts import BITFINEX, CLOSED, GATE, SPOT, USDM, WINDOW, Played, playing

ETHER = Market("binance", "ETH/USDT")


def different(played: Played, market: Market, window: Window = WINDOW) -> list[int]:
    """Open times at which the lake holds other values than the truth; it must hold the same times."""
    held, true = played.held(market).within(window), played.truth(market, window)
    assert held.open_at.tolist() == true.open_at.tolist()
    same = np.logical_and.reduce([getattr(held, name) == getattr(true, name) for name in COLUMNS])
    return [int(at) for at in held.open_at[~same]]


def put_right(played: Played, market: Market, wrong: int) -> None:
    """The fault ends; the window is read again; ``wrong`` candles change and then all is true."""
    played.sandbox.plan_faults(None)
    (receipt,) = played.fill([market], again=(WINDOW,))
    assert receipt.changed == wrong
    played.assert_true([market])
    played.assert_conserved([market])


def test_candles_served_half_built_are_exactly_the_newest_of_each_page_and_are_put_right(tmp_path: Path):
    with playing(tmp_path, [{"kind": "half_built", "path": "klines"}]) as played:
        played.fill([SPOT])
        newest = sorted((page["end"] - 1) // MINUTE * MINUTE for page in played.pages(SPOT))
        assert different(played, SPOT) == newest
        assert len(newest) == 3
        put_right(played, SPOT, len(newest))


def test_another_markets_page_is_kept_as_it_came_and_put_right(tmp_path: Path):
    fault = {"kind": "wrong_market", "of": str(ETHER), "path": "klines", "at": [2]}
    with playing(tmp_path, [fault]) as played:
        played.fill([SPOT])
        (page,) = (page for page in played.pages(SPOT) if page["fault"])
        window = Window(page["start"], page["end"])
        wrong = different(played, SPOT)
        assert wrong == [int(at) for at in played.truth(SPOT, window).open_at]
        assert played.held(SPOT).within(window).equals(played.truth(ETHER, window))
        put_right(played, SPOT, len(wrong))


def test_candles_labelled_one_late_are_all_one_late_and_put_right(tmp_path: Path):
    with playing(tmp_path, [{"kind": "shifted", "by": 1, "path": "klines"}]) as played:
        played.fill([USDM])
        before = played.truth(USDM, Window(CLOSED.start - MINUTE, CLOSED.end - MINUTE))
        late = Candles(before.open_at + MINUTE, *(getattr(before, name) for name in COLUMNS[1:]))
        assert played.held(USDM).equals(late)
        put_right(played, USDM, len(late))


def test_a_clock_that_is_ahead_stores_a_forming_candle_that_the_next_tail_puts_right(tmp_path: Path):
    with playing(tmp_path, [{"kind": "clock_skew", "seconds": 90}]) as played:
        played.fill([SPOT])
        forming = instant("2026-03-05T12:00:00Z")
        assert int(played.held(SPOT).open_at[-1]) == forming
        played.sandbox.plan_faults(None)
        played.sandbox.move_clock("2026-03-05T12:05:30Z")
        later = Window.of("2026-03-04", "2026-03-05T12:05:00Z")
        (receipt,) = played.fill([SPOT], later, tail=3)
        assert receipt.changed == 1
        played.assert_true([SPOT], later)
        played.assert_conserved([SPOT])


def test_a_restatement_is_seen_by_who_reads_again_and_by_nobody_else(tmp_path: Path):
    window = Window.of("2026-03-05T11:56:00Z", "2026-03-05T11:59:00Z")
    markets = [SPOT, GATE, BITFINEX]
    restated = [
        {
            "kind": "restated",
            "market": str(market),
            "start": window.start,
            "end": window.end,
            "ticks": 3,
            "since": "2026-03-05T12:02:00Z",
        }
        for market in markets
    ]
    with playing(tmp_path, restated) as played:
        played.fill(markets)
        played.assert_true(markets)
        played.sandbox.move_clock("2026-03-05T12:03:30Z")
        later = Window.of("2026-03-04", "2026-03-05T12:03:00Z")
        receipts = played.fill(markets, later)
        assert [receipt.changed for receipt in receipts] == [0, 0, 0]
        for market in markets:
            old = [int(at) for at in played.truth(market, window).open_at]
            assert different(played, market, later) == old
        played.sandbox.move_clock("2026-03-05T12:04:30Z")
        latest = Window.of("2026-03-04", "2026-03-05T12:04:00Z")
        receipts = played.fill(markets, latest, tail=10)
        assert [receipt.changed for receipt in receipts] == [
            len(played.truth(receipt.partition.series.market, window)) for receipt in receipts
        ]
        played.assert_true(markets, latest)
        played.assert_conserved(markets)


def test_a_restatement_in_the_middle_of_a_run_is_held_as_each_page_came(tmp_path: Path):
    restated = {"kind": "restated", "market": str(SPOT), "start": CLOSED.start, "end": CLOSED.end, "ticks": 5}
    with playing(tmp_path, [restated | {"from_request": 3}]) as played:
        played.fill([SPOT])
        wrong = different(played, SPOT)
        first = [page for page in played.pages(SPOT) if page["status"] == 200][:2]
        # The oldest candle was asked for first, so one page came before the third request.
        assert len(wrong) == sum(page["rows"] for page in first[: len(first) - 1])
        (receipt,) = played.fill([SPOT], again=(WINDOW,))
        assert receipt.changed == len(wrong)
        played.assert_true([SPOT])
        played.assert_conserved([SPOT])
