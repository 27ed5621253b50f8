"""What a backfill says where nothing can be had, is refused, or is held already. The fault plan: ``test_fault_plan``."""

from pathlib import Path

import pytest

from qmd_platform.errors import UnknownMarket
from qmd_platform.ingest.candles import backfill
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market
from qmd_platform.model.spans import State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import running

NOW = "2026-03-05T12:00:30Z"
WINDOW = Window.of("2026-03-02", NOW)
MARKETS = [
    Market("binance", "BTC/USDT"),
    Market("binance", "BTC/USDT:USDT"),
    Market("gate", "ETH/USDT"),
    Market("gate", "ETH/USDT:USDT"),
    Market("bitfinex", "BTC/USD"),
]


def faults(folder: Path, kind: str, rest: str) -> Path:
    file = folder / "faults.toml"
    file.write_text(f'[[fault]]\nkind = "{kind}"\n{rest}\n')
    return file


def test_a_venue_that_only_ever_fails_leaves_missing_candles_and_says_so(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    file = faults(tmp_path, "server_error", 'path = "klines"\nevery = 1')
    window = Window.of("2026-03-05T11:00:00Z", "2026-03-05T12:00:00Z")
    with running(now=instant(NOW), faults=file) as url:
        (receipt,) = backfill(lake, MARKETS[:1], Timeframe.M1, window, run_id="r", url=url)
    assert receipt.failures
    assert receipt.summary.missing == 60
    assert not receipt.is_complete
    assert {run.state for run in receipt.runs} == {State.MISSING}


def test_an_unknown_symbol_is_refused_with_the_closest_ones_and_changes_nothing(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    with running(now=instant(NOW)) as url, pytest.raises(UnknownMarket, match="BTC/USDT"):
        backfill(lake, [Market("binance", "BTC/USDTT")], Timeframe.M1, WINDOW, run_id="r", url=url)
    assert lake.series() == []


def test_running_it_again_asks_for_no_candle(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    with running(now=instant(NOW)) as url:
        backfill(lake, MARKETS, Timeframe.M1, WINDOW, run_id="first", url=url)
        receipts = backfill(lake, MARKETS, Timeframe.M1, WINDOW, run_id="second", url=url)
    assert [r.traffic.requests for r in receipts] == [0] * len(MARKETS)
    assert [r.new for r in receipts] == [0] * len(MARKETS)
