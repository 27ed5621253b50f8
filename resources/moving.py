"""Dagster's own records moved from SQLite files to PostgreSQL: runs, events, partitions, schedules, cursors.

What lives here: copying them, all or nothing, and counting them afterwards; a program around it that says on stdout, in
lines of JSON, how far it is. What does not: reading the files (``resources.sqlite_records``), the ledger's move
(``qmd migrate-ledger``), changing ``dagster.yaml`` (``qmd_platform.cli.instance``).
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.runs.schema import KeyValueStoreTable
from dagster._core.storage.sql import create_engine
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import DagsterPostgresException, wait_for_connection

from resources.sqlite_records import EVENTS, TABLES, MoveRefused, Records, Row

MARK = "qmd_moved_from"
"""Key in the target under which a finished move leaves a note, so that a second one knows that it is done."""

ROWS_AT_ONCE = 500

Progress = Callable[[str, int, int], None]
"""Told a table's name, how many of its rows are copied, of how many."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move copied: rows by table. ``is_new`` is False when an earlier one had done it."""

    rows: dict[str, int]
    is_new: bool


def move(folder: Path, url: str, progress: Progress | None = None) -> Moved:
    """Copy the instance in ``folder`` to PostgreSQL, in one transaction there; the files stay as they are.

    Args:
        folder: DAGSTER_HOME.
        url: the database, as ``qmd_platform.cli.instance.dagster_url`` spells it.
        progress: told how far it is.

    Raises:
        MoveRefused: Dagster is at work on the folder; the folder's tables are of an older Dagster; the database holds
            another instance's records; something was not copied. There are no records in the database then.
    """
    _reach(url)
    DagsterPostgresStorage(url)  # makes the tables where there are none
    engine = create_engine(url)
    try:
        with dg.DagsterInstance.from_config(str(folder)) as instance, engine.begin() as connection:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('qmd_migrate_dagster'))")
            note = _note(connection)
            if note and note["folder"] == str(folder):
                return Moved(note["rows"], is_new=False)
            records = Records.of(folder, instance)
            records.refuse_at_work(instance)
            _refuse_unfit(records, connection)
            copied = dict(_copied(records, connection, progress))
            _prove(records, connection, copied)
            note = {"folder": str(folder), "at": datetime.now(UTC).isoformat(timespec="seconds"), "rows": copied}
            connection.execute(KeyValueStoreTable.insert(), [{"key": MARK, "value": json.dumps(note)}])
            return Moved(copied, is_new=True)
    finally:
        engine.dispose()


def _reach(url: str) -> None:
    try:
        wait_for_connection(url, retry_limit=0)
    except DagsterPostgresException as error:
        why = str(getattr(error.__cause__, "orig", error)).strip()
        raise MoveRefused(
            f"the PostgreSQL database cannot be used: {why}",
            "check QMD_POSTGRES_URL: server, port, database, user and password",
        ) from None


def _note(connection: Any) -> dict[str, Any] | None:  # noqa: ANN401 - an SQLAlchemy connection, whose door is ledger/
    query = KeyValueStoreTable.select().where(KeyValueStoreTable.c.key == MARK)
    found = connection.execute(query).mappings().first()
    return json.loads(found["value"]) if found else None


def _refuse_unfit(records: Records, connection: Any) -> None:  # noqa: ANN401 - as above
    held = {table.name: count for table in TABLES if (count := _count(connection, table.name))}
    if held:
        told = ", ".join(f"{count} {name}" for name, count in held.items())
        raise MoveRefused(
            f"the database already holds records of a Dagster instance: {told}",
            "give QMD_POSTGRES_URL an empty database, or keep this one's records and set the files' aside",
        )
    made = {name for (name,) in connection.exec_driver_sql("SELECT name FROM secondary_indexes")}
    if missing := made - records.data_migrations():
        raise MoveRefused(
            f"the instance in {records.folder} is of an older Dagster ({', '.join(sorted(missing))} not done)",
            "run `dagster instance migrate` and `dagster instance reindex` on it first",
        )


def _copied(records: Records, connection: Any, progress: Progress | None) -> Iterator[tuple[str, int]]:  # noqa: ANN401 - a connection of SQLAlchemy, whose door is ledger/
    for table in TABLES:
        done, total = 0, records.count(table)
        for batch in _batches(records.events() if table is EVENTS else records.rows(table)):
            connection.execute(table.insert(), batch)
            done += len(batch)
            if progress:
                progress(table.name, done, max(done, total))
        # Rows came with their numbers: those that Dagster adds have to begin after them.
        sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
        connection.exec_driver_sql(f"SELECT setval({sequence}, max(id)) FROM {table.name}")  # noqa: S608 - our own names
        yield table.name, done


def _prove(records: Records, connection: Any, copied: dict[str, int]) -> None:  # noqa: ANN401 - as above
    """Count again what is there, in the database and in each run's file."""
    for name, count in copied.items():
        if (there := _count(connection, name)) != count:
            raise MoveRefused(f"{there} of {count} rows of {name} arrived", "nothing was moved; please report it")
    arrived = dict(connection.exec_driver_sql("SELECT run_id, count(*) FROM event_logs GROUP BY run_id").all())
    for run_id, count in records.events_by_run().items():
        if arrived.get(run_id, 0) < count:
            raise MoveRefused(f"events of run {run_id} are missing", "nothing was moved; please report it")


def _count(connection: Any, table: str) -> int:  # noqa: ANN401 - as above
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar())  # noqa: S608 - our own names


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        yield batch


def main() -> int:
    """Move DAGSTER_HOME to DAGSTER_POSTGRES_URL; lines of JSON: ``progress`` lines, at last ``moved`` or ``refused``."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)

    def say(document: object) -> None:
        answers.write(json.dumps(document) + "\n")

    try:
        moved = move(
            Path(os.environ["DAGSTER_HOME"]),
            os.environ["DAGSTER_POSTGRES_URL"],
            lambda table, done, total: say({"progress": [table, done, total]}),
        )
    except MoveRefused as refused:
        say({"refused": str(refused), "hint": refused.hint})
        return 1
    say({"moved": asdict(moved)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
