"""Asset checks: the quality rules as the UI shows them.

What lives here: rules to check specs, verdicts to check results. What does not: the rules
(``qmd_platform.quality.rules``), judging (``qmd_platform.ingest.checking``).

Rules that fail for the same reason share a check: every check costs Dagster four event writes a run. Dagster takes
one result of a check from a step, so a run over several partitions reports their sum and names partitions and
rows; the verdict of each single rule and partition is in the ledger.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from qmd_platform.quality import rules
from qmd_platform.quality.rules import Rule

if TYPE_CHECKING:
    from qmd_platform.ledger.records import Verdict

NAMED = 50
"""Offending rows listed in a check's metadata; all are counted."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the UI: the rules that fail together. All of them block, or none."""

    name: str
    rules: tuple[Rule, ...]

    @property
    def description(self) -> str:
        """The rules' sentences."""
        return " ".join(rule.sentence for rule in self.rules)


CHECKS = (
    Check("schema", (rules.SCHEMA,)),
    Check("unique_and_aligned", (rules.ON_THE_GRID, rules.UNIQUE_OPEN_TIMES, rules.IN_ORDER)),
    Check("finite_and_not_negative", (rules.FINITE, rules.POSITIVE_PRICES, rules.VOLUME_NOT_NEGATIVE)),
    Check("ohlc_order", (rules.OHLC_ORDER,)),
    Check("complete", (rules.COMPLETE,)),
    Check("page_boundary", (rules.PAGE_BOUNDARY,)),
)
NATIVE_CHECKS = (*CHECKS, Check("agrees_with_shorter", (rules.AGREES_WITH_SHORTER,)))
"""Only candles fetched beside their base are compared with shorter ones; rolled-up ones are made of them."""


def specs(key: dg.AssetKey, *, native: bool) -> list[dg.AssetCheckSpec]:
    """The checks of a candle asset."""
    return [
        dg.AssetCheckSpec(check.name, asset=key, description=check.description, blocking=check.rules[0].blocking)
        for check in (NATIVE_CHECKS if native else CHECKS)
    ]


def results(verdicts: Sequence["Verdict"], *, native: bool) -> list[dg.AssetCheckResult]:
    """One result a check, over all the partitions judged."""
    return [_result(check, verdicts) for check in (NATIVE_CHECKS if native else CHECKS)]


def sentence(verdicts: Sequence["Verdict"]) -> str:
    """One partition's verdicts in words, for its receipt."""
    if not verdicts:
        return "nothing to judge"
    failed = [f"{verdict.rule} ({verdict.offenders} offenders)" for verdict in verdicts if not verdict.passed]
    return f"failed: {', '.join(failed)}" if failed else f"all {len(verdicts)} rules passed"


def _result(check: Check, verdicts: Sequence["Verdict"]) -> dg.AssetCheckResult:
    names = {rule.name for rule in check.rules}
    judged = [verdict for verdict in verdicts if verdict.rule in names]
    failed = [verdict for verdict in judged if not verdict.passed]
    metadata: dict[str, Any] = {
        "partitions judged": len({verdict.partition for verdict in judged}),
        "offenders": sum(verdict.offenders for verdict in failed),
    }
    return dg.AssetCheckResult(
        check_name=check.name,
        passed=not failed,
        severity=dg.AssetCheckSeverity(check.rules[0].severity.value),
        metadata=metadata | (_offenders(failed) if failed else {}),
    )


def _offenders(failed: Sequence["Verdict"]) -> dict[str, Any]:
    """What failed where, and the first offending rows by name."""
    rows = [
        {"partition": str(verdict.partition), "rule": verdict.rule, "offender": json.dumps(offender)}
        for verdict in failed
        for offender in json.loads(verdict.sample)
    ]
    columns = dg.TableSchema([dg.TableColumn(name) for name in ("partition", "rule", "offender")])
    return {
        "failed": ", ".join(f"{verdict.partition} ({verdict.rule})" for verdict in failed),
        "offending rows": dg.MetadataValue.table([dg.TableRecord(row) for row in rows[:NAMED]], columns),
    }
