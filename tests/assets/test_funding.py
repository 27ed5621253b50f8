"""Funding in the UI: partitions by perpetual and month, each with its chart, its working and its checks."""

import dagster as dg

from assets.partitions import perpetuals_of
from qmd_platform.definitions import build_definitions
from qmd_platform.model.series import Market
from sensors.universe import align
from tests.assets.conftest import Filled
from tests.graph import at_home

PERPETUAL = Market("binance", "BTC/USDT:USDT")


def test_a_partition_is_fetched_judged_and_shown_with_its_working(filled: Filled):
    align(filled.instance, filled.universe)
    (slug,) = filled.instance.get_dynamic_partitions(str(perpetuals_of("binance").name))
    job = build_definitions(filled.universe).resolve_job_def("binance_funding")
    with at_home(filled.home, filled.url):
        result = job.execute_in_process(instance=filled.instance, partition_key=f"{slug}|2024-02", raise_on_error=False)
    assert result.success
    (event,) = result.asset_materializations_for_node("binance__funding_rates")
    told = {name: value.value for name, value in event.metadata.items()}
    assert told["settlements"] == told["dagster/partition_row_count"]
    assert "data:image/svg+xml;base64," in str(told["chart"])
    assert told["intervals"].endswith(" h")
    newest = event.metadata["newest settlements"].records[0].data
    assert newest["interval"].endswith("(neighbours)") or newest["interval"].endswith("(venue)")
    assert newest["a year"].endswith(" %")
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert set(checks) == {
        "settled_once",
        "rate_is_a_fraction",
        "no_settlement_missing",
        "interval_agrees",
        "not_at_cap",
    }
    assert all(isinstance(one, dg.AssetCheckEvaluation) and one.passed for one in checks.values())
