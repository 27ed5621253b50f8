"""Candle assets run by Dagster against a sandbox exchange: what is in the lake is what Dagster says is there."""

import re
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from assets import checks
from qmd_platform.coverage.summary import summarised
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import instant, iso
from qmd_platform.sandbox.server import running
from tests.assets.conftest import BTC, PERPETUAL, Filled
from tests.graph import NOW, at_home, instance_for, run, universe_in

MONTHS = ("2024-02", "2024-03")
TABLES = ("candles_1m", "candles_5m", "candles_1h", "candles_1d")
COUNTS = {"expected", "present", "missing", "verified empty", "unlisted", "quarantined"}


def receipts(result: dg.ExecuteInProcessResult, table: str) -> Mapping[str, dg.AssetMaterialization]:
    found = result.asset_materializations_for_node(f"binance__{table}")
    return {str(event.partition): event for event in found}


def numbers(event: dg.AssetMaterialization) -> dict[str, object]:
    return {name: value.value for name, value in event.metadata.items()}


def test_a_run_over_two_markets_and_two_months_fills_every_partition_of_every_table(filled: Filled):
    assert filled.first_run.success
    wanted = {f"{market.slug}|{month}" for market in (BTC, PERPETUAL) for month in MONTHS}
    assert all(set(receipts(filled.first_run, table)) == wanted for table in TABLES)


def test_each_partitions_receipt_counts_what_the_lake_holds_of_it(filled: Filled):
    with filled.lake() as lake:
        for table in TABLES:
            for key, event in receipts(filled.first_run, table).items():
                partition = Partition.from_key(table, key)
                step = partition.series.timeframe.step
                summary = summarised(lake.coverage(partition.series, partition.window), step)
                told = numbers(event)
                assert told["expected"] == summary.expected > 0
                assert told["present"] == told["dagster/partition_row_count"] == told["new"] == summary.present
                assert told["missing"] == summary.missing == 0
                assert told["data version"] == lake.state(partition).data_version
                assert re.fullmatch(r"all 1\d rules passed|failed: outage \(\d+ offenders\)", str(told["checks"]))


def test_the_month_that_is_not_over_holds_closed_candles_only(filled: Filled):
    with filled.lake() as lake:
        last = {table: lake.candles(Series(table, BTC.venue, BTC.symbol)).open_at[-1] for table in TABLES}
    assert {table: iso(int(at)) for table, at in last.items()} == {
        "candles_1m": "2024-03-02T00:02:00Z",
        "candles_5m": "2024-03-01T23:55:00Z",
        "candles_1h": "2024-03-01T23:00:00Z",
        "candles_1d": "2024-03-01T00:00:00Z",
    }
    assert all(at + Timeframe(table.removeprefix("candles_")).step <= instant(NOW) for table, at in last.items())


def test_the_receipt_carries_its_chart_in_the_page(filled: Filled):
    event = receipts(filled.first_run, "candles_1m")[f"{BTC.slug}|2024-02"]
    assert str(event.metadata["chart"].value).startswith("![binance:BTC/USDT:1m 2024-02](data:image/svg+xml;base64,")


def test_running_again_asks_for_no_candle_and_changes_nothing(filled: Filled):
    before = filled.stats()["candles"]
    with filled.lake() as lake:
        states = lake.states()
    again = filled.run(f"{BTC.slug}|2024-02", f"{PERPETUAL.slug}|2024-03")
    assert again.success
    assert filled.stats()["candles"] == before
    told = [numbers(event) for table in TABLES for event in receipts(again, table).values()]
    assert {(receipt["new"], receipt["changed"]) for receipt in told} == {(0, 0)}
    with filled.lake() as lake:
        assert lake.states() == states


def test_a_run_over_one_partition_carries_that_partitions_content_hash_as_its_data_version(filled: Filled):
    key = f"{BTC.slug}|2024-02"
    one = filled.run(key, key, "candles_5m")
    event = receipts(one, "candles_5m")[key]
    with filled.lake() as lake:
        state = lake.state(Partition(Series.candles(BTC, Timeframe.M5), "2024-02"))
    assert state is not None
    assert event.tags["dagster/data_version"] == state.data_version == event.metadata["data version"].value


def test_a_run_over_several_partitions_carries_one_data_version_made_of_theirs(filled: Filled):
    events = receipts(filled.first_run, "candles_5m").values()
    shared = {event.tags["dagster/data_version"] for event in events}
    own = {event.metadata["data version"].value for event in events}
    assert len(shared) == 1
    assert len(own) == len(events)
    assert not shared & own
    again = filled.run(f"{BTC.slug}|2024-02", f"{PERPETUAL.slug}|2024-03", "candles_5m")
    assert {event.tags["dagster/data_version"] for event in receipts(again, "candles_5m").values()} == shared


def test_every_check_reports_and_its_verdicts_are_in_the_ledger_by_partition(filled: Filled):
    evaluations = filled.first_run.get_asset_check_evaluations()
    # A made-up market has quiet stretches: they are what the rule looks for, and only a warning.
    assert {one.check_name for one in evaluations if not one.passed} <= {"outage_or_stale"}
    checked = {
        table: checks.of(fetched=table in ("candles_1m", "candles_1h"), native=table == "candles_1h")
        for table in TABLES
    }
    keys = [f"{market.slug}|{month}" for market in (BTC, PERPETUAL) for month in MONTHS]
    wanted = {(table, check.name, key) for table in TABLES for check in checked[table] for key in keys}
    assert {(one.asset_key.path[-1], one.check_name, one.partition) for one in evaluations} == wanted
    assert len(evaluations) == len(wanted)
    with filled.lake() as lake:
        verdicts = lake.ledger.verdicts(Series.candles(BTC, Timeframe.M1))
    assert {verdict.partition.month for verdict in verdicts} == set(MONTHS)
    assert {verdict.rule for verdict in verdicts if not verdict.passed} <= {"outage"}


def test_a_market_the_venue_does_not_list_fails_the_run_and_is_named(tmp_path: Path):
    text = 'start = "2024-03-01"\n[venues.binance]\nmarkets = ["NOPE/USDT"]\n'
    universe, slug = universe_in(tmp_path, text), Market("binance", "NOPE/USDT").slug
    with running(now=NOW) as url, at_home(tmp_path, url), instance_for(universe, tmp_path) as instance:
        result = run(universe, instance, "binance", f"{slug}|2024-03", f"{slug}|2024-03", tables=("candles_1m",))
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    error = failure.step_failure_data.error
    while error.cause is not None:
        error = error.cause
    assert "UnknownMarket" in error.message
    assert "NOPE/USDT" in error.message
