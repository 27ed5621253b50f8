"""The lake's upkeep as the UI shows it: numbers it can draw over time, and tables of what was done to what.

What lives here: results to Dagster metadata, progress to the run's log, damage to a failure that says what to do. What does not:
the assets (``assets.lake``), the work (``qmd_platform.lake``).
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from qmd_platform.lake.sealing import Sealed
    from qmd_platform.lake.store import Finding, Lake, PartitionState
    from qmd_platform.lake.vacuum import Vacuum

LISTED = 50
"""Rows of a table in the metadata; all are counted."""

LOG_SECONDS = 10.0
"""Between two lines of progress in a run's log."""

NAMED = 3
"""Damaged partitions named in a failure's message; the list has all."""

REMEDIES = {
    "damaged": "Put damaged files back from a backup, or run `qmd verify --repair`: it takes them out of the lake, and a "
    "backfill fetches their candles again.",
    "mismatch": "Where files, ledger and commit records disagree, `qmd rebuild` makes the ledger again.",
}

Metadata = dict[str, Any]
Row = Mapping[str, str | int]


def telling(context: dg.AssetExecutionContext, verb: str) -> Callable[[int, int], None]:
    """Progress for the run's log: a line every ten seconds, and one at the end."""
    said = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal said
        if done < total and time.monotonic() - said < LOG_SECONDS:
            return
        said = time.monotonic()
        context.log.info("%s %d of %d", verb, done, total)

    return tell


def of_seal(lake: "Lake", done: Sequence["Sealed"]) -> Metadata:
    """What sealing merged, and what the lake is now."""
    states = {state.partition: state for state in lake.states()}
    rows: list[Row] = [
        {
            "partition": str(one.partition),
            "files before": one.files_before,
            "files": one.files,
            "bytes before": one.bytes_before,
            "bytes": one.bytes,
        }
        for one in sorted(done, key=lambda one: -one.files_before)
    ]
    return {
        "partitions sealed": len(done),
        "rows sealed": sum(states[one.partition].rows for one in done),
        "files before": sum(one.files_before for one in done),
        "files after": sum(one.files for one in done),
        "bytes saved": sum(one.bytes_before - one.bytes for one in done),
        **_table("sealed", rows),
        **_held(lake),
    }


def of_verify(lake: "Lake", findings: Sequence["Finding"]) -> Metadata:
    """What was proven, and what is not as it should be."""
    kinds = Counter(finding.kind for finding in findings)
    rows = [
        {
            "kind": finding.kind,
            "partition": str(finding.partition or ""),
            "problem": finding.problem,
            "file": finding.path,
        }
        for finding in sorted(findings, key=lambda finding: (not finding.is_damage, finding.path))
    ]
    return {
        "damaged files": kinds["damaged"],
        "mismatches": kinds["mismatch"],
        "orphans": kinds["orphan"],
        **_table("findings", rows),
        **_table("tables", _by_table(lake)),
        **_held(lake),
    }


def of_vacuum(lake: "Lake", done: "Vacuum") -> Metadata:
    """What a vacuum removed, what it marked to go, and what it left alone."""
    rows: list[Row] = [
        {"why": why, "file": found.path, "bytes": found.bytes}
        for why, files in (("replaced", done.deleted), ("of no commit", done.orphans))
        for found in sorted(files, key=lambda found: -found.bytes)
    ]
    return {
        "bytes freed": done.bytes,
        "files deleted": len(done.deleted) + len(done.orphans),
        "orphans deleted": len(done.orphans),
        "files newly in the trash": len(done.reclaimed.trashed),
        "young orphans left": done.young,
        "foreign files left": len(done.foreign),
        "pins expired": len(done.reclaimed.expired),
        "commit records thinned": done.records,
        **_table("deleted", rows),
        **_held(lake),
    }


def damage(damaged: Sequence["Finding"], metadata: Mapping[str, Any]) -> dg.Failure:
    """The failure of a verification: what is damaged, and what to do."""
    named = ", ".join(sorted({str(finding.partition or finding.path) for finding in damaged})[:NAMED])
    more = " and others" if len(damaged) > NAMED else ""
    kinds = {finding.kind for finding in damaged}
    todo = " ".join(remedy for kind, remedy in REMEDIES.items() if kind in kinds)
    return dg.Failure(
        f"the lake is damaged ({len(damaged)} found): {named}{more}. All other partitions stay readable. {todo}",
        metadata=dict(metadata),
        allow_retries=False,
    )


def _held(lake: "Lake") -> Metadata:
    """The size of the lake, for the UI to draw."""
    states = lake.states()
    return {
        "partitions": len(states),
        "rows": sum(state.rows for state in states),
        "files": len(lake.ledger.segments()),
        "bytes": sum(state.bytes for state in states),
    }


def _by_table(lake: "Lake") -> list[Row]:
    """What is held of each venue's tables."""
    tables: dict[tuple[str, str], list[PartitionState]] = defaultdict(list)
    for state in lake.states():
        tables[state.partition.series.venue, state.partition.series.table].append(state)
    return [
        {
            "venue": venue,
            "table": table,
            "markets": len({state.partition.series.symbol for state in states} - {""}),
            "partitions": len(states),
            "rows": sum(state.rows for state in states),
            "bytes": sum(state.bytes for state in states),
        }
        for (venue, table), states in sorted(tables.items())
    ]


def _table(name: str, rows: Sequence[Row]) -> Metadata:
    if not rows:
        return {}
    columns = [
        dg.TableColumn(column, "int" if isinstance(value, int) else "string") for column, value in rows[0].items()
    ]
    return {name: dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows[:LISTED]], dg.TableSchema(columns))}
