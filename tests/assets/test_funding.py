"""Funding in the UI, with mark, index and premium: partitions by perpetual and month, each with its chart and its checks."""

from typing import Any

import dagster as dg
import pytest

from assets import basis
from assets.partitions import perpetuals_of
from qmd_platform.definitions import build_definitions
from qmd_platform.model.series import Market
from sensors.universe import align
from tests.assets.conftest import Filled
from tests.graph import at_home

PERPETUAL = Market("binance", "BTC/USDT:USDT")


@pytest.fixture(scope="module")
def result(filled: Filled) -> dg.ExecuteInProcessResult:
    """A month of one perpetual."""
    align(filled.instance, filled.universe)
    (slug,) = filled.instance.get_dynamic_partitions(str(perpetuals_of("binance").name))
    job = build_definitions(filled.universe).resolve_job_def("binance_funding")
    with at_home(filled.home, filled.url):
        return job.execute_in_process(instance=filled.instance, partition_key=f"{slug}|2024-02", raise_on_error=False)


def checks_of(result: dg.ExecuteInProcessResult, table: str) -> dict[str, dg.AssetCheckEvaluation]:
    return {
        one.check_name: one for one in result.get_asset_check_evaluations() if one.asset_key.path == ["binance", table]
    }


def test_a_partition_is_fetched_judged_and_shown_with_its_working(result: dg.ExecuteInProcessResult):
    assert result.success
    (event,) = result.asset_materializations_for_node("binance__funding_rates")
    told = {name: value.value for name, value in event.metadata.items()}
    assert told["settlements"] == told["dagster/partition_row_count"]
    assert "data:image/svg+xml;base64," in str(told["chart"])
    assert told["intervals"].endswith(" h")
    newest = event.metadata["newest settlements"].records[0].data
    assert newest["interval"].endswith("(neighbours)") or newest["interval"].endswith("(venue)")
    assert newest["a year"].endswith(" %")
    checks = checks_of(result, "funding_rates")
    assert set(checks) == {
        "settled_once",
        "rate_is_a_fraction",
        "no_settlement_missing",
        "interval_agrees",
        "not_at_cap",
    }
    assert all(isinstance(one, dg.AssetCheckEvaluation) and one.passed for one in checks.values())


@pytest.mark.parametrize("table", ["mark_candles", "index_candles", "premium_candles"])
def test_mark_index_and_premium_come_with_it(result: dg.ExecuteInProcessResult, table: str):
    (event,) = result.asset_materializations_for_node(f"binance__{table}")
    told = {name: value.value for name, value in event.metadata.items()}
    assert told["hours"] == told["dagster/partition_row_count"] == 29 * 24
    assert (told["missing"], told["kept apart"]) == (0, 0)
    assert "data:image/svg+xml;base64," in str(told["chart"])
    checks = checks_of(result, table)
    values = "finite_fraction" if table == "premium_candles" else "finite_and_positive"
    assert set(checks) == {"on_the_grid", values, "high_and_low", "no_hour_missing"}
    assert all(one.passed for one in checks.values())


def test_the_basis_is_made_of_them(result: dg.ExecuteInProcessResult, filled: Filled):
    assert result.success
    job = build_definitions(filled.universe).resolve_job_def("arbitrage")
    with at_home(filled.home, filled.url):
        made = job.execute_in_process(
            instance=filled.instance, partition_key="2024-02", asset_selection=[basis.KEY], raise_on_error=False
        )
    (event,) = made.asset_materializations_for_node("arbitrage__basis")
    told: dict[str, Any] = {name: value.value for name, value in event.metadata.items()}
    assert told["dagster/partition_row_count"] == 29 * 24 - 1, "the last hour of a month is known in the next"
    (row,) = [record.data for record in told["farthest from the index"].records]
    assert (row["market"], row["price_spot_bps"]) == ("binance:ETH/USDT:USDT", "")
    assert abs(float(row["mark_index_bps"])) < 50
    assert "data:image/svg+xml;base64," in str(told["chart"])
