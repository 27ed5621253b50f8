"""History read again: what is equal, what the exchange has changed since, and what follows from it."""

import time

import dagster as dg
import pyarrow as pa

from qmd_platform.definitions import build_definitions
from qmd_platform.lake.store import Write
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.timeframe import Timeframe
from tests.assets.conftest import BTC, Filled
from tests.graph import at_home

MINUTES = Series.candles(BTC, Timeframe.M1)


def reread(filled: Filled, **config: object) -> tuple[dg.ExecuteInProcessResult, dict[str, object]]:
    """One run of the asset, and its numbers."""
    job = build_definitions(filled.universe).resolve_job_def("binance_rereading")
    settings = {"ops": {"binance__rereading": {"config": config}}}
    with at_home(filled.home, filled.url):
        result = job.execute_in_process(instance=filled.instance, run_config=settings, raise_on_error=False)
    (event,) = result.asset_materializations_for_node("binance__rereading")
    return result, {name: value.value for name, value in event.metadata.items()}


def verdict(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = result.get_asset_check_evaluations()
    return found


def test_a_sample_that_comes_back_as_it_was_is_counted_and_changes_nothing(filled: Filled):
    before = filled.lake().states()
    result, told = reread(filled, pages=6, at="2024-03-02")
    assert result.success
    assert told["windows"] == 6
    assert told["compared"] == told["equal"]
    assert int(str(told["compared"])) > 0
    assert told["restated"] == told["vanished"] == told["not read"] == 0
    assert verdict(result).passed
    versions = {state.partition: state.data_version for state in before}
    assert {state.partition: state.data_version for state in filled.lake().states()} == versions


def test_a_night_takes_no_more_requests_than_it_may(filled: Filled):
    _, told = reread(filled, pages=4, at="2024-03-03")
    assert int(str(told["requests"])) <= 4


def test_a_restated_candle_is_a_new_version_a_row_of_the_table_and_a_warning(filled: Filled):
    partition = Partition(MINUTES, "2024-02")
    lake = filled.lake()
    right = lake.candles(MINUTES, partition.window)
    table = right.to_arrow()
    closes = table.column("close").to_pylist()
    wrong = [closes[0], closes[1] + 0.01, *closes[2:]]
    place = table.schema.get_field_index("close")
    spoiled = table.set_column(place, table.schema.field(place), pa.array(wrong, table.schema.field(place).type))
    now = time.time_ns() // 1_000_000  # of two rows for a candle the one that was fetched later stays
    changed = Write(partition, spoiled.slice(1, 1), asked=(), fetched_at=now)
    lake.commit([changed], run_id="then", source="sandbox:binance")
    result, told = reread(filled, whole_months=True, at="2024-03-04")
    assert told["restated"] == 1
    found = verdict(result)
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    rows = [record.data for record in told["restated rows"].records]
    assert any(row["candle"] == "2024-02-01T00:01:00Z" and row["series"] == str(MINUTES) for row in rows)
    assert filled.lake().candles(MINUTES, partition.window).to_arrow().equals(table)
