"""Changes to SQL rows: what a commit does to the tables, whoever makes it (a writer, or a rebuild from its record).

What lives here: compare-and-swap on every partition, then rows in and out. What does not: transactions
(``ledger.ledger``), reading (``ledger.rows``).

Statements go out once for a whole batch, not once a partition: a commit of a hundred markets is one of few.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, delete, insert, select, update

from qmd_platform.errors import Conflict
from qmd_platform.ledger import rows
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.asked import checksum_of, text_of_answers, text_of_attempts
from qmd_platform.ledger.checksums import checksum
from qmd_platform.ledger.records import Change, Outcome, Segment
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Instant

_BLANK = {"version": 0, "layout": 0, "rows": 0, "bytes": 0, "data_version": "", "committed_at": 0}

Row = dict[str, Any]


def apply(connection: Connection, number: int, at: Instant, changes: Sequence[Change]) -> None:
    """Make the partitions what ``changes`` say, as part of commit ``number``.

    Raises:
        Conflict: a partition is no longer what its change was made from; the transaction must be rolled back.
    """
    ids = numbered(connection, [change.outcome.partition for change in changes])
    moved = [change for change in changes if change.is_change]
    _compare(connection, ids, moved)
    _move_heads(connection, ids, at, moved)
    _segments(connection, ids, number, moved)
    # What is known of the candles is a part of the version.
    _coverage(connection, ids, number, [change for change in moved if change.outcome.version != change.seen])
    refresh_checksums(connection, [change.outcome.partition for change in moved])
    _asked(connection, ids, number, moved)
    _rejected(connection, ids, number, moved)
    _insert(connection, db.revision, (row for change in moved for row in _revisions(change, ids, number)))
    _insert(connection, db.change, (_change(change.outcome, number, ids) for change in changes))


def numbered(connection: Connection, partitions: Collection[Partition]) -> dict[Partition, int]:
    """The number of each partition; those without one get one, at version 0."""
    if not partitions:
        return {}
    ids = rows.ids(connection, partitions)
    new = sorted(set(partitions) - set(ids))
    names = [column.name for column in rows.NAMES]
    _insert(connection, db.partition, (dict(zip(names, rows.name_of(one), strict=True)) | _BLANK for one in new))
    return ids | rows.ids(connection, new) if new else ids


def _compare(connection: Connection, ids: Mapping[Partition, int], changes: Sequence[Change]) -> None:
    """Compare, then swap: inside a transaction that keeps all other writers out, both are one."""
    columns = db.partition.c
    mine = [ids[change.outcome.partition] for change in changes]
    query = select(columns.id, columns.version, columns.layout).where(columns.id.in_(mine))
    now = {row.id: (row.version, row.layout) for row in connection.execute(query)}
    for change in changes:
        partition = change.outcome.partition
        if now[ids[partition]] != (change.seen, change.seen_layout):
            raise Conflict(f"{partition} is no longer at version {change.seen}")


def _move_heads(connection: Connection, ids: Mapping[Partition, int], at: Instant, changes: Sequence[Change]) -> None:
    names = ("version", "layout", "rows", "bytes", "data_version", "first", "last", "committed_at")
    query = update(db.partition).where(db.partition.c.id == bindparam("b_id"))
    query = query.values({name: bindparam(f"b_{name}") for name in names})
    said = [
        {
            "b_id": ids[change.outcome.partition],
            "b_version": change.outcome.version,
            "b_layout": change.layout,
            "b_rows": change.outcome.rows,
            "b_bytes": change.outcome.bytes,
            "b_data_version": change.outcome.data_version,
            "b_first": change.first,
            "b_last": change.last,
            "b_committed_at": at,
        }
        for change in changes
    ]
    if said:
        connection.execute(query, said)


def _segments(connection: Connection, ids: Mapping[Partition, int], number: int, changes: Sequence[Change]) -> None:
    gone = [{"b_path": path} for change in changes for path in change.removed]
    if gone:
        mine = db.segment.c.path == bindparam("b_path")
        connection.execute(update(db.segment).where(mine).values(removed_commit=number), gone)
    _insert(connection, db.segment, (_segment(one, ids, number) for change in changes for one in change.added))


def _segment(segment: Segment, ids: Mapping[Partition, int], number: int) -> Row:
    same = ("path", "version", "rows", "bytes", "file_hash", "first", "last", "digests", "codec")
    window = segment.window
    ends = {"lo": window.start if window else None, "hi": window.end if window else None}
    mine = {"partition_id": ids[segment.partition], "added_commit": number}
    return {name: getattr(segment, name) for name in same} | ends | mine


def _coverage(connection: Connection, ids: Mapping[Partition, int], number: int, changes: Sequence[Change]) -> None:
    """Only the runs that differ come and go: what stays as it was keeps its history."""
    if not changes:
        return
    columns = db.coverage.c
    mine = [ids[change.outcome.partition] for change in changes]
    held: dict[int, dict[Run, Instant]] = {}
    for row in connection.execute(select(db.coverage).where(columns.partition_id.in_(mine), rows.live(db.coverage))):
        held.setdefault(row.partition_id, {})[rows.run_of(row)] = row.added_commit
    gone: list[Row] = []
    new: list[Row] = []
    for change in changes:
        before, after = held.get(ids[change.outcome.partition], {}), set(change.outcome.runs)
        name = {"partition_id": ids[change.outcome.partition]}
        gone += [name | {"start": run.window.start, "added_commit": before[run]} for run in before.keys() - after]
        new += [name | _run(run, number) for run in sorted(after - before.keys())]
    if gone:
        keys = ("partition_id", "start", "added_commit")
        query = update(db.coverage).where(*(columns[key] == bindparam(f"b_{key}") for key in keys))
        connection.execute(
            query.values(removed_commit=number), [{f"b_{key}": row[key] for key in keys} for row in gone]
        )
    _insert(connection, db.coverage, new)


def _run(run: Run, number: int) -> Row:
    said = {"start": run.window.start, "end": run.window.end, "state": run.state.value, "cause": run.cause}
    return said | {"added_commit": number}


def refresh_checksums(connection: Connection, partitions: Sequence[Partition]) -> None:
    """Over what the tables now say of the partitions, not over what was meant to be said."""
    if not partitions:
        return
    mine = rows.of_partitions(partitions)
    files: dict[Partition, list[Segment]] = {}
    for segment in rows.segments(connection, and_(mine, rows.live())):
        files.setdefault(segment.partition, []).append(segment)
    runs = rows.runs(connection, mine)
    said = [
        {
            "b_table_name": state.partition.series.table,
            "b_venue": state.partition.series.venue,
            "b_symbol": state.partition.series.symbol,
            "b_month": state.partition.month,
            "b_checksum": checksum(state, files.get(state.partition, ()), runs.get(state.partition, ())),
        }
        for state in rows.states(connection, mine)
    ]
    query = update(db.partition).where(*(column == bindparam(f"b_{column.name}") for column in rows.NAMES))
    connection.execute(query.values(checksum=bindparam("b_checksum")), said)


def _asked(connection: Connection, ids: Mapping[Partition, int], number: int, changes: Sequence[Change]) -> None:
    """What the commit rests on is added to what others did; what was asked for in vain takes the place of what was."""
    answers: list[Row] = []
    attempts: list[Row] = []
    for change in changes:
        one = change.outcome.partition
        if change.evidence:
            text = text_of_answers(change.evidence)
            said = {"partition_id": ids[one], "commit_id": number, "answers": text}
            answers.append(said | {"checksum": checksum_of(one, number, text)})
        if change.attempts:
            text = text_of_attempts(change.attempts)
            attempts.append({"partition_id": ids[one], "attempts": text, "checksum": checksum_of(one, 0, text)})
    if changed := [ids[change.outcome.partition] for change in changes if change.attempts is not None]:
        connection.execute(delete(db.attempt).where(db.attempt.c.partition_id.in_(changed)))
    _insert(connection, db.attempt, attempts)
    _insert(connection, db.evidence, answers)


def _rejected(connection: Connection, ids: Mapping[Partition, int], number: int, changes: Sequence[Change]) -> None:
    """Every rejected row that says something else is kept; the same one again replaces itself."""
    columns = db.quarantine.c
    for change in changes:
        for one in change.rejected:
            key = {"partition_id": ids[change.outcome.partition], "open_at": one.open_at, "identity": one.identity}
            connection.execute(delete(db.quarantine).where(*(columns[name] == value for name, value in key.items())))
            said = {"row": one.row_json, "reason": one.reason, "commit_id": number}
            connection.execute(insert(db.quarantine).values(key | said))


def _revisions(change: Change, ids: Mapping[Partition, int], number: int) -> Iterable[Row]:
    name = {"partition_id": ids[change.outcome.partition], "commit_id": number}
    for one in change.revisions:
        yield name | {"key": one.key, "open_at": one.open_at, "before": one.before, "after": one.after}


def _change(outcome: Outcome, number: int, ids: Mapping[Partition, int]) -> Row:
    said = {name: getattr(outcome, name) for name in rows.OUTCOME}
    return said | {"commit_id": number, "partition_id": ids[outcome.partition]}


def _insert(connection: Connection, table: Table, said: Iterable[Row]) -> None:
    if values := list(said):
        connection.execute(insert(table), values)
