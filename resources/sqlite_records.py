"""The records of a Dagster instance in SQLite files, as the rows PostgreSQL takes.

What lives here: reading every table once; one series of numbers for the events. What does not: writing them
(``resources.moving``).

Both storages are made of the same tables (``dagster._core.storage.*.schema``), with one exception. On SQLite each run
has a file of its own with all its events, and an index file repeats those of assets, checks and run states under
numbers of its own; on PostgreSQL there is one table and one series of numbers. The index's numbers are kept, because
everything that points at an event means them: check results, data versions, the cursors of sensors and of the daemon. A
cursor that meant another event afterwards could start runs again. All other events, which nothing points at, get the
numbers after those, in their order: a moved run's log lists its events of assets, checks and states first, then the
rest, each with its true time.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log import schema as event_tables
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.runs import schema as run_tables
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.schedules import schema as schedule_tables
from dagster._core.storage.sql import create_engine

RUN_TABLES = (
    run_tables.SnapshotsTable,
    run_tables.RunsTable,
    run_tables.RunTagsTable,
    run_tables.BulkActionsTable,
    run_tables.BackfillTagsTable,
    run_tables.DaemonHeartbeatsTable,
    run_tables.KeyValueStoreTable,
)
INDEX_TABLES = (
    event_tables.AssetKeyTable,
    event_tables.AssetEventTagsTable,
    event_tables.DynamicPartitionsTable,
    event_tables.ConcurrencyLimitsTable,
    event_tables.ConcurrencySlotsTable,
    event_tables.PendingStepsTable,
    event_tables.AssetCheckExecutionsTable,
)
SCHEDULE_TABLES = (
    schedule_tables.JobTable,
    schedule_tables.InstigatorsTable,
    schedule_tables.JobTickTable,
    schedule_tables.AssetDaemonAssetEvaluationsTable,
)
EVENTS = event_tables.SqlEventLogStorageTable
TABLES = (*RUN_TABLES, EVENTS, *INDEX_TABLES, *SCHEDULE_TABLES)
"""All that is moved, in an order that foreign keys allow. Not moved: which data migrations were made (a new PostgreSQL
instance has them all, and knows) and the number telemetry would use."""

OF_ASSETS = {kind.value for kind in (*ASSET_EVENTS, *ASSET_CHECK_EVENTS)}
OF_STATES = {kind.value for kind in EVENT_TYPE_TO_PIPELINE_RUN_STATUS}
"""Types of event that the index repeats."""

AT_WORK = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
RECENT_SECONDS = 60
"""A daemon whose heartbeat is younger than this is at work: it beats every 30 seconds."""

Row = dict[str, Any]


class MoveRefused(RuntimeError):
    """The move cannot be made. ``hint`` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Records:
    """The instance in ``folder`` and its three storages."""

    folder: Path
    run_storage: SqliteRunStorage
    event_storage: SqliteEventLogStorage
    schedule_storage: SqliteScheduleStorage

    @classmethod
    def of(cls, folder: Path, instance: dg.DagsterInstance) -> Self:
        """The instance's storages; MoveRefused when they are not SQLite's."""
        match instance.run_storage, instance.event_log_storage, instance.schedule_storage:
            case SqliteRunStorage() as runs, SqliteEventLogStorage() as events, SqliteScheduleStorage() as schedules:
                return cls(folder, runs, events, schedules)
        raise MoveRefused(f"{folder} does not keep its runs in SQLite", "there is nothing to move")

    def refuse_at_work(self, instance: dg.DagsterInstance) -> None:
        """MoveRefused while Dagster's daemon or a run may write to the files."""
        beats = instance.get_daemon_heartbeats().values()
        if any(time.time() - beat.timestamp < RECENT_SECONDS for beat in beats):
            raise MoveRefused(
                f"Dagster is running on {self.folder}, or was until a moment ago",
                f"end `qmd dev`, wait {RECENT_SECONDS} seconds, and try again",
            )
        if running := instance.get_runs_count(dg.RunsFilter(statuses=AT_WORK)):
            raise MoveRefused(
                f"{running} runs in {self.folder} have not ended",
                "let them end, or cancel them in the UI; `qmd dev` notices runs whose worker is gone",
            )

    def data_migrations(self) -> set[str]:
        """Names of Dagster's data migrations that were made."""
        doors = (self.run_storage.connect(), self.event_storage.index_connection(), self.schedule_storage.connect())
        names: set[str] = set()
        for door in doors:
            with door as connection:
                names |= {name for (name,) in connection.exec_driver_sql("SELECT name FROM secondary_indexes")}
        return names

    def count(self, table: Any) -> int:  # noqa: ANN401 - an SQLAlchemy table, whose door is ledger/
        """How many rows there are to move; of the events, those in the runs' files."""
        if table is EVENTS:
            return sum(self.events_by_run().values())
        with self._door(table) as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table.name}").scalar())  # noqa: S608 - the names are ours

    def rows(self, table: Any) -> Iterator[Row]:  # noqa: ANN401 - as above
        """All rows of a table; of ``EVENTS``, those of the index."""
        with self._door(table) as connection:
            yield from _rows(connection, table)

    def events(self) -> Iterator[Row]:
        """Every event once: the index's under their own numbers, then the others under those that follow."""
        indexed: defaultdict[str, Counter[int]] = defaultdict(Counter)
        last = 0
        for row in self.rows(EVENTS):
            indexed[row["run_id"]][hash(row["event"])] += 1
            last = row["id"]
            yield row
        for shard in self._shards():
            for row in self._of(shard):
                repeated = indexed[row["run_id"]]
                if repeated[hash(row["event"])]:
                    repeated[hash(row["event"])] -= 1
                    continue
                last += 1
                yield _unindexed(row) | {"id": last}

    def events_by_run(self) -> dict[str, int]:
        """How many events each run's file holds."""
        return {shard: sum(1 for _ in self._of(shard, "id")) for shard in self._shards()}

    def _door(self, table: Any) -> Any:  # noqa: ANN401 - as above
        if table in RUN_TABLES:
            return self.run_storage.connect()
        return self.schedule_storage.connect() if table in SCHEDULE_TABLES else self.event_storage.index_connection()

    def _shards(self) -> list[str]:
        """The runs' files by run id, in the order of the runs; then others, such as that of events of no run, ``""``."""
        names = {path.name.removesuffix(".db") for path in Path(self.event_storage.path_for_shard("")).parent.iterdir()}
        names = {name for name in names if Path(self.event_storage.path_for_shard(name)).is_file()} - {"index"}
        runs = [row["run_id"] for row in self.rows(run_tables.RunsTable)]
        return [run for run in runs if run in names] + sorted(names.difference(runs))

    def _of(self, shard: str, *columns: str) -> Iterator[Row]:
        engine = create_engine(self.event_storage.conn_string_for_shard(shard))
        try:
            with engine.connect() as connection:
                yield from _rows(connection, EVENTS, *columns)
        finally:
            engine.dispose()


def _unindexed(row: Row) -> Row:
    """The row of an event that is in a run's file only.

    One that the index should repeat is missing there because its asset was wiped, or its writer was killed between the
    two files. SQLite knows it in the run's log alone, and so must PostgreSQL: it loses what the other questions go by.
    """
    if row["dagster_event_type"] in OF_ASSETS:
        return row | {"asset_key": None, "partition": None}
    return row | {"dagster_event_type": None} if row["dagster_event_type"] in OF_STATES else row


def _rows(connection: Any, table: Any, *columns: str) -> Iterator[Row]:  # noqa: ANN401 - as above
    query = table.select().order_by(table.c.id)
    if columns:
        query = query.with_only_columns(*(table.c[name] for name in columns))
    for row in connection.execution_options(stream_results=True).execute(query).mappings():
        yield dict(row)
