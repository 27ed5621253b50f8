"""A partition of the lake judged by every quality rule, the verdicts kept.

What lives here: what is compared with what, and when an old verdict still holds. What does not: the rules and the
judgement (``quality``), showing verdicts (``assets``, ``cli``).
"""

import json
import time

from qmd_platform.lake.store import Lake, PartitionState
from qmd_platform.ledger.records import Verdict
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.quality import rules


def checked(lake: Lake, partition: Partition, *, shorter: Timeframe | None = None) -> list[Verdict]:
    """The verdict of every rule that applies to ``partition``, kept in the ledger too.

    A partition that has not changed since it was last judged is not judged again.

    Args:
        lake: holds the partition.
        partition: a month of a candle series.
        shorter: a shorter timeframe of the same market the candles must agree with, wherever the lake holds it.
    """
    state = lake.state(partition)
    if state is None:
        return []
    other = None if shorter is None else Series.candles(partition.series.market, shorter)
    beside = None if other is None else lake.state(Partition(other, partition.month))
    held = [verdict for verdict in lake.ledger.verdicts(partition.series) if verdict.partition == partition]
    if _still_hold(held, state, beside):
        return held
    verdicts = _judged(lake, state, other if beside else None)
    lake.ledger.record_verdicts(verdicts)
    return verdicts


def _still_hold(held: list[Verdict], state: PartitionState, beside: PartitionState | None) -> bool:
    """Whether the verdicts are younger than what they are about, and of the rules of today."""
    changed_at = max(state.committed_at, beside.committed_at if beside else 0)
    known = {rule.name for rule in rules.CANDLE_RULES} | {rules.SCHEMA.name}
    return bool(held) and all(verdict.checked_at > changed_at and verdict.rule in known for verdict in held)


def _judged(lake: Lake, state: PartitionState, shorter: Series | None) -> list[Verdict]:
    from qmd_platform.quality.judge import judged  # noqa: PLC0415 - brings Great Expectations, a second

    partition = state.partition
    series, window = partition.series, partition.window
    beside = None if shorter is None else lake.candles(shorter, window)
    findings = judged(
        partition,
        lake.candles(series, window),
        lake.coverage(series, window),
        shorter=beside,
        shorter_timeframe=None if shorter is None else shorter.timeframe,
    )
    now = time.time_ns() // 1_000_000
    return [
        Verdict(
            partition,
            found.rule.name,
            found.rule.severity.value,
            found.passed,
            found.offenders,
            json.dumps(found.sample),
            state.data_version,
            now,
        )
        for found in findings
    ]
