"""Asset checks: the quality rules as the UI shows them.

What lives here: rules to check specs, verdicts to check results. What does not: the rules
(``qmd_platform.quality.rules``), judging (``qmd_platform.ingest.checking``).

Dagster takes one result of a check from a step, so a run over several partitions reports their sum and names
the partitions; the verdict of each single partition is in the ledger.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from qmd_platform.quality.rules import AGREES_WITH_SHORTER, CANDLE_RULES, Rule

if TYPE_CHECKING:
    from qmd_platform.ledger.records import Verdict

NAMED = 50
"""Offending rows listed in a check's metadata; all are counted."""


def rules_for(*, native: bool) -> list[Rule]:
    """The rules of a candle table; only what is fetched beside its base is compared with shorter candles."""
    return [rule for rule in CANDLE_RULES if native or rule is not AGREES_WITH_SHORTER]


def specs(key: dg.AssetKey, *, native: bool) -> list[dg.AssetCheckSpec]:
    """One check a rule."""
    return [
        dg.AssetCheckSpec(rule.name, asset=key, description=rule.sentence, blocking=rule.blocking)
        for rule in rules_for(native=native)
    ]


def results(verdicts: Sequence["Verdict"], *, native: bool) -> list[dg.AssetCheckResult]:
    """One result a rule, over all the partitions judged."""
    return [_result(rule, [v for v in verdicts if v.rule == rule.name]) for rule in rules_for(native=native)]


def _result(rule: Rule, verdicts: Sequence["Verdict"]) -> dg.AssetCheckResult:
    failed = [verdict for verdict in verdicts if not verdict.passed]
    rows = [
        {"partition": str(verdict.partition), "offender": json.dumps(offender)}
        for verdict in failed
        for offender in json.loads(verdict.sample)
    ]
    metadata: dict[str, Any] = {
        "partitions judged": len(verdicts),
        "offenders": sum(verdict.offenders for verdict in failed),
    }
    named = {
        "offending rows": dg.MetadataValue.table([dg.TableRecord(row) for row in rows[:NAMED]], _OFFENDERS),
        "failed partitions": dg.MetadataValue.text(", ".join(str(verdict.partition) for verdict in failed)),
    }
    return dg.AssetCheckResult(
        check_name=rule.name,
        passed=not failed,
        severity=dg.AssetCheckSeverity(rule.severity.value),
        metadata=metadata | (named if failed else {}),
    )


_OFFENDERS = dg.TableSchema([dg.TableColumn("partition"), dg.TableColumn("offender")])
