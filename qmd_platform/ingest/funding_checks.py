"""A month of settled funding judged by its rules, the verdicts kept.

What lives here: measuring the rows of a month for the rules. What does not: the rules (``quality.funding_rules``), what is
suspicious about settlements (``funding.suspicions``).
"""

import time
from collections.abc import Sequence

import numpy as np

from qmd_platform.funding.intervals import Fact, intervals
from qmd_platform.funding.suspicions import Kind, flags
from qmd_platform.ingest.checking import verdict_of
from qmd_platform.ingest.funding_rows import settlements
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.records import Verdict
from qmd_platform.model.series import Partition
from qmd_platform.model.settlements import Settlements
from qmd_platform.quality.measures import Columns

_FLAGS = {
    "percent": Kind.LOOKS_LIKE_PERCENT,
    "disagrees": Kind.INTERVAL_DISAGREES,
    "at_cap": Kind.AT_CAP,
}


def checked_funding(lake: Lake, partition: Partition, stated: Sequence[Fact] = ()) -> list[Verdict]:
    """The verdict of every rule about one month of a market's funding, kept in the ledger too.

    Looked at are the rows of the month; told apart by the market's whole history, as intervals are.

    Args:
        lake: holds the month.
        partition: of funding.
        stated: what the venue said of intervals when the rows came (``Receipt.stated``).
    """
    from qmd_platform.quality.funding_rules import FUNDING_RULES  # noqa: PLC0415 - as judge
    from qmd_platform.quality.judge import found  # noqa: PLC0415 - brings Great Expectations, a second

    now = time.time_ns() // 1_000_000
    state = lake.state(partition)
    if state is None:
        return []
    rows = settlements(lake, partition.series.market)
    window = partition.window
    lo, hi = (int(at) for at in np.searchsorted(rows.settled_at, [window.start, window.end]))
    columns = {name: values[lo:hi] for name, values in measured(rows, stated).items()}
    verdicts = [verdict_of(one, state, None, now) for one in found(FUNDING_RULES, columns)]
    lake.ledger.record_verdicts(verdicts)
    return verdicts


def measured(rows: Settlements, stated: Sequence[Fact]) -> Columns:
    """The measures of ``quality.funding_rules``, a row a settlement."""
    known = intervals(rows, stated=stated)
    said = {one.kind: one.rows for one in flags(rows, known, stated=stated)}
    columns: dict[str, np.ndarray[tuple[int], np.dtype[np.generic]]] = {
        "settled_at": rows.settled_at,
        "rate": rows.rate,
        "interval_hours": known.hours,
        "missing_before": known.missing.astype(np.float64),
    }
    for name, kind in _FLAGS.items():
        values = np.zeros(len(rows))
        values[said.get(kind, np.empty(0, np.intp))] = 1
        columns[name] = values
    # A gap of which nobody can say how many are missing in it is one nevertheless.
    columns["missing_before"] = np.maximum(columns["missing_before"], known.suspect)
    return columns
