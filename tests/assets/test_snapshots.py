"""Perpetuals as they are now in the UI: each month with its chart and its newest rows, or with the reason why it has none."""

from pathlib import Path
from typing import Any

import dagster as dg

from qmd_platform.definitions import build_definitions
from qmd_platform.model.series import Market
from qmd_platform.sandbox.server import running
from tests.graph import NOW, at_home, instance_for, universe_in

PERPETUAL = Market("binance", "ETH/USDT:USDT")
RANGE = {"dagster/asset_partition_range_start": "2024-02", "dagster/asset_partition_range_end": "2024-03"}


def told(result: dg.ExecuteInProcessResult, table: str) -> dict[str, dict[str, Any]]:
    """The metadata of each month of a table."""
    events = result.asset_materializations_for_node(f"binance__{table}")
    return {str(event.partition): {name: value.value for name, value in event.metadata.items()} for event in events}


def test_a_look_is_shown_in_its_month_and_a_month_that_is_over_says_why_it_has_none(tmp_path: Path):
    universe = universe_in(tmp_path)
    job = build_definitions(universe).resolve_job_def("binance_snapshots")
    with running(now=NOW) as url, at_home(tmp_path, url), instance_for(universe, tmp_path) as instance:
        first = job.execute_in_process(instance=instance, tags=RANGE, raise_on_error=False)
        assert first.success
    predictions, interest, errors = (
        told(first, table) for table in ("funding_predictions", "open_interest", "prediction_error")
    )
    assert predictions["2024-02"]["no rows"].startswith("It begins at the first capture")
    assert predictions["2024-03"]["dagster/partition_row_count"] == 1
    (row,) = (record.data for record in predictions["2024-03"]["newest predictions"].records)
    assert (row["market"], row["next settlement"], row["interval"]) == (str(PERPETUAL), "2024-03-02T08:00:00Z", "8 h")
    assert "data:image/svg+xml;base64," in predictions["2024-03"]["chart"]
    assert predictions["2024-03"]["requests"] > 0
    assert interest["2024-02"]["dagster/partition_row_count"] > 2_000, "a row a quarter of an hour, 29 days back"
    (row,) = (record.data for record in interest["2024-03"]["newest open interest"].records)
    assert row["counted at"] == "2024-03-02T00:00:00Z"
    assert row["quote"]
    assert errors["2024-03"]["no rows"].startswith("Made of what the lake holds")
