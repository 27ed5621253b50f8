"""A gap sensor's tick as tests take it, and a lake with few candles for it to look at.

What lives here: one tick, the runs a daemon would make, months put into the lake. What does not: the tests (``test_gaps``).
"""

import time
from collections.abc import Callable
from uuid import uuid4

import dagster as dg

from qmd_platform.config import Universe, open_lake
from qmd_platform.definitions import build_definitions
from qmd_platform.lake.store import Write
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Window, month_of, month_window
from qmd_platform.sandbox.market import truth
from sensors.gaps import gap_sensor
from sensors.schedules import candles_job

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
NOW = time.time_ns() // 1_000_000
DAY = 86_400_000
BTC = Market("binance", "BTC/USDT")
ETH = Market("binance", "ETH/USDT")
LAST = month_of(NOW)
BEFORE = month_of(month_window(LAST).start - DAY)

UNIVERSE = f"""
start = "{BEFORE}-01"
timeframes = ["4h", "1d"]

[venues.binance]
markets = ["BTC/USDT", "ETH/USDT"]
base = "1h"
native = ["1w"]
"""
"""Hours, so that there are few candles; days are made of them, weeks are fetched too."""


class Tick:
    """What one tick asked for and said."""

    def __init__(self, universe: Universe, instance: dg.DagsterInstance, cursor: str | None = None) -> None:
        venue = universe.venues["binance"]
        definitions = build_definitions(universe).get_repository_def()
        with dg.build_sensor_context(instance=instance, repository_def=definitions, cursor=cursor) as context:
            said: list[str] = []
            context.log.info = lambda form, *values: said.append(form % values)
            result = gap_sensor(venue, candles_job(venue), universe)(context)
        self.said = said
        skipped = result if isinstance(result, dg.SkipReason) else result.skip_reason
        self.skipped = str(skipped.skip_message) if skipped else ""
        self.asked = list(result.run_requests or ()) if isinstance(result, dg.SensorResult) else []
        self.cursor = result.cursor if isinstance(result, dg.SensorResult) else None


Ticking = Callable[[], Tick]


def started(
    instance: dg.DagsterInstance, asked: dg.RunRequest, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED
) -> dg.DagsterRun:
    """The run that the daemon makes of a request."""
    run = dg.DagsterRun(
        "binance_candles",
        str(uuid4()),
        status=status,
        tags={**asked.tags, "dagster/run_key": str(asked.run_key)},
        asset_selection=frozenset(asked.asset_selection or ()),
    )
    instance.add_run(run)
    return run


def tables(asked: dg.RunRequest) -> list[str]:
    return [key.path[-1] for key in asked.asset_selection or ()]


def held(market: Market, month: str, step: str = "1h", *, explained: tuple[Run, ...] = ()) -> None:
    """Put a month into the lake as `qmd backfill` does; windows of ``explained`` are not there."""
    series = Series(f"candles_{step}", market.venue, market.symbol)
    window = month_window(month)
    closed = NOW // series.timeframe.step * series.timeframe.step
    window = Window(window.start, min(window.end, closed))
    rows = truth(market, series.timeframe, window, NOW)
    for run in explained:
        parts = [rows.within(Window(window.start, run.window.start))] if run.window.start > window.start else []
        rows = type(rows).concat([*parts, rows.within(Window(run.window.end, window.end))])
    answers = tuple(Answered(run.window, NOW, "test", "", 0) for run in explained)
    write = Write(Partition(series, month), rows.to_arrow(), asked=(window,), explained=explained, evidence=answers)
    with open_lake() as lake:
        lake.claim_world("live")
        lake.commit([write], run_id="x", source="live:binance")


def whole_lake() -> None:
    for market in (BTC, ETH):
        for month in (BEFORE, LAST):
            for step in ("1h", "4h", "1d"):
                held(market, month, step)


def told(instance: dg.DagsterInstance) -> None:
    """Dagster knows all that ``whole_lake`` made."""
    for table in ("candles_1h", "candles_4h", "candles_1d"):
        for market in (BTC, ETH):
            for month in (BEFORE, LAST):
                key = dg.AssetKey(["binance", table])
                instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=f"{market.slug}|{month}"))
