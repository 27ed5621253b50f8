"""Funding is kept fresh every hour, and mark, index and premium with it."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from assets.partitions import perpetuals_of
from qmd_platform.definitions import build_definitions
from tests.graph import instance_for, universe_in

OKX = """
start = "2026-01-01"
timeframes = ["1h"]

[venues.okx]
markets = ["BTC/USDT:USDT", "BTC/USDT"]
"""


def test_every_table_of_a_venue_is_asked_for_with_its_tail_and_none_that_it_has_not(tmp_path: Path):
    universe = universe_in(tmp_path, OKX)
    repository = build_definitions(universe).get_repository_def()
    schedule = repository.get_schedule_def("okx_funding_hourly")
    with instance_for(universe, tmp_path) as instance:
        slugs = instance.get_dynamic_partitions(str(perpetuals_of("okx").name))
        at = datetime(2026, 3, 1, 5, 12, tzinfo=UTC)
        with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
            (request,) = schedule.evaluate_tick(context).run_requests or ()
    assert set(request.run_config["ops"]) == {"okx__funding_rates", "okx__mark_candles", "okx__index_candles"}
    assert all(op["config"] == {"tail": 3, "recheck": True} for op in request.run_config["ops"].values())
    assert request.tags["dagster/asset_partition_range_start"] == f"{slugs[0]}|2026-02", "a month ends a day late"
