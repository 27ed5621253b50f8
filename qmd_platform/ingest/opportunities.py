"""The table of opportunities, made of the tables of hedges in the lake; and the ledger's episodes, made of the table.

What lives here: which months are made, their commits, keeping the ledger equal to the table. What does not: the rows
(``ingest.opportunity_rows``), the lives they are of (``arbitrage.lives``).

A state rests on all that was before it. So whichever months are asked for, the lives are run from the first month that the
lake holds hedges of: a month's rows do not depend on where a run began, and no later month changes them.

And whichever months are asked for, all months of the table are made of those same lives, in one commit: an episode that began
in one month and ended in another is then never half of old lives and half of new ones. A month that comes out as it is keeps
its version.

The table and the ledger are two commits. Whoever is stopped between them leaves a ledger that is behind, and the next run,
also one that finds nothing new, brings it up.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from qmd_platform.arbitrage.lives import Lives
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import Conflict, Outdated
from qmd_platform.ingest.arbitrage import SOURCE, TRIES, partition
from qmd_platform.ingest.columnar import joined
from qmd_platform.ingest.opportunity_rows import KINDS, READ, earned, episodes_of, rows_of
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.segments import columns_of, table_of
from qmd_platform.lake.store import Lake, Write
from qmd_platform.ledger import opportunities as kept
from qmd_platform.ledger.records import Segment
from qmd_platform.model import tables
from qmd_platform.model.opportunity_tables import OPPORTUNITIES
from qmd_platform.model.window import month_window

_DEFAULT = Rules()


def derive_opportunities(lake: Lake, months: Sequence[str], *, run_id: str, rules: Rules = _DEFAULT) -> list[Receipt]:
    """Make the table of opportunities up to these months of what the lake holds, and the ledger's episodes of all months.

    Every month that there are hedges of is made, up to the last one asked for or the last one the table holds: after a change
    of the rules or of older hedges the others would be of other lives. Running it again on the same data changes nothing.

    Args:
        lake: with the tables of hedges.
        months: as ``2026-10``; none makes nothing.
        run_id: who did it.
        rules: thresholds, and what borrowing costs; the other costs are in the hedges.

    Returns:
        one receipt a month asked for, in the order given; the lake's log tells of others that changed.

    Raises:
        ConfigError: a month is none.
        Conflict: others made them first, many times in a row.
    """
    wanted = list(dict.fromkeys(months))
    for month in wanted:
        month_window(month)
    for _ in range(TRIES):
        try:
            made = _in_one_snapshot(lake, wanted, run_id, rules)
        except Outdated:
            continue
        keep_episodes(lake)
        return made
    who = f"{TRIES} times in a row opportunities of {', '.join(wanted)} were made by somebody else first"
    raise Conflict(who, hint="run it again")


def keep_episodes(lake: Lake) -> bool:
    """Make the ledger's episodes those of the lake's table; whether anything was to be done."""
    series = partition(OPPORTUNITIES.name, "").series
    there = kept.source(lake.ledger.database)
    commit = lake.ledger.resolved(None)
    states = lake.ledger.states(series, as_of=commit)
    of = kept.Source(commit, {state.partition.month: state.data_version for state in states})
    if there is not None and there.versions == of.versions:
        return False
    rows = table_of(OPPORTUNITIES, lake.blobs.data, lake.ledger.segments(series, as_of=commit))
    return kept.keep(lake.ledger.database, episodes_of(rows), of)


def _in_one_snapshot(lake: Lake, months: Sequence[str], run_id: str, rules: Rules) -> list[Receipt]:
    """The receipts of the months, made of one state of the lake; Outdated when somebody was faster."""
    if not months:
        return []
    began = time.monotonic()
    # Versions before what the rows are made of, or newer ones could be overwritten with older.
    versions = _versions(lake)
    last = max([*months, *versions])
    made = dict(_history(lake, last, rules))
    none = joined(OPPORTUNITIES, [])
    writes = [
        Write(partition(OPPORTUNITIES.name, month), made.get(month, none), replace=True, seen=versions.get(month, 0))
        for month in sorted({*months, *versions, *made})
    ]
    _, outcomes = lake.commit(writes, run_id=run_id, source=SOURCE)
    if max(_versions(lake), default="") > last:
        raise Outdated(f"opportunities later than {last} were made meanwhile, perhaps of other lives")
    of = {one.partition.month: one for one in outcomes}
    took = (time.monotonic() - began) / len(months)
    return [Receipt.of_commit(of[one], Summary(expected=of[one].rows, present=of[one].rows), took) for one in months]


def _versions(lake: Lake) -> dict[str, int]:
    """The months that the table holds."""
    return {one.partition.month: one.version for one in lake.states(partition(OPPORTUNITIES.name, "").series)}


@dataclass(frozen=True, slots=True)
class _Held:
    """The files of one table of hedges, by month."""

    table: str
    months: dict[str, list[Segment]]

    @classmethod
    def of(cls, lake: Lake, table: str, commit: int) -> "_Held":
        months: dict[str, list[Segment]] = {}
        for segment in lake.ledger.segments(partition(table, "").series, as_of=commit):
            months.setdefault(segment.partition.month, []).append(segment)
        return cls(table, months)

    def read(self, lake: Lake, month: str) -> pa.Table:
        return columns_of(tables.table(self.table), lake.blobs.data, self.months.get(month, ()), READ)


def _history(lake: Lake, last: str, rules: Rules) -> Iterator[tuple[str, pa.Table]]:
    """The rows of every month from the first that has hedges to ``last``, a month at a time in memory."""
    commit = lake.ledger.resolved(None)
    held = {name: _Held.of(lake, name, commit) for name in KINDS}
    lives = {name: Lives(name, rules) for name in KINDS}
    for month in sorted({month for one in held.values() for month in one.months if month <= last}):
        hedges = {name: earned(one.read(lake, month)) for name, one in held.items()}
        clock = np.unique(np.concatenate([one.at for one in hedges.values()]))
        parts = [rows_of(KINDS[name], lives[name].month(hedges[name], clock)) for name in KINDS]
        yield month, joined(OPPORTUNITIES, parts)
