"""Asset checks: every rule is in one, they say what failed where, and severe ones stop what stands on the table."""

import json
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from assets import checks
from qmd_platform.lake.store import Lake
from qmd_platform.lake.writes import Write
from qmd_platform.ledger.records import Verdict
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.quality import rules
from qmd_platform.quality.listing_rules import LISTING_RULES
from qmd_platform.quality.rule import Rule
from qmd_platform.sandbox.server import running
from tests.graph import NOW, at_home, instance_for, run, universe_in

MARKET = Market("binance", "BTC/USDT")
KEY = dg.AssetKey(["binance", "candles_1m"])
PARTITIONS = [Partition(Series.candles(MARKET, Timeframe.M1), month) for month in ("2024-02", "2024-03")]


def verdict(partition: Partition, rule: Rule, *offenders: str) -> Verdict:
    sample = json.dumps([{"open_at": at} for at in offenders])
    return Verdict(partition, rule.name, rule.severity.value, not offenders, len(offenders), sample, "v", 0, 1)


def all_passed() -> list[Verdict]:
    return [verdict(partition, rule) for partition in PARTITIONS for rule in rules.CANDLE_RULES]


ALL = checks.of(fetched=True, native=True)


def test_every_rule_is_in_exactly_one_check():
    grouped = [rule for check in ALL for rule in check.rules]
    assert sorted(rule.name for rule in grouped) == sorted(
        rule.name for rule in (*rules.CANDLE_RULES, *rules.TOLD_RULES)
    )


def test_every_rule_about_the_list_of_markets_is_in_exactly_one_check():
    grouped = [rule for check in checks.LISTING_CHECKS for rule in check.rules]
    assert grouped == list(LISTING_RULES)


@pytest.mark.parametrize("check", [*ALL, *checks.LISTING_CHECKS], ids=lambda check: check.name)
def test_the_rules_of_a_check_are_equally_severe_and_block_alike(check: checks.Check):
    assert len({(rule.severity, rule.blocking) for rule in check.rules}) == 1


def evaluations(verdicts: list[Verdict], partition: Partition) -> dict[str, dg.AssetCheckEvaluation]:
    mine = [one for one in verdicts if one.partition == partition]
    found = [checks.evaluation(KEY, check, mine, partition.key) for check in ALL]
    return {one.check_name: one for one in found}


def test_clean_partitions_pass_every_check_each_under_its_own_name():
    for partition in PARTITIONS:
        found = evaluations(all_passed(), partition)
        assert all(one.passed and one.partition == partition.key for one in found.values())
        assert [one.metadata["offenders"].value for one in found.values()] == [0] * len(ALL)


def test_a_failed_check_names_its_rule_and_rows_and_leaves_other_checks_and_partitions_alone():
    held = [one for one in all_passed() if (one.partition, one.rule) != (PARTITIONS[1], rules.FINITE.name)]
    broken = verdict(PARTITIONS[1], rules.FINITE, "2024-03-01T00:07:00Z", "2024-03-01T00:09:00Z")
    assert all(one.passed for one in evaluations([*held, broken], PARTITIONS[0]).values())
    found = evaluations([*held, broken], PARTITIONS[1])
    failed = found.pop("finite_and_not_negative")
    assert not failed.passed
    assert failed.blocking
    assert failed.severity is dg.AssetCheckSeverity.ERROR
    assert failed.metadata["offenders"].value == 2
    assert failed.metadata["failed"].value == "finite"
    rows = [record.data for record in failed.metadata["offending rows"].records]
    assert [json.loads(str(row["offender"]))["open_at"][11:16] for row in rows] == ["00:07", "00:09"]
    assert all(one.passed for one in found.values())


def test_a_rule_that_does_not_apply_is_said_not_to():
    (one,) = [
        checks.evaluation(KEY, check, [], PARTITIONS[0].key) for check in ALL if check.name == "agrees_with_archive"
    ]
    assert one.passed
    assert one.metadata["rules"].value == "none applies here"


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


def shown(instance: dg.DagsterInstance, check: str) -> dict[str, bool]:
    """For every partition, whether the UI shows the check's last result: it is about the last materialisation."""
    infos = instance.event_log_storage.get_asset_check_partition_info([dg.AssetCheckKey(KEY, check)])
    return {str(info.partition_key): info.is_current for info in infos}


def statuses(instance: dg.DagsterInstance, check: str) -> dict[str | None, str]:
    """How the check stands for every partition, as the UI asks for it."""
    records = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(KEY, check), limit=10)
    return {record.partition: record.status.value for record in reversed(records)}


def test_a_broken_row_in_the_lake_fails_the_check_of_its_month_alone_and_stops_the_rollups(tmp_path: Path):
    text = 'start = "2024-02-01"\ntimeframes = ["1h"]\n[venues.binance]\nmarkets = ["BTC/USDT"]\n'
    universe, (good, bad) = universe_in(tmp_path, text), PARTITIONS
    with running(now=NOW) as url, at_home(tmp_path, url), instance_for(universe, tmp_path) as instance:
        assert run(universe, instance, "binance", good.key, bad.key).success
        assert statuses(instance, "ohlc_order") == {good.key: "SUCCEEDED", bad.key: "SUCCEEDED"}
        assert shown(instance, "ohlc_order") == {good.key: True, bad.key: True}
        with Lake.open(tmp_path / "lake") as lake:
            damage(lake, bad)
        result = run(universe, instance, "binance", good.key, bad.key)
        assert not result.success
        assert statuses(instance, "ohlc_order") == {good.key: "SUCCEEDED", bad.key: "FAILED"}
        assert shown(instance, "ohlc_order") == {good.key: True, bad.key: True}
        assert statuses(instance, "schema") == {good.key: "SUCCEEDED", bad.key: "SUCCEEDED"}
    failed = {(one.check_name, one.partition) for one in result.get_asset_check_evaluations() if not one.passed}
    assert ("ohlc_order", bad.key) in failed
    assert {name for name, key in failed if key == good.key} <= {"outage_or_stale"}
    events = result.asset_materializations_for_node("binance__candles_1m")
    assert {str(event.partition) for event in events} == {good.key, bad.key}
    assert result.asset_materializations_for_node("binance__candles_1h") == []
