"""A run of a candle asset takes in first what a collector has heard, and says so."""

from pathlib import Path

from qmd_platform.lake.store import Lake
from qmd_platform.live.log import FOLDER, Log
from qmd_platform.model.candles import COLUMNS
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.venues.streams.records import HeardCandle
from tests.assets.test_candles import numbers, receipts
from tests.graph import at_home, instance_for, run, universe_in

NOW = "2024-03-01T00:30:30Z"
BTC = Market("binance", "BTC/USDT")
MINUTE = 60_000


def test_a_run_takes_in_what_was_heard_and_asks_for_the_rest(tmp_path: Path):
    series, start = Series.candles(BTC, Timeframe.M1), instant("2024-03-01T00:00:00Z")
    universe = universe_in(tmp_path, 'start = "2024-03-01"\n[venues.binance]\nmarkets = ["BTC/USDT"]\n')
    key = f"{BTC.slug}|2024-03"
    with (
        serving(now=NOW) as sandbox,
        at_home(tmp_path, sandbox.url),
        instance_for(universe, tmp_path) as instance,
    ):
        truth = sandbox.truth(BTC, Timeframe.M1, Window(start, instant(NOW)))
        log = Log(tmp_path / FOLDER, world="sandbox")
        rows = zip(*(getattr(truth, name).tolist() for name in COLUMNS), strict=True)
        log.append([HeardCandle(series, *row, True, None, row[0] + MINUTE) for row in rows][:20])
        log.close()
        result = run(universe, instance, "binance", key, key, tables=("candles_1m",))
    assert result.success
    told = numbers(receipts(result, "candles_1m")[key])
    assert (told["heard live"], told["new"], told["present"]) == (20, 30, 30)
    with Lake.open(tmp_path / "lake") as lake:
        assert lake.candles(series).equals(truth)
        assert [one.source for one in lake.ledger.versions(series)] == ["sandbox:binance", "sandbox:binance/stream"]
