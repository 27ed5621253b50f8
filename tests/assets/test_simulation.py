"""The simulation in the UI: two tables of one step, with the picture and the rules beside baselines, costs and parts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from assets.simulation import KEYS, simulation_of
from qmd_platform.config import load_universe
from qmd_platform.definitions import build_definitions
from qmd_platform.lake.store import Lake
from qmd_platform.model.window import Window, month_window
from tests.graph import at_home, instance_for, universe_in
from tests.ingest.fundedlake import HOUR, every, flat, put_candles, put_funding

RANGE = {"dagster/asset_partition_range_start": "2024-02", "dagster/asset_partition_range_end": "2024-03"}
UNIVERSE = """
start = "2024-02-01"

[venues.binance]
markets = ["BTC/USDT", "BTC/USDT:USDT"]

[venues.gate]
markets = ["BTC/USDT:USDT"]

[arbitrage]
slippage = 0.0
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, dg.ExecuteInProcessResult]]:
    """A lake of three markets, and one run over two months of it."""
    home = tmp_path_factory.mktemp("simulated")
    universe = universe_in(home, UNIVERSE)
    window = Window(month_window("2024-02").start, month_window("2024-03").end)
    with Lake.open(home / "lake") as lake, at_home(home, ""), instance_for(universe, home) as instance:
        rates = np.random.default_rng(4).normal(3e-4, 2e-4, 179).tolist()
        for market in universe.markets:
            put_candles(lake, market, flat(100.0, window))
            if market.kind == "perpetual":
                paid = rates if market.venue == "binance" else [0.0] * len(rates)
                put_funding(lake, market, every(8, paid, first=window.start + 8 * HOUR))
        job = build_definitions(universe).resolve_job_def("simulation")
        yield lake, job.execute_in_process(instance=instance, tags=RANGE, raise_on_error=False)


def told(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, dict[str, Any]]:
    """The metadata of each month of an asset."""
    events = [one for one in result.asset_materializations_for_node("arbitrage__simulation") if one.asset_key == key]
    return {str(event.partition): {name: value.value for name, value in event.metadata.items()} for event in events}


def test_a_run_makes_both_tables_of_every_month(done: tuple[Lake, dg.ExecuteInProcessResult]):
    lake, result = done
    assert result.success
    for key in KEYS:
        months = told(result, key)
        assert set(months) == {"2024-02", "2024-03"}
        for month, found in months.items():
            assert found["dagster/partition_row_count"] > 0, month
            assert found["equity"].startswith("![simulated until 2024-0")
            assert len(found["equity"]) < 40_000
    made = {str(state.partition) for state in lake.states() if state.partition.series.venue == "arbitrage"}
    assert made == {f"arbitrage:{key.path[-1]} {month}" for key in KEYS for month in ("2024-02", "2024-03")}


def test_a_month_shows_rules_and_baselines_at_each_cost_and_part(done: tuple[Lake, dg.ExecuteInProcessResult]):
    found = told(done[1], KEYS[0])["2024-02"]
    rows = [record.data for record in found["rules, costs, split"].records]
    seen = {(row["kind"], row["strategy"]) for row in rows}
    assert {("cash_and_carry", "rules"), ("spread", "always_on"), ("reverse", "flat")} <= seen
    assert {row["part"] for row in rows} == {"all"}, "a month is too short for a split"
    for row in rows:
        nets = [float(row[f"net, {scenario}"].replace(",", "")) for scenario in ("double", "base", "free")]
        assert nets == sorted(nets)
    assert all(row["net_quote"] for row in (record.data for record in found["best pairs"].records))


def test_a_universe_without_perpetuals_has_no_simulation(tmp_path: Path):
    text = 'start = "2024-02-01"\n[venues.binance]\nmarkets = ["BTC/USDT"]\n'
    universe = universe_in(tmp_path, text)
    assert simulation_of(load_universe(universe.path)) == []
