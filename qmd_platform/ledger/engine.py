"""The SQLite database behind the ledger: its connections, and the schema version it is in.

What lives here: everything that is particular to SQLite. What does not: any question about the lake
(``ledger.ledger``).

SQLite before 3.51.3 can corrupt a database when one process checkpoints its write-ahead log while another
commits. So nothing checkpoints on its own here: a writing connection lives only while its process holds the
commit lock, and readers are read-only and never checkpoint. Closing the last connection does; as that costs as
much as three commits, a process that has written keeps an idle reader open until ``close``.
"""

import os
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from qmd_platform.errors import LedgerError, LedgerTooNew
from qmd_platform.ledger.lock import held
from qmd_platform.ledger.schema import REVISIONS, metadata

BUSY_S = 60
"""Seconds a connection waits for SQLite's own locks (a closing writer's checkpoint) before it gives up."""

LOG_BYTES = 4 << 20
"""Size of the write-ahead log from which a commit checkpoints although readers keep the log open."""

_WRITER = ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0")


class Database:
    """One SQLite file, and the file that is locked while it is written."""

    def __init__(self, path: Path, lock: Path) -> None:
        self.path = path
        self.lock = lock
        self._idle: sqlite3.Connection | None = None
        self._reader = _engine(lambda: _connected(path, "ro"), "BEGIN")
        self._writer = _engine(lambda: _connected(path, "rwc", _WRITER), "BEGIN IMMEDIATE")
        _open.add(self)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in one read transaction: all it sees is of one commit."""
        with self._named_errors(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The one connection that writes, in one transaction: committed at the end, rolled back on an error."""
        with self._named_errors(), held(self.lock), self._writer.connect() as connection:
            self._keep_log()
            with connection.begin():
                yield connection
            self._checkpoint(connection)

    def close(self) -> None:
        """Move what this process has written from the log into the database, if no other process has it open."""
        if self._idle is not None:
            with self._named_errors(), held(self.lock), self._writer.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
                self.let_go()

    def let_go(self) -> None:
        """Hold no connection. What was committed stays in the log, as durable as before."""
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    def migrate(self) -> None:
        """Bring the database to the schema this code speaks; makes it if absent. Safe to race.

        Raises:
            LedgerTooNew: a newer qmd_platform wrote it. Nothing is changed.
            LedgerError: it cannot be read or written.
        """
        if self._is_current():
            return
        with self._named_errors(), held(self.lock):
            if not self._is_current():
                make = _upgrade if self.path.exists() and self._revision() else _make
                with self._writer.connect() as connection, connection.begin():
                    make(connection)

    def _is_current(self) -> bool:
        found = self._revision() if self.path.exists() else None
        if found is not None and found not in REVISIONS:
            raise LedgerTooNew(
                f"the ledger {self.path} has schema {found}; this qmd_platform knows up to {REVISIONS[-1]}",
                hint="upgrade qmd_platform; nothing was changed",
            )
        return found == REVISIONS[-1]

    def _revision(self) -> str | None:
        with self.reading() as connection:
            tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")
            if tables.first() is None:
                return None
            return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()

    def _keep_log(self) -> None:
        """Hold the idle reader, so that the writer, closing, is not the last one. Under the lock."""
        if self._idle is None:
            self._idle = _connected(self.path, "ro")
            weakref.finalize(self, self._idle.close)
            # It counts as open from its first read.
            self._idle.execute("SELECT name FROM sqlite_master").fetchall()

    def _checkpoint(self, connection: Connection) -> None:
        """Move a grown log into the database. Only under the lock, and outside a transaction."""
        log = self.path.with_name(self.path.name + "-wal")
        driver = connection.connection.driver_connection
        if driver is not None and log.exists() and log.stat().st_size > LOG_BYTES:
            driver.execute("PRAGMA wal_checkpoint(PASSIVE)")

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            raise LedgerError(f"the ledger {self.path} cannot be used: {error.orig}") from error
        except OSError as error:
            raise LedgerError(f"the ledger {self.path} cannot be used: {error}") from error


_open: weakref.WeakSet[Database] = weakref.WeakSet()


def _let_all_go() -> None:
    """SQLite's connections must not be carried over a fork, not even idle ones."""
    for database in _open:
        database.let_go()


os.register_at_fork(before=_let_all_go)


def _connected(path: Path, mode: str, pragmas: tuple[str, ...] = ()) -> sqlite3.Connection:
    # isolation_level=None: we say BEGIN ourselves, as sqlite3 would only say it before a write.
    uri = f"file:{quote(str(path))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _engine(connect: Callable[[], sqlite3.Connection], begin: str) -> Engine:
    # No pool: a connection closed outside the lock is what must never happen.
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _make(connection: Connection) -> None:
    """All tables of today, marked as alembic would; a test holds them equal to the migrations' end."""
    metadata.create_all(connection)
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (REVISIONS[-1],))


def _upgrade(connection: Connection) -> None:
    """From an older schema to today's, by way of the migrations."""
    from alembic import command  # noqa: PLC0415 - a third of a second, needed only to change an old ledger
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
