"""Asset checks: the quality rules as the UI shows them, partition by partition.

What lives here: rules to check specs, verdicts to check evaluations. What does not: the rules
(``qmd_platform.quality.rules``), judging (``qmd_platform.ingest.checking``).

Rules that fail for the same reason share a check: every check costs Dagster an event a partition.

A run over a range reports each partition by itself. ``AssetCheckResult`` cannot: Dagster takes one of a check from a step
and leaves its partition open. So the step yields the evaluations that Dagster would have made of results, and the
empty output that belongs to each check. A blocking check that fails for one partition stops what comes after the step.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

# Dagster 1.13 exports the evaluation, but not the class of what it is about.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)

from qmd_platform.model.reference_tables import Reference
from qmd_platform.quality import funding_rules, listing_rules, reference_rules, rules
from qmd_platform.quality.rule import Rule

if TYPE_CHECKING:
    from qmd_platform.ledger.records import Verdict
    from qmd_platform.model.series import Partition

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

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        """Of a breach of any of the rules."""
        return dg.AssetCheckSeverity(self.rules[0].severity.value)


CHECKS = (
    Check("schema", (rules.SCHEMA,)),
    Check("unique_and_aligned", (rules.ON_THE_GRID, rules.UNIQUE_OPEN_TIMES, rules.IN_ORDER, rules.CLOSED)),
    Check("finite_and_not_negative", (rules.FINITE, rules.POSITIVE_PRICES, rules.VOLUME_NOT_NEGATIVE)),
    Check("ohlc_order", (rules.OHLC_ORDER,)),
    Check("complete", (rules.COMPLETE,)),
    Check("page_boundary", (rules.PAGE_BOUNDARY, rules.REPEATED_PAGE)),
    Check("outage_or_stale", (rules.OUTAGE, rules.EDGE_GAP, rules.STALE_PRICE)),
    Check("price_or_volume_jump", (rules.PRICE_JUMP, rules.VOLUME_UNIT)),
    Check("contamination", (rules.CONTAMINATION,)),
    Check("restated", (rules.RESTATED,)),
)
"""Of every candle table."""

ARCHIVE_CHECK = Check("agrees_with_archive", (rules.AGREES_WITH_ARCHIVE,))
"""Of fetched candles; rolled-up ones have no source but the lake."""

NATIVE_CHECK = Check("agrees_with_shorter", (rules.AGREES_WITH_SHORTER,))
"""Of candles fetched beside their base; rolled-up ones are made of it."""


LISTING_CHECKS = (
    Check("listed_once_and_whole", (listing_rules.UNIQUE_SYMBOLS, listing_rules.CONTRACT_SIZE)),
    Check("steps_positive", (listing_rules.TICK, listing_rules.LOT)),
    Check("still_listed", (listing_rules.STILL_LISTED,)),
)
"""Of an instruments table."""


FUNDING_CHECKS = (
    Check("settled_once", (funding_rules.SETTLED_ONCE,)),
    Check("rate_is_a_fraction", (funding_rules.RATE_IS_A_FRACTION,)),
    Check("no_settlement_missing", (funding_rules.NONE_MISSING,)),
    Check("interval_agrees", (funding_rules.INTERVAL_AGREES,)),
    Check("not_at_cap", (funding_rules.NOT_AT_CAP,)),
)
"""Of a table of settled funding."""


_OF_PRICES = (
    Check("on_the_grid", (rules.ON_THE_GRID,)),
    Check("finite_and_positive", (rules.FINITE, rules.POSITIVE_PRICES)),
    Check("high_and_low", (rules.OHLC_ORDER,)),
    Check("no_hour_missing", (reference_rules.NO_HOUR_MISSING,)),
)
_OF_PREMIUMS = (
    *(_OF_PRICES[0], Check("finite_fraction", (rules.FINITE, reference_rules.PREMIUM_IS_A_FRACTION))),
    *_OF_PRICES[2:],
)
REFERENCE_CHECKS = {
    Reference.MARK: _OF_PRICES,
    Reference.INDEX: _OF_PRICES,
    Reference.PREMIUM: _OF_PREMIUMS,
}
"""Of candles of mark, index and premium."""

_EVERY = (
    *(*CHECKS, ARCHIVE_CHECK, NATIVE_CHECK, *LISTING_CHECKS, *FUNDING_CHECKS),
    *(*_OF_PRICES, *_OF_PREMIUMS),
)


def of(*, fetched: bool, native: bool) -> tuple[Check, ...]:
    """The checks of a candle asset."""
    return (*CHECKS, *((ARCHIVE_CHECK,) if fetched else ()), *((NATIVE_CHECK,) if native else ()))


def specs(
    key: dg.AssetKey, checks: Sequence[Check], partitions: dg.PartitionsDefinition[str] | None = None
) -> list[dg.AssetCheckSpec]:
    """``checks`` of the asset as Dagster knows them, of every one of ``partitions``."""
    with warnings.catch_warnings():
        # dagster 1.13 calls checks by partition a preview; the pinned version is what is tested.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                check.name,
                asset=key,
                description=check.description,
                blocking=check.rules[0].blocking,
                partitions_def=partitions,
            )
            for check in checks
        ]


def evaluated(
    context: dg.AssetExecutionContext, verdicts: Sequence["Verdict"]
) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """What a step yields of its checks: an evaluation of each for every partition that ``verdicts`` speak about.

    A partition nobody judged gets none; the UI calls its checks skipped.
    """
    of_partition: dict[Partition, list[Verdict]] = {}
    for verdict in verdicts:
        of_partition.setdefault(verdict.partition, []).append(verdict)
    targets = _materialised(context, sorted({partition.key for partition in of_partition}))
    known = {check.name: check for check in _EVERY}
    for output, spec in context.assets_def.check_specs_by_output_name.items():
        for partition in sorted(of_partition):
            key = partition.key if spec.partitions_def else None
            target = targets.get((spec.asset_key, partition.key))
            yield evaluation(spec.asset_key, known[spec.name], of_partition[partition], key, target)
        yield dg.Output(None, output_name=output)


def evaluation(
    key: dg.AssetKey,
    check: Check,
    verdicts: Sequence["Verdict"],
    partition: str | None = None,
    target: Target | None = None,
) -> dg.AssetCheckEvaluation:
    """One check of one partition, from the verdicts of its rules; those of other rules are left out.

    ``target`` is the materialisation that was judged.
    """
    names = {rule.name for rule in check.rules}
    judged = [verdict for verdict in verdicts if verdict.rule in names]
    failed = [verdict for verdict in judged if not verdict.passed]
    metadata: dict[str, Any] = {
        "rules": ", ".join(verdict.rule for verdict in judged) or "none applies here",
        "offenders": sum(verdict.offenders for verdict in failed),
        **(_offenders(failed) if failed else {}),
    }
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=check.name,
        passed=not failed,
        severity=check.severity,
        blocking=check.rules[0].blocking,
        metadata=metadata,
        partition=partition,
        target_materialization_data=target,
    )


def _materialised(context: dg.AssetExecutionContext, keys: Sequence[str]) -> dict[tuple[dg.AssetKey, str], Target]:
    """This step's materialisations of each asset and partition, which are stored by now.

    The UI shows a partition's check only while it is about the partition's latest materialisation.
    """
    found = {}
    for key in context.assets_def.keys:
        is_partitioned = context.assets_def.partitions_def is not None
        wanted = dg.AssetRecordsFilter(key, asset_partitions=list(keys) if is_partitioned else None)
        records = context.instance.fetch_materializations(wanted, limit=max(len(keys), 1)).records
        for record in records:
            if record.run_id == context.run.run_id:
                partition = record.partition_key or (keys[0] if keys else "")
                found[key, partition] = Target(
                    storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
                )
    return found


def sentence(verdicts: Sequence["Verdict"]) -> str:
    """One partition's verdicts in words, for its receipt."""
    if not verdicts:
        return "nothing to judge"
    failed = [f"{verdict.rule} ({verdict.offenders} offenders)" for verdict in verdicts if not verdict.passed]
    return f"failed: {', '.join(failed)}" if failed else f"all {len(verdicts)} rules passed"


def _offenders(failed: Sequence["Verdict"]) -> dict[str, Any]:
    """Which rules failed, and the first offending rows by name."""
    rows = [
        {"rule": verdict.rule, "offender": json.dumps(offender)}
        for verdict in failed
        for offender in json.loads(verdict.sample)
    ]
    columns = dg.TableSchema([dg.TableColumn(name) for name in ("rule", "offender")])
    return {
        "failed": ", ".join(verdict.rule for verdict in failed),
        "offending rows": dg.MetadataValue.table([dg.TableRecord(row) for row in rows[:NAMED]], columns),
    }
