"""The ledger in a schema of a PostgreSQL database: for a team, and for many machines.

What lives here: everything that is particular to PostgreSQL. What does not: the interface and the migrations
(``ledger.database``), the address (``ledger.address``), any question about the lake (``ledger.ledger``).

A writing transaction first takes one advisory lock, the same for all who write to this schema: so commits are
made one after the other, as in SQLite, and each sees all before it. The server gives the lock up when the
transaction ends, however it ends. The tables are in a schema of their own, so that Dagster may keep its tables
(and its ``alembic_version``) in the same database.
"""

import hashlib
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, RootTransaction, create_engine, event
from sqlalchemy.exc import DBAPIError

from qmd_platform.errors import LedgerError
from qmd_platform.ledger.address import PostgresAddress
from qmd_platform.ledger.database import bring_up, is_current, refuse_moved
from qmd_platform.ledger.postgres_errors import is_certain, named

IDLE_CONNECTIONS = 2
"""Connections a process keeps for later: making one takes as long as ten reads. More at a time are made as needed."""

CONNECT_TIMEOUT_S = 10
"""How long a server may take to answer the first time, where the address does not say ``connect_timeout``."""

_DEFAULTS = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "qmd", "client_encoding": "utf8"}
"""What a connection is made with where the address does not say otherwise."""

_SETTINGS = {
    # A writer's snapshot must be of the time after the wait for the lock, whatever this role's habit.
    "default_transaction_isolation": "read committed",
    # Nothing is looked for in public, where Dagster's tables may be.
    "search_path": "{schema}",
    # A machine that vanishes takes its commit lock with it: the server notices within a minute, not after two hours.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # A writer that hangs in the middle of a commit does not stop all the others for good.
    "idle_in_transaction_session_timeout": "10min",
}


class PostgresDatabase:
    """One schema of a PostgreSQL database. See ``ledger.database.Database``.

    A connection that was lost while idle is replaced unnoticed. One that is lost later fails the transaction;
    if that was while committing, the outcome is unknown, and the error says so.
    """

    def __init__(self, url: str) -> None:
        self._address = PostgresAddress.parse(url)
        self._lock_key = int.from_bytes(
            hashlib.sha256(f"qmd ledger {self._address.schema}".encode()).digest()[:8], signed=True
        )
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self._engine = create_engine(
            "postgresql+psycopg2://",
            connect_args=_DEFAULTS | self._address.parameters,
            pool_size=IDLE_CONNECTIONS,
            max_overflow=-1,
            pool_pre_ping=True,
            # The updates of a commit to a hundred markets go out together, not one by one.
            executemany_mode="values_plus_batch",
            # A failed statement's values are of no use to a person, and may be long.
            hide_parameters=True,
        )
        event.listen(self._engine, "connect", self._set_up)
        _open.add(self)

    @property
    def where(self) -> str:
        """See Database."""
        return self._address.where

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See Database."""
        with self._named_errors(), self._engine.connect() as connection:
            # One transaction is one snapshot; SQLite's are so by nature.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """See Database."""
        with self.moving() as connection:
            refuse_moved(connection, self.where)
            yield connection

    @contextmanager
    def moving(self) -> Iterator[Connection]:
        """See Database."""
        with self._named_errors(), self._engine.connect() as connection, connection.begin() as transaction:
            # READ COMMITTED, not REPEATABLE READ: its snapshot would be of the time before the wait for the lock.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({self._lock_key})")
            yield connection
            self._commit(transaction)

    def problems(self) -> list[str]:
        """See Database."""
        return []

    def close(self) -> None:
        """See Database."""
        self.let_go()

    def let_go(self) -> None:
        """See Database."""
        self._engine.dispose()

    def migrate(self) -> None:
        """See Database."""
        with self.reading() as connection:
            if is_current(self.where, self._revision(connection)):
                return
        with self.moving() as connection:
            self._make_schema(connection)
            revision = self._revision(connection)
            if not is_current(self.where, revision):
                bring_up(connection, revision)

    def _make_schema(self, connection: Connection) -> None:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            hint = f"make another: createdb -E UTF8 -T template0 {self._address.database}"
            raise LedgerError(f"the database {self.where} keeps text in {encoding}, not in UTF8", hint=hint)
        # Not IF NOT EXISTS: that asks for the right to make schemas even where there is nothing to make.
        if connection.exec_driver_sql(f"SELECT to_regnamespace('{self._address.schema}')").scalar_one() is None:
            connection.exec_driver_sql(f'CREATE SCHEMA "{self._address.schema}"')

    def _revision(self, connection: Connection) -> str | None:
        table = f'"{self._address.schema}".alembic_version'
        if connection.exec_driver_sql(f"SELECT to_regclass('{table}')").scalar_one() is None:
            return None
        return connection.exec_driver_sql(f"SELECT version_num FROM {table}").scalar_one_or_none()  # noqa: S608 - the schema's name is checked

    def _set_up(self, connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg2 has no types
        """Prepare a new connection, in one round trip."""
        self._connections.add(connection)
        settings = {name: value.format(schema=self._address.schema) for name, value in _SETTINGS.items()}
        chosen = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in settings.items())
        # What is committed is on disk, whatever this server's habit; stronger habits are kept.
        durable = "CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END"
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {chosen}, {durable}")
        connection.autocommit = False

    def _commit(self, transaction: RootTransaction) -> None:
        try:
            transaction.commit()
        except DBAPIError as error:
            if is_certain(error):
                raise
            raise LedgerError(
                f"the connection to the ledger {self.where} was lost while committing; whether the commit was made "
                "is not known",
                hint="run it again: rows that are there already change nothing",
            ) from error

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise named(error, self._address) from error

    def _forget(self) -> None:
        """In a forked child: drop the parent's connections without a word to the server, which still serves the parent.

        Only dropping them would leave their sockets open, and the server waiting for this process as well when the
        parent dies in the middle of a commit. The numbers of the sockets stay taken, so that no new one gets them.
        """
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for connection in self._connections:
            if not connection.closed:
                os.dup2(nothing, connection.fileno(), inheritable=False)
        os.close(nothing)
        self._connections = weakref.WeakSet()
        self._engine.dispose(close=False)


_open: weakref.WeakSet[PostgresDatabase] = weakref.WeakSet()


def _forget_all() -> None:
    for database in _open:
        database._forget()  # noqa: SLF001 - this module's own class


os.register_at_fork(after_in_child=_forget_all)
