"""A gap sensor's tick over many markets: Dagster ends a tick that takes too long, and it would never get further."""

import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._grpc.client import DEFAULT_SENSOR_GRPC_TIMEOUT

from qmd_platform.config import Universe, open_lake
from qmd_platform.lake.store import Write
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import Window, month_window
from qmd_platform.sandbox.market import truth
from sensors.universe import align
from tests.graph import universe_in
from tests.sensors.ticking import BEFORE, BTC, DAY, LAST, NOW, Tick

pytestmark = pytest.mark.slow

MARKETS = 500
UNIVERSE = f"""
start = "{BEFORE}-01"
timeframes = ["1d"]

[venues.binance]
markets = {[f"M{number:03d}/USDT" for number in range(MARKETS)]}
base = "1h"
"""


def fill(universe: Universe) -> None:
    """The month before for every market; every third one has a hole of a day."""
    window = month_window(BEFORE)
    hole = Window(window.start + 9 * DAY, window.start + 10 * DAY)
    with open_lake() as lake:
        lake.claim_world("live")
        for step in ("1h", "1d"):
            series = Series(f"candles_{step}", BTC.venue, BTC.symbol)
            whole = truth(BTC, series.timeframe, window, NOW)
            parts = (Window(window.start, hole.start), Window(hole.end, window.end))
            holed = type(whole).concat([whole.within(part) for part in parts])
            writes = [
                Write(Partition(Series.candles(market, series.timeframe), BEFORE), rows.to_arrow())
                for number, market in enumerate(universe.markets)
                for rows in [whole if number % 3 else holed]
            ]
            lake.commit(writes, run_id="x", source="live:binance")


def test_a_tick_over_five_hundred_markets_takes_a_fraction_of_the_time_that_dagster_gives_it(tmp_path: Path):
    universe = universe_in(tmp_path, UNIVERSE)
    (tmp_path / "dagster").mkdir()
    fill(universe)
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster"), {"telemetry": {"enabled": False}}) as instance:
        align(instance, universe)
        began = time.monotonic()
        looked = Tick(universe, instance)
        seconds = time.monotonic() - began
    assert looked.asked[0].tags["dagster/asset_partition_range_end"] == f"binance~M{MARKETS - 1}-USDT|{LAST}"
    assert sum("24 candles never asked for" in line for line in looked.said) > 100
    assert seconds < DEFAULT_SENSOR_GRPC_TIMEOUT / 3
