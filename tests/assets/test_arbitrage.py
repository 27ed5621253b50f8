"""The tables across venues in the UI: months made of what the lake holds, with the rows a person looks at first."""

from typing import Any

import dagster as dg

from assets.arbitrage import SHOWN, VIEWS
from assets.partitions import perpetuals_of
from qmd_platform.definitions import build_definitions
from qmd_platform.model.series import Partition, Series
from sensors.universe import align
from tests.assets.conftest import Filled
from tests.graph import at_home

LARGEST = 24_000
"""Characters of a chart: Dagster keeps it with every materialisation."""
RANGE = {"dagster/asset_partition_range_start": "2024-02", "dagster/asset_partition_range_end": "2024-03"}


def run(filled: Filled, job: str, tags: dict[str, str]) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(filled.universe).resolve_job_def(job)
    with at_home(filled.home, filled.url):
        return definitions.execute_in_process(instance=filled.instance, tags=tags, raise_on_error=False)


def told(result: dg.ExecuteInProcessResult, table: str) -> dict[str, dict[str, Any]]:
    """The metadata of each month of a table."""
    events = result.asset_materializations_for_node(f"arbitrage__{table}")
    return {str(event.partition): {name: value.value for name, value in event.metadata.items()} for event in events}


def test_months_are_made_of_funding_and_candles_and_making_them_again_changes_nothing(filled: Filled):
    align(filled.instance, filled.universe)
    (slug,) = filled.instance.get_dynamic_partitions(str(perpetuals_of("binance").name))
    months = {key: f"{slug}|{month}" for key, month in RANGE.items()}
    assert run(filled, "binance_funding", months).success
    first = run(filled, "arbitrage", RANGE)
    assert first.success
    carry, hedges = told(first, "funding_carry"), told(first, "cash_and_carry")
    assert set(carry) == set(hedges) == {"2024-02", "2024-03"}
    assert carry["2024-02"]["dagster/partition_row_count"] > 80, "three settlements a day"
    (best,) = [record.data for record in carry["2024-02"]["highest funding"].records]
    assert best["market"] == "binance:ETH/USDT:USDT"
    assert best["simple_168h_per_year"].endswith(" %")
    assert len(carry["2024-02"]["highest funding"].records) <= SHOWN
    assert carry["2024-02"]["chart"].startswith("![ETH: funding per hour by venue](data:image/svg+xml;base64,")
    for one in (*carry.values(), *hedges.values()):
        assert ("chart" in one) == (one["dagster/partition_row_count"] > 0)
        assert len(one.get("chart", "")) < LARGEST
    spreads = told(first, "venue_spreads")["2024-02"]
    assert "chart" not in spreads
    assert (spreads["dagster/partition_row_count"], "best pairs" in spreads) == (0, False), "one venue has no spreads"
    lives = told(first, "opportunities")
    assert set(lives) == set(RANGE.values())
    assert all("data:image/svg+xml" in each["chart"] for each in lives.values())
    assert {"in OPEN", "in HOLD", "in WATCH", "episodes of the month"} <= set(lives["2024-02"])
    states = filled.lake().states()
    assert run(filled, "arbitrage", RANGE).success
    assert filled.lake().states() == states


def test_every_table_has_a_view_of_columns_that_it_has():
    for view in VIEWS:
        names = {column.name for column in view.table.columns}
        assert {*view.of, view.at, view.by, *view.shows} <= names
        assert Partition(Series(view.table.name, "arbitrage"), "2024-02").window
