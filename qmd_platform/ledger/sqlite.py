"""The ledger in one SQLite file: the embedded default, for one machine.

What lives here: everything that is particular to SQLite. What does not: the interface and the migrations
(``ledger.database``), any question about the lake (``ledger.ledger``).

SQLite before 3.51.3 can corrupt a database when one process checkpoints its write-ahead log while another
commits. So nothing checkpoints on its own here: a writing connection lives only while its process holds the
commit lock, and readers are read-only and never checkpoint. Closing the last connection does; as that costs as
much as three commits, a process that has written keeps an idle reader open until ``close``.
"""

import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from qmd_platform.errors import LedgerError
from qmd_platform.ledger.database import bring_up, is_current, refuse_moved
from qmd_platform.ledger.durable import synced
from qmd_platform.ledger.lock import held
from qmd_platform.ledger.rows import REBUILD
from qmd_platform.ledger.sqlite_connections import LOG_BYTES, MAKER, READER, WRITER, connected, connected_to


class SqliteDatabase:
    """One SQLite file, and the file that is locked while it is written. See ``ledger.database.Database``."""

    def __init__(self, path: Path, lock: Path) -> None:
        self.path = path
        self.lock = lock
        self._idle: sqlite3.Connection | None = None
        _open.add(self)

    @property
    def where(self) -> str:
        """See Database."""
        return str(self.path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See Database."""
        with self._named_errors(), connected_to(READER, self.path) as connection:
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
        with (
            self._named_errors(),
            held(self.lock),
            self._fresh_after_errors(),
            connected_to(WRITER, self.path) as connection,
        ):
            self._keep_log()
            with connection.begin():
                yield connection
            self._checkpoint(connection)

    def problems(self) -> list[str]:
        """See Database."""
        try:
            with self.reading() as connection:
                said = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(5)")]
        except LedgerError as error:
            return [error.message]
        return [] if said == ["ok"] else said

    def close(self) -> None:
        """Move what this process has written from the log into the database, if no other process has it open."""
        if self._idle is not None:
            with self._named_errors(), held(self.lock), connected_to(WRITER, self.path) as connection:
                connection.exec_driver_sql("SELECT 1")
                self.let_go()

    def settled(self) -> Path:
        """The file, with everything in it: whole without its log. For a ledger that nobody else uses."""
        self.let_go()
        with self._named_errors(), held(self.lock), connected_to(WRITER, self.path) as connection:
            driver = connection.connection.driver_connection
            if driver is None or driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise LedgerError(f"the ledger {self.path} is in use", hint="end the other programs that use it")
        return self.path

    def let_go(self) -> None:
        """Hold no connection. What was committed stays in the log, as durable as before."""
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    def migrate(self) -> None:
        """See Database."""
        with self._named_errors():
            if self._is_whole() and is_current(self.where, self._revision()):
                return
        with self._named_errors(), held(self.lock):
            if not self.path.exists() or not self.path.stat().st_size:
                self._make()
            if not self._is_whole():
                with connected_to(WRITER, self.path) as connection:
                    connection.exec_driver_sql("SELECT name FROM sqlite_master")
            revision = self._revision()
            if not is_current(self.where, revision):
                with connected_to(WRITER, self.path) as connection, connection.begin():
                    bring_up(connection, revision)

    def _is_whole(self) -> bool:
        """Whether readers can open it: not while a writer that was stopped has left its rollback journal."""
        return not self.path.with_name(self.path.name + "-journal").exists()

    def _make(self) -> None:
        """A new database, under its name only when it is complete and durable. Under the lock."""
        draft = self.path.with_name(f"{self.path.name}.draft")
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{draft}{suffix}").unlink(missing_ok=True)
        with connected_to(MAKER, draft) as connection:
            with connection.begin():
                bring_up(connection, None)
            # Now, and not before: what is in a write-ahead log is moved when the file is closed, and an error there is
            # told to nobody.
            driver = connection.connection.driver_connection
            if driver is not None:
                driver.execute("PRAGMA journal_mode=WAL")
        synced(draft)
        draft.replace(self.path)
        synced(self.path.parent)

    def _revision(self) -> str | None:
        if not self.path.exists():
            return None
        with self.reading() as connection:
            tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")
            if tables.first() is None:
                return None
            return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()

    def _keep_log(self) -> None:
        """Hold the idle reader, so that the writer, closing, is not the last one. Under the lock."""
        if self._idle is None:
            self._idle = connected(self.path, "ro")
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
    def _fresh_after_errors(self) -> Iterator[None]:
        """After an error of the database, hold no connection. Under the lock.

        What one connection could not have, the others of its process then do without too: after one EMFILE the log's
        index stays read-only for as long as the idle reader holds it.
        """
        try:
            yield
        except (DatabaseError, OSError, sqlite3.Error):
            self.let_go()
            raise

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            raise LedgerError(f"the ledger {self.path} cannot be used: {error.orig}", hint=_hint(error)) from error
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(f"the ledger {self.path} cannot be used: {error}") from error


_open: weakref.WeakSet[SqliteDatabase] = weakref.WeakSet()


def _let_all_go() -> None:
    """SQLite's connections must not be carried over a fork, not even idle ones."""
    for database in list(_open):  # closing one lets other threads run, which may open another
        database.let_go()


os.register_at_fork(before=_let_all_go)


def _hint(error: DatabaseError) -> str | None:
    """What to do about a file that is not, or not any more, what we made."""
    signs = ("not a database", "malformed", "no such column", "no such table")
    return REBUILD if any(sign in str(error.orig) for sign in signs) else None
