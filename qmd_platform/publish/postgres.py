"""The lake's rows in PostgreSQL, for those who ask there. psycopg2, no SQLAlchemy: rows come by COPY.

What lives here: the connection, one partition in one transaction. What does not: the statements (``postgres_sql``), the
order of work (``loading``), what
its errors mean (``postgres_said``), whether a table is as it should be (``postgres_looks``).

A partition and the line in ``loaded`` that says what it is become true together. Two that load at the same time wait for
each other partition by partition, and the second finds nothing left to do.
"""

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from qmd_platform.errors import ConfigError, StoreError
from qmd_platform.ledger.address import PostgresAddress
from qmd_platform.model.columns import Table
from qmd_platform.model.series import Partition
from qmd_platform.model.window import Window
from qmd_platform.publish import postgres_looks as looks
from qmd_platform.publish import postgres_sql as sql
from qmd_platform.publish.port import Batch, Done, Loaded, Name, Source, name_of, spec_of
from qmd_platform.publish.postgres_copy import binary
from qmd_platform.publish.postgres_said import SETTING, explained

SCHEMA = "market_data"
"""Where the tables are, if the address does not say: not the schema of a team's ledger, which may be in the same database."""

_DEFAULTS = {
    "connect_timeout": 10,
    "application_name": "qmd publish",
    "client_encoding": "utf8",
    # A server that vanished is noticed within a minute, not after two hours.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


class PostgresStore:
    """``port.Store`` in one schema of a PostgreSQL database."""

    name = "postgres"
    keeps_apart = True

    def __init__(self, url: str) -> None:
        self._address = PostgresAddress.parse(url, SCHEMA)
        self._schema = self._address.schema
        self._connection: Any = None
        self._ready: set[str] = set()
        self.where = self._address.where
        self.notes: list[str] = []
        """What was done otherwise than it might have been, for a person."""

    def claim(self, lake: str, *, make: bool = True) -> None:
        """See Store."""
        about = f'"{self._schema}".about'
        with self._transaction() as cursor:
            if make:
                self._make_schema(cursor)
                cursor.execute(f"INSERT INTO {about} VALUES ('lake', %s) ON CONFLICT DO NOTHING", (lake,))
            elif not looks.is_there(cursor, self._schema, "about"):
                return
            cursor.execute(f"SELECT value FROM {about} WHERE key = 'lake'")
            if cursor.fetchone() != (lake,):
                hint = f"give this one a schema of its own: ?schema=NAME in {SETTING}"
                raise ConfigError(f"{self.where} serves another lake", hint=hint)

    def loaded(self, table: str) -> dict[Name, Loaded]:
        """See Store."""
        with self._transaction() as cursor:
            # A table that was dropped has nothing, whatever was loaded into it.
            if not all(looks.is_there(cursor, self._schema, name) for name in ("loaded", table)):
                return {}
            looks.refuse_another(cursor, self._schema, table, self.where)
            return {} if looks.is_emptied(cursor, self._schema, table) else self._books(cursor, table)

    def _books(self, cursor: Any, table: str) -> dict[Name, Loaded]:  # noqa: ANN401 - psycopg2 has no types
        cursor.execute(f"{self._loaded} WHERE table_name = %s", (table,))
        return {(row[0], row[1], row[2]): Loaded(*row[3:]) for row in cursor.fetchall()}

    def counts(self, table: str) -> dict[Name, int]:
        """See Store."""
        with self._transaction() as cursor:
            if not looks.is_there(cursor, self._schema, table):
                return {}
            cursor.execute(sql.counted(self._schema, table, spec_of(table)))
            return {(venue, symbol, month): rows for venue, symbol, month, rows in cursor.fetchall()}

    def load(self, source: Source, wanted: Sequence[Partition], *, full: bool) -> Iterator[Done]:
        """See Store."""
        if full and wanted:
            self._doubt(source, wanted)
        for partition in wanted:
            with self._transaction() as cursor:
                self._make_table(cursor, source.table)
                done = self._loaded_anew(cursor, source, partition, full=full)
            yield done

    def close(self) -> None:
        """See Store."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _doubt(self, source: Source, wanted: Sequence[Partition]) -> None:
        """Write down that nobody knows what the store has of ``wanted``: who stops a load of all leaves the rest to the next."""
        with self._transaction() as cursor:
            self._make_table(cursor, source.table)
            for partition in wanted:
                self._remember(cursor, partition, Loaded("", 0, -1, source.commit, time.time_ns() // 1_000_000))

    def _remember(self, cursor: Any, partition: Partition, loaded: Loaded) -> None:  # noqa: ANN401 - as above
        values = (loaded.data_version, loaded.version, loaded.rows, loaded.commit, loaded.loaded_at)
        name = (partition.series.table, *name_of(partition))
        cursor.execute(sql.REMEMBER.format(schema=self._schema), (*name, *values))

    def _loaded_anew(self, cursor: Any, source: Source, partition: Partition, *, full: bool) -> Done:  # noqa: ANN401 - as above
        name = (source.table, *name_of(partition))
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ("|".join((self._schema, *name)),))
        cursor.execute(f"{self._loaded} WHERE (table_name, venue, symbol, month) = (%s, %s, %s, %s)", name)
        found = cursor.fetchone()
        known = Loaded(*found[3:]) if found else None
        if known and known.data_version == source.partitions.get(partition) and not full:
            return Done(partition, 0, 0)  # another loaded it meanwhile
        batch = source.read(partition, None if full else known)
        gone = self._copied(cursor, batch) if known is None and not full else self._merged(cursor, batch)
        now = time.time_ns() // 1_000_000
        self._remember(cursor, partition, Loaded(batch.data_version, batch.version, batch.total, source.commit, now))
        return Done(partition, len(batch.rows), gone)

    def _copied(self, cursor: Any, batch: Batch) -> int:  # noqa: ANN401 - as above
        """Rows of a partition nobody loaded, straight into the table; merged, if somebody put rows there all the same."""
        import psycopg2  # noqa: PLC0415 - only for who serves from PostgreSQL

        table = batch.partition.series.table
        spec = spec_of(table)
        cursor.execute("SAVEPOINT copying")
        try:
            target = sql.named(self._schema, table)
            cursor.copy_expert(
                sql.copied(target, sql.all_columns(spec)),
                io.BytesIO(binary(spec, batch.rows, name_of(batch.partition)[:2])),
            )
        except psycopg2.errors.UniqueViolation:
            cursor.execute("ROLLBACK TO SAVEPOINT copying")
            return self._merged(cursor, batch)
        return 0

    def _merged(self, cursor: Any, batch: Batch) -> int:  # noqa: ANN401 - as above
        """Rows over those that are there, and those gone that are not among them; how many went."""
        series = batch.partition.series
        spec = spec_of(series.table)
        cursor.execute(sql.staging(self._schema, series.table, spec))
        cursor.copy_expert(
            sql.copied(sql.STAGING, [one.name for one in spec.columns]), io.BytesIO(binary(spec, batch.rows))
        )
        # The server does not know yet how many rows a month has that came a moment ago: taking them for one, it goes through
        # all staged rows for each of them, which is minutes.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(sql.merged(self._schema, series.table, spec), (series.venue, series.symbol))
        gone = 0
        for window in batch.windows if batch.windows is not None else (batch.partition.window,):
            gone += self._deleted(cursor, batch.partition, spec, window)
        cursor.execute(f"DROP TABLE {sql.STAGING}")
        return gone

    def _deleted(self, cursor: Any, partition: Partition, spec: Table, window: Window) -> int:  # noqa: ANN401 - as above
        series = partition.series
        values = (series.venue, series.symbol, window.start, window.end)
        cursor.execute(sql.vanished(self._schema, series.table, spec), values)
        gone: int = cursor.rowcount
        return gone

    @property
    def _loaded(self) -> str:
        at = "(extract(epoch FROM loaded_at) * 1000)::bigint"
        columns = f"venue, symbol, month, data_version, version, row_count, commit_id, {at}"
        return f'SELECT {columns} FROM "{self._schema}".loaded'

    def _make_schema(self, cursor: Any) -> None:  # noqa: ANN401 - as above
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"qmd publish {self._schema}",))
        if looks.is_there(cursor, self._schema, "alembic_version"):
            hint = f"name another with ?schema= in {SETTING}, or leave it out for {SCHEMA}"
            raise ConfigError(f"the schema {self._schema} holds a ledger", hint=hint)
        # Not IF NOT EXISTS: that asks for the right to make schemas even where there is nothing to make.
        cursor.execute("SELECT FROM pg_namespace WHERE nspname = %s", (self._schema,))
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE SCHEMA "{self._schema}"')
        if not looks.is_there(cursor, self._schema, "loaded"):
            cursor.execute((sql.BOOKKEEPING + sql.ABOUT).format(schema=self._schema))

    def _make_table(self, cursor: Any, table: str) -> None:  # noqa: ANN401 - as above
        if table in self._ready:
            return
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"qmd publish {self._schema}",))
        is_new = not looks.is_there(cursor, self._schema, table)
        if is_new:
            cursor.execute(sql.made(self._schema, table, spec_of(table)))
            self._spread(cursor, table)
        if is_new or looks.is_emptied(cursor, self._schema, table):
            cursor.execute(f'DELETE FROM "{self._schema}".loaded WHERE table_name = %s', (table,))
        self._ready.add(table)

    def _spread(self, cursor: Any, table: str) -> None:  # noqa: ANN401 - as above
        """Hand a new table to TimescaleDB, where that is switched on in this database."""
        import psycopg2  # noqa: PLC0415 - as above

        cursor.execute(sql.TIMESCALE)
        if (extension := cursor.fetchone()) is None:
            return
        cursor.execute("SAVEPOINT spreading")
        try:
            cursor.execute(sql.hypertable(self._schema, table, spec_of(table), extension[0]))
        except psycopg2.Error as error:
            cursor.execute("ROLLBACK TO SAVEPOINT spreading")
            self.notes.append(f"{table} stays a plain table: {self._address.without_secrets(str(error).strip())}")

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        """A cursor in a transaction that is committed at the end; StoreError for whatever the server says."""
        import psycopg2  # noqa: PLC0415 - as above

        try:
            if self._connection is None:
                self._connection = psycopg2.connect(**(_DEFAULTS | self._address.parameters))
                # Whatever is set for this user: what another load did is seen once its lock is given.
                self._connection.set_session(isolation_level="READ COMMITTED")
            with self._connection, self._connection.cursor() as cursor:
                yield cursor
        except psycopg2.Error as error:
            self._ready.clear()
            if self._connection is not None and self._connection.closed:
                self._connection = None
            sentence, hint = explained(error, self._address)
            raise StoreError(sentence, hint=hint) from None
