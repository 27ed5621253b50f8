"""A partition of the lake judged by every quality rule, the verdicts kept.

What lives here: judging, and when an old verdict still holds. What does not: the rules and the judgement
(``quality``), what is read for them beside the partition (``ingest.beside``), showing verdicts (``assets``, ``cli``).

A verdict holds for one version of the partition and one of its shorter candles. The rules that only warn look further
(the month before, other markets); what changes there is noticed when the partition itself changes, or by
``qmd verify --quality``, which judges everything anew.
"""

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake, PartitionState
from qmd_platform.ledger.records import Verdict
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.quality import rules

if TYPE_CHECKING:
    from qmd_platform.quality.judge import Finding
    from qmd_platform.venues.port import Instrument


def checked(lake: Lake, partition: Partition, *, shorter: Timeframe | None = None) -> list[Verdict]:
    """The verdict of every rule that applies to ``partition``, kept in the ledger too.

    A partition that has not changed since it was last judged is not judged again.

    Args:
        lake: holds the partition.
        partition: a month of a candle series.
        shorter: a shorter timeframe of the same market the candles must agree with, wherever the lake holds it.
    """
    now = time.time_ns() // 1_000_000
    # The versions are read before the rows: what is committed in between makes the verdict one of the past.
    state = lake.state(partition)
    if state is None:
        return []
    other = None if shorter is None else Partition(Series.candles(partition.series.market, shorter), partition.month)
    beside = None if other is None else lake.state(other)
    held = [verdict for verdict in lake.ledger.verdicts(partition.series) if verdict.partition == partition]
    if _still_hold(held, state, beside):
        return held
    compared = None if beside is None else beside.partition.series
    verdicts = [verdict_of(found, state, beside, now) for found in examined(lake, partition, compared)]
    lake.ledger.record_verdicts(verdicts)
    return verdicts


def checked_list(lake: Lake, venue: str, before: Mapping[str, "Instrument"]) -> list[Verdict]:
    """The verdict of every rule about the venue's instruments table, kept in the ledger too.

    Args:
        lake: holds the table.
        venue: whose it is.
        before: its instruments by symbol before the last list came.
    """
    from qmd_platform.ingest.instruments import instruments  # noqa: PLC0415 - brings ccxt
    from qmd_platform.quality import listing  # noqa: PLC0415 - brings Great Expectations, a second

    now = time.time_ns() // 1_000_000
    state = lake.state(Partition(Series.instruments(venue)))
    if state is None:
        return []
    found = listing.judged(list(instruments(lake, venue).values()), before)
    verdicts = [verdict_of(one, state, None, now) for one in found]
    lake.ledger.record_verdicts(verdicts)
    return verdicts


def told(receipt: Receipt) -> list[Verdict]:
    """The verdicts of ``rules.TOLD_RULES`` about what a run saw; none where it saw nothing of the kind.

    They are about the run and not about the rows, so they are not kept with the others: what disagreed is in the
    ledger's revisions.
    """
    if not receipt.compared:
        return []
    rule = rules.AGREES_WITH_ARCHIVE
    found = {"disagreements": receipt.disagreements, "compared": receipt.compared, "expected": str(rule.expectation)}
    return [
        Verdict(
            receipt.partition,
            rule.name,
            rule.severity.value,
            not receipt.disagreements,
            receipt.disagreements,
            json.dumps([found] if receipt.disagreements else []),
            receipt.data_version,
            time.time_ns() // 1_000_000,
            receipt.version,
        )
    ]


def _still_hold(held: Sequence[Verdict], state: PartitionState, beside: PartitionState | None) -> bool:
    """Whether the verdicts are about exactly these states, and of the rules that apply today."""
    about = (state.version, _version(beside))
    said = {verdict.rule for verdict in held}
    return (
        _applying(beside) <= said
        and (rules.AGREES_WITH_SHORTER.name in said) == bool(beside)
        and all((one.version, one.shorter_version) == about for one in held)
    )


def _applying(beside: PartitionState | None) -> set[str]:
    """Rules without whose verdict a judgement is not of today; ``rules.CLOSED`` is silent in a sandbox's world."""
    silent = {rules.CLOSED.name} if beside else {rules.CLOSED.name, rules.AGREES_WITH_SHORTER.name}
    return {rule.name for rule in rules.CANDLE_RULES} - silent


def _version(state: PartitionState | None) -> int:
    return state.version if state else 0


def examined(lake: Lake, partition: Partition, shorter: Series | None = None) -> "list[Finding]":
    """What every rule that applies finds in ``partition`` as it is now, compared with ``shorter``; nothing is kept."""
    from qmd_platform.ingest.beside import beside  # noqa: PLC0415 - brings Great Expectations, a second
    from qmd_platform.quality.judge import judged  # noqa: PLC0415 - as above

    series, window = partition.series, partition.window
    candles = lake.candles(series, window)
    state = lake.state(partition)
    known = None if state is None else beside(lake, state, candles, shorter)
    return judged(partition, candles, lake.coverage(series, window), known)


def verdict_of(found: "Finding", state: PartitionState, beside: PartitionState | None, now: Instant) -> Verdict:
    """What was found, about exactly these versions."""
    return Verdict(
        state.partition,
        found.rule.name,
        found.rule.severity.value,
        found.passed,
        found.offenders,
        json.dumps(found.sample),
        state.data_version,
        now,
        state.version,
        _version(beside),
    )
