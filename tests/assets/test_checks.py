"""Asset checks: every rule is in one, they say what failed where, and severe ones stop what stands on the table."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from assets import checks
from qmd_platform.lake.store import Lake
from qmd_platform.lake.writes import Write
from qmd_platform.ledger.records import Verdict
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.quality import rules
from qmd_platform.sandbox.server import running
from tests.graph import NOW, at_home, instance_for, run, universe_in

MARKET = Market("binance", "BTC/USDT")
PARTITIONS = [Partition(Series.candles(MARKET, Timeframe.M1), month) for month in ("2024-02", "2024-03")]


def verdict(partition: Partition, rule: rules.Rule, *offenders: str) -> Verdict:
    sample = json.dumps([{"open_at": at} for at in offenders])
    return Verdict(partition, rule.name, rule.severity.value, not offenders, len(offenders), sample, "v", 0, 1)


def all_passed() -> list[Verdict]:
    return [verdict(partition, rule) for partition in PARTITIONS for rule in rules.CANDLE_RULES]


def test_every_rule_is_in_exactly_one_check():
    grouped = [rule for check in checks.NATIVE_CHECKS for rule in check.rules]
    assert sorted(rule.name for rule in grouped) == sorted(rule.name for rule in rules.CANDLE_RULES)


@pytest.mark.parametrize("check", checks.NATIVE_CHECKS, ids=lambda check: check.name)
def test_the_rules_of_a_check_are_equally_severe_and_block_alike(check: checks.Check):
    assert len({(rule.severity, rule.blocking) for rule in check.rules}) == 1


def test_a_run_over_clean_partitions_passes_every_check_and_counts_them():
    results = checks.results(all_passed(), native=True)
    assert [result.check_name for result in results] == [check.name for check in checks.NATIVE_CHECKS]
    assert all(result.passed for result in results)
    assert {result.metadata["partitions judged"].value for result in results} == {2}


def test_a_failed_check_names_partition_rule_and_rows_and_leaves_the_others_alone():
    held = [one for one in all_passed() if (one.partition, one.rule) != (PARTITIONS[1], rules.FINITE.name)]
    broken = verdict(PARTITIONS[1], rules.FINITE, "2024-03-01T00:07:00Z", "2024-03-01T00:09:00Z")
    results = {result.check_name: result for result in checks.results([*held, broken], native=True)}
    failed = results.pop("finite_and_not_negative")
    assert not failed.passed
    assert failed.metadata["offenders"].value == 2
    assert failed.metadata["failed"].value == f"{PARTITIONS[1]} (finite)"
    rows = [record.data for record in failed.metadata["offending rows"].records]
    assert [json.loads(str(row["offender"]))["open_at"][11:16] for row in rows] == ["00:07", "00:09"]
    assert {row["partition"] for row in rows} == {str(PARTITIONS[1])}
    assert all(result.passed for result in results.values())


def test_a_partitions_own_verdicts_are_one_sentence_of_its_receipt():
    held = all_passed()[: len(rules.CANDLE_RULES)]
    assert checks.sentence(held) == f"all {len(held)} rules passed"
    assert checks.sentence([*held, verdict(PARTITIONS[0], rules.COMPLETE, "x")]) == "failed: complete (1 offenders)"
    assert checks.sentence([]) == "nothing to judge"


def damage(lake: Lake, partition: Partition) -> None:
    """Write a candle whose high is below its low over a good one, as no ingest of ours would."""
    good = lake.candles(partition.series, partition.window).take(slice(7, 8))
    bad = replace(good, high=good.low - 1)
    lake.commit([Write(partition, bad.to_arrow())], run_id="vandal", source="test")


def test_a_broken_row_in_the_lake_fails_its_check_and_stops_the_rollups(tmp_path: Path):
    text = 'start = "2024-03-01"\ntimeframes = ["1h"]\n[venues.binance]\nmarkets = ["BTC/USDT"]\n'
    universe, partition = universe_in(tmp_path, text), PARTITIONS[1]
    key = partition.key
    with running(now=NOW) as url, at_home(tmp_path, url), instance_for(universe, tmp_path) as instance:
        assert run(universe, instance, "binance", key, key).success
        with Lake.open(tmp_path / "lake") as lake:
            damage(lake, partition)
        result = run(universe, instance, "binance", key, key)
    assert not result.success
    failed = {one.check_name for one in result.get_asset_check_evaluations() if not one.passed}
    assert failed == {"ohlc_order"}
    assert [str(event.partition) for event in result.asset_materializations_for_node("binance__candles_1m")] == [key]
    assert result.asset_materializations_for_node("binance__candles_1h") == []
